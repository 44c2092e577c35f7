package api_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// unprovoked are refusals that the document lists and no test here brings about.
var unprovoked = map[string]string{
	"answer-step account_blocked":    "no call blocks an account yet; journey/signin tests the gate",
	"answer-step account_frozen":     "as above",
	"answer-step account_leaving":    "as above",
	"answer-step code_other_purpose": "needs two purposes in one journey; journey/signin tests it",
	"answer-step conflict":           "needs two answers at once; journey/flow tests it",
	"answer-step password_breached":  "no breach list is configured here; identity/credential tests it",
	"set-password password_breached": "as above",
	"get-captcha unavailable":        "needs a crowd before the studio; kit/captcha tests it",
	"answer-step country_not_served": "every country is served here; remote/numbers tests it",

	"add-passkey passkey_known":           "identity/passkey tests it with a software authenticator",
	"add-passkey passkeys_full":           "as above",
	"passkey-options passkeys_full":       "as above",
	"remove-passkey last_way_in":          "needs an account of nothing but a passkey; journey/settings tests it",
	"answer-prompt prompt_expired":        "journey/proof tests what becomes of a question on two nodes",
	"answer-step prompt_denied":           "as above",
	"answer-step prompt_expired":          "as above",
	"answer-step answers_wrong":           "journey/proof tests the security questions",
	"answer-step contact_changes_limited": "journey/contacts tests every refusal about contacts",
	"answer-step contact_free":            "as above",
	"answer-step contact_missing":         "as above",
	"answer-step contact_protected":       "as above",
	"answer-step contact_required":        "as above",
	"answer-step contact_unchanged":       "as above",
	"answer-step disputes_limited":        "as above",
	"answer-step last_way_in":             "as above",
	"object objection_expired":            "as above",
	"object objection_used":               "as above",
	"answer-step account_not_frozen":      "journey/recovery and journey/lifecycle test recovering, freezing and unfreezing",
	"answer-step freeze_limited":          "as above",
	"answer-step recovery_over":           "as above",
	"answer-step password_reused":         "as above",
	"set-password password_reused":        "journey/settings tests the remembered passwords",
	"answer-step proof_required":          "needs a proof that ages while a journey of a signed-in person goes on; journey/contacts tests it",
	"begin-journey proof_required":        "as above",
	"answer-step rate_limited":            "limits of an account; journey/settings tests those of each act",
	"add-passkey rate_limited":            "as above",
	"passkey-options rate_limited":        "as above",
	"remove-passkey rate_limited":         "as above",
	"rename-passkey rate_limited":         "as above",
	"begin-totp rate_limited":             "as above",
	"confirm-totp rate_limited":           "as above",
	"remove-totp rate_limited":            "as above",
	"make-recovery-codes rate_limited":    "as above",
	"set-questions rate_limited":          "as above",
	"remove-questions rate_limited":       "as above",
	"set-sms-protection rate_limited":     "as above",
	"set-two-step rate_limited":           "as above",
	"watch-prompts rate_limited":          "needs more streams than a node has; journey/settings tests the bound",
	"confirm-totp proof_required":         "the proof has to age between the two halves; journey/settings tests it",
	"link rate_limited":                   "limits of an account and a network; journey/linking and journey/flow test them",
	"unlink rate_limited":                 "journey/linking tests it",
	"unlink last_way_in":                  "needs an account of nothing but a link; journey/linking tests it",
	"unlink last_second_step":             "as above",
	"remove-totp last_second_step":        "needs 2-step verification with nothing else; journey/settings tests it",
	"set-questions questions_unavailable": "journey/settings tests each of its reasons",
}

// TestMain runs all tests, then looks for promises of the document that none of
// them saw kept.
func TestMain(m *testing.M) {
	status := m.Run()
	if only := flag.Lookup("test.run").Value.String(); status == 0 && only == "" {
		if left := unseen(); len(left) > 0 {
			fmt.Println("the document lists refusals that no test brings about, and unprovoked does not name:\n" + strings.Join(left, "\n"))
			status = 1
		}
	}
	os.Exit(status)
}

func unseen() []string {
	var left []string
	for _, item := range came.doc.paths {
		for _, o := range item {
			o := o.(map[string]any)
			for status, response := range o["responses"].(map[string]any) {
				for _, code := range codesOf(response.(map[string]any)) {
					name := o["operationId"].(string) + " " + code
					if status != "default" && !came.codes[name] && unprovoked[name] == "" {
						left = append(left, name)
					}
				}
			}
		}
	}
	for name := range unprovoked {
		if came.codes[name] {
			left = append(left, name+" (came; take it out of unprovoked)")
		}
	}
	slices.Sort(left)
	return left
}
