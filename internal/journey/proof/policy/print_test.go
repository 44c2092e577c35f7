package policy

import (
	"strings"
	"testing"
)

func TestPolicyDocumentIsCurrent(t *testing.T) {
	var b strings.Builder
	if err := house.Print().Write(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\nWritten by `selfsame policy show`. [matrix.md](matrix.md) shows what follows for the accounts that people have,\n[simulation.md](simulation.md) what attackers get out of it, and [decision 0028](decisions/0028-policy-as-data.md) why it is so.\n")
	isCurrent(t, "policy.md", b.String())
}

// TestTable reads the table row by row: what it was meant to be, written again.
func TestTable(t *testing.T) {
	const meant = `
sign_in low medium high 24 h, guarded 72 h: 2-step
recover low medium high 24 h, guarded 72 h: 2-step, two kinds if guarded
freeze low low low : any proof
unfreeze medium medium high 24 h, guarded 72 h: 2-step, two proofs, not less if the account has less
set_password low medium high : 2-step, two kinds if guarded, one proof while newborn
view_contacts medium medium high : one proof while newborn
add_contact medium medium high : 2-step, one proof while newborn
change_phone medium medium high : 2-step, nothing new counts, not by sms_code alone
change_email medium medium high : 2-step, nothing new counts, not by email_code alone
replace_phone high high high : 2-step, nothing new counts, not after a recovery, not by sms_code alone
replace_email high high high : 2-step, nothing new counts, not after a recovery, not by email_code alone
remove_phone high high high : 2-step, two proofs, nothing new counts, not after a recovery, not by sms_code alone
remove_email high high high : 2-step, two proofs, nothing new counts, not after a recovery, not by email_code alone
add_method medium medium high : 2-step, one proof while newborn
remove_method high high high : 2-step, nothing new counts, not after a recovery
recovery_codes high high high : 2-step, not after a recovery, one proof while newborn
two_step_on medium medium high : one proof while newborn
two_step_off high high high : 2-step, nothing new counts, not after a recovery
trust_device medium medium high : 2-step, one proof while newborn
link medium medium high : 2-step, one proof while newborn
unlink high high high : 2-step, two proofs, nothing new counts, not after a recovery, not by linked alone
export high high high : 2-step, nothing new counts, not after a recovery
delete high high high 24 h, guarded 72 h: 2-step, nothing new counts, not after a recovery
`
	var b strings.Builder
	b.WriteString("\n")
	for _, a := range house.Print().Actions {
		b.WriteString(strings.Join([]string{string(a.Action), a.At[0], a.At[1], a.At[2], a.Wait}, " ") + ": " + strings.Join(a.Besides, ", ") + "\n")
	}
	for i, want := range strings.Split(meant, "\n") {
		if got := strings.Split(b.String(), "\n")[i]; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
