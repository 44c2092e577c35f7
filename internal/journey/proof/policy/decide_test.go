package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// letters name the methods in tests and in docs/matrix.md.
var letters = map[rune]Method{'S': SMSCode, 'E': EmailCode, 'P': Password, 'K': Passkey, 'T': TOTP, 'R': RecoveryCode, 'Q': Questions, 'D': DevicePrompt, 'L': LinkedSignIn}

// ways reads methods by their letters; a ' after one makes it a day old, a " makes it
// one that took another's place a day ago.
func ways(text string) (out []Way) {
	for _, c := range text {
		switch c {
		case '\'', '"':
			out[len(out)-1].Since, out[len(out)-1].Replaced = now.Add(-24*time.Hour), c == '"'
		default:
			out = append(out, Way{Method: letters[c], Since: now.Add(-1000 * time.Hour)})
		}
	}
	return out
}

// given reads proofs; k is a passkey that did not verify the person.
func given(text string) (out []Given) {
	for _, c := range text {
		g := Given{Method: letters[c], At: now, Verified: c == 'K'}
		if c == 'k' {
			g.Method = Passkey
		}
		out = append(out, g)
	}
	return out
}

// short writes methods by their letters.
func short(ms []Method) string {
	var b strings.Builder
	for _, m := range ms {
		for c, l := range letters {
			if l == m {
				b.WriteRune(c)
			}
		}
	}
	return b.String()
}

func standing(text string) Standing {
	return Standing{CreatedAt: now.Add(-9000 * time.Hour), Ways: ways(text)}
}

func ask(a Action, has, gave string) Question {
	return Question{Action: a, Standing: standing(has), Given: given(gave), Now: now}
}

func with(q Question, change func(*Question)) Question {
	change(&q)
	return q
}

func twoStep(q *Question)   { q.Standing.TwoStep = true }
func known(q *Question)     { q.Standing.KnownDevice = true }
func protected(q *Question) { q.Standing.Protected = true }
func doubt(m Method) func(*Question) {
	return func(q *Question) { q.Risk.Doubted = append(q.Risk.Doubted, m) }
}
func risk(l Level) func(*Question) { return func(q *Question) { q.Risk.Level = l } }

var house = New(Settings{})

// TestDecide asks one question a row. say is + for enough, else what is offered, then
// what is unavailable in parentheses, the wait in hours, and the words of why.
func TestDecide(t *testing.T) {
	day := now.Add(48 * time.Hour) // when what is a day old is no longer too new
	for _, tt := range []struct {
		what string
		q    Question
		say  string
	}{
		{"a text opens a plain account", ask(SignIn, "S", "S"), "+"},
		{"nothing yet: every way by itself", ask(SignIn, "SPK", ""), "KS"},
		{"a password on an unknown device is half a proof", ask(SignIn, "SPE", "P"), "SE password_alone"},
		{"and a whole one on a known device", with(ask(SignIn, "SPE", "P"), known), "+"},
		{"not at raised risk", with(with(ask(SignIn, "SPE", "P"), known), risk(Medium)), "SE"},
		{"nor if it is in a public list", with(with(ask(SignIn, "SPE", "P"), known), doubt(Password)), "SE"},
		{"high risk wants two kinds, and an e-mail helps to wait only", with(ask(SignIn, "SPE", "P"), risk(High)), "SE password_alone"},
		{"no more than the account has", with(ask(SignIn, "SE", "S"), risk(High)), "+"},
		{"a lost device that was signed in keeps nobody out", ask(ChangePhone, "SD", "S"), "+"},
		{"nor raises it what the rest must show", ask(RemoveMethod, "EPD", "EP"), "+"},
		{"one that is at hand counts", ask(RemoveMethod, "SPD", "DP"), "+"},
		{"a passkey that verified the person is high alone", with(ask(SignIn, "SPK", "K"), risk(High)), "+"},
		{"one that did not is not", with(ask(SignIn, "SPK", "k"), risk(High)), "KP 72h"},
		{"2-step verification: a password is one step", with(ask(SignIn, "SPT", "P"), twoStep), "TS two_step password_alone"},
		{"a known device does not skip it", with(with(ask(SignIn, "SPT", "P"), twoStep), known), "TS two_step"},
		{"an e-mail is no second step", with(ask(SignIn, "SPET", "PE"), twoStep), "TS 72h two_step"},
		{"nor a first one (S-40)", with(ask(SignIn, "SPET", "SE"), twoStep), "TP 72h two_step"},
		{"a text twice is one factor (S-40)", with(ask(SignIn, "SPT", "SS"), twoStep), "TP two_step"},
		{"a text, then the app", with(ask(SignIn, "SPT", "ST"), twoStep), "+"},
		{"a third-party account, then a text", with(ask(SignIn, "SL", "LS"), twoStep), "+"},
		{"a trusted device skips the second step", with(with(ask(SignIn, "SPT", "P"), twoStep), func(q *Question) { q.Standing.TrustedDevice, q.Standing.KnownDevice = true, true }), "+"},
		{"but is no proof (S-64)", with(with(ask(SignIn, "SPT", ""), twoStep), func(q *Question) { q.Standing.TrustedDevice, q.Standing.KnownDevice = true, true }), "TSP"},

		{"a new phone carries nothing", ask(SignIn, "S\"", "S"), "! until 48h"},
		{"but on a known device it signs in", with(ask(SignIn, "S\"", "S"), known), "+"},
		{"a device as new as the phone does not help", with(with(ask(SignIn, "S\"", "S"), known), func(q *Question) { q.Standing.DeviceSince = now.Add(-time.Hour) }), "! until 48h"},
		{"beside an old proof a new one counts", ask(SignIn, "S\"P", "SP"), "+"},
		{"what came with the account is as old as it", with(ask(SignIn, "S'", "S"), func(q *Question) { q.Standing.CreatedAt = now.Add(-24*time.Hour - time.Minute) }), "+"},
		{"a doubted number proves nothing alone (S-80)", with(ask(SignIn, "S", "S"), doubt(SMSCode)), "appeal"},
		{"beside an e-mail it does", with(ask(SignIn, "SE", "SE"), doubt(SMSCode)), "+"},
		{"and nobody waits with it", with(ask(Recover, "SE", "S"), doubt(SMSCode)), "E"},
		{"texts alone are never enough (S-81)", with(ask(SignIn, "SE", "S"), protected), "E sms_not_alone"},
		{"not even with time", with(ask(Recover, "SPE", "S"), protected), "PE two_kinds sms_not_alone"},

		{"recovery of a plain account", ask(Recover, "SPE", "S"), "+"},
		{"not with the password that strangers may know", ask(Recover, "SPE", "P"), "SE password_alone"},
		{"with a passkey: two kinds, or one and a wait (S-74)", ask(Recover, "SPK", "S"), "KP 72h two_kinds"},
		{"an e-mail and a password are two", ask(Recover, "SPEK", "PE"), "+"},
		{"not with 2-step verification, which asks for more at sign-in", with(ask(Recover, "SPET", "PE"), twoStep), "TS 72h two_step"},
		{"the passkey opens it", ask(Recover, "SPK", "K"), "+"},
		{"waiting: not where only the proved phone would hear of it", with(ask(Recover, "SPT", "S"), twoStep), "TP two_step two_kinds"},
		{"but with a mailbox that hears of it", with(ask(Recover, "SEPT", "S"), twoStep), "P 72h two_step two_kinds"},
		{"or with a strong proof", with(ask(Recover, "SPT", "T"), twoStep), "P 72h two_step two_kinds"},
		{"a phone and a mailbox are enough for a wait", with(ask(Recover, "SEPT", "SE"), twoStep), "P 72h two_step two_kinds"},
		{"what can let a wait begin is offered too", with(ask(Recover, "SEPT", ""), twoStep), "TSPE"},
		{"if a limit stands in the way, it is told", with(ask(SignIn, "S", ""), func(q *Question) { q.Standing.Ways[0].Unavailable = "limited" }), "(S)"},

		{"questions open nothing (S-79)", ask(SignIn, "SQ", "Q"), "S"},
		{"a way that is replaced is not enough alone (S-67)", ask(ChangePhone, "SE", "S"), "E not_alone"},
		{"unless it is the only one", ask(ChangePhone, "S", "S"), "+"},
		{"two are", ask(ChangePhone, "SE", "SE"), "+"},
		{"a change needs medium", ask(ChangePhone, "SPE", "SE"), "P sensitive"},
		{"a new password does not count for it yet (S-69)", ask(ChangePhone, "SP\"", "SP"), "! until 48h not_alone sensitive"},
		{"after a new phone the mailbox is not removed by itself", ask(RemoveEmail, "S\"E", "E"), "! until 48h two_kinds not_alone"},
		{"nor with the new phone", ask(RemoveEmail, "S\"E", "SE"), "! until 48h two_kinds not_alone"},
		{"a new password does not lower what is needed", ask(RemovePhone, "SEP\"", "SE"), "! until 48h two_kinds sensitive"},
		{"an intruder's passkey goes with one older proof", ask(RemoveMethod, "SK'", "S"), "+"},
		{"2-step verification is not switched off by text (S-41)", with(ask(TwoStepOff, "ST", "S"), twoStep), "T two_step sensitive"},
		{"held after a recovery (S-78)", with(ask(Delete, "SPE", "SP"), func(q *Question) { q.Standing.RecoveredAt = now.Add(-24 * time.Hour) }), "! until 48h just_recovered"},
		{"a forgotten password is no obstacle to leave", ask(Delete, "SPE", "S"), "P 24h sensitive"},
		{"any proof freezes", with(ask(Freeze, "S\"", "S"), doubt(SMSCode)), "+"},
		{"unfreezing: two kinds, or one and a day", ask(Unfreeze, "SPE", "S"), "P 24h two_kinds sensitive"},
		{"however little the account has", ask(Unfreeze, "S", "S"), "24h two_kinds sensitive"},
		{"an e-mail and a password are two kinds", ask(Unfreeze, "PE", "PE"), "+"},
		{"to remove a contact, both, if the account has no two kinds", ask(RemoveEmail, "SE", "S"), "E two_kinds"},
		{"while it is set up, one proof is enough", with(ask(AddMethod, "SP", "S"), func(q *Question) { q.Standing.CreatedAt = now.Add(-time.Minute) }), "+"},
		{"later it is not", ask(AddMethod, "SP", "S"), "P sensitive"},

		{"a proof counts for ten minutes", with(ask(SignIn, "S", "S"), func(q *Question) { q.Given[0].At = now.Add(-FreshFor - time.Second) }), "S"},
		{"what was proved elsewhere does not count here", with(ask(ChangePhone, "SP", "SP"), func(q *Question) { q.Given[0].Elsewhere, q.Given[1].Elsewhere = true, true }), "SP not_alone sensitive"},
		{"a step-up for less does not count for more (S-68)", with(ask(Delete, "SP", "SP"), func(q *Question) { q.Given[0].For, q.Given[1].For = AddMethod, AddMethod }), "SP sensitive"},
		{"one for more does", with(ask(AddMethod, "SP", "SP"), func(q *Question) { q.Given[0].For, q.Given[1].For = Delete, Delete }), "+"},
		{"what the account lost proves nothing", ask(SignIn, "P", "S"), "P"},
		{"an action that nobody knows", ask("sell", "SPK", "SPK"), "appeal"},
		{"an account without any way", ask(SignIn, "", ""), "appeal"},
	} {
		d := house.Decide(tt.q)
		if got := said(d, tt.q.Now); got != tt.say {
			t.Errorf("%s:\n has %s, gave %s for %s\n got  %s\n want %s", tt.what, short(methodsOf(tt.q.Standing.Ways)), letters2(tt.q.Given), tt.q.Action, got, tt.say)
		}
		if !d.TooNew.IsZero() && !d.TooNew.Equal(day) {
			t.Errorf("%s: too new until %s", tt.what, d.TooNew)
		}
	}
}

func methodsOf(ways []Way) (out []Method) {
	for _, w := range ways {
		out = append(out, w.Method)
	}
	return out
}

func letters2(given []Given) string {
	var ms []Method
	for _, g := range given {
		ms = append(ms, g.Method)
	}
	return short(ms)
}

// said is a decision in one line.
func said(d Decision, now time.Time) string {
	if d.Enough {
		return "+"
	}
	parts := []string{}
	if len(d.Offer) > 0 {
		parts = append(parts, short(d.Offer))
	}
	if len(d.Unavailable) > 0 {
		parts = append(parts, "("+short(methodsOf(d.Unavailable))+")")
	}
	if d.Wait > 0 {
		parts = append(parts, strings.TrimSuffix(d.Wait.String(), "0m0s"))
	}
	if !d.TooNew.IsZero() {
		parts = append(parts, "! until "+strings.TrimSuffix(d.TooNew.Sub(now).String(), "0m0s"))
	}
	if d.Appeal {
		parts = append(parts, "appeal")
	}
	for _, w := range d.Why {
		parts = append(parts, string(w))
	}
	return strings.Join(parts, " ")
}

func TestAWaitStandsInForWhatIsMissing(t *testing.T) {
	wait := func(from, to time.Duration) func(*Question) {
		return func(q *Question) {
			q.Standing.Waits = []Wait{{Action: Recover, ReadyAt: now.Add(from), EndsAt: now.Add(to)}}
		}
	}
	q := ask(Recover, "SPEK", "S")
	for _, tt := range []struct {
		what          string
		q             Question
		enough        bool
		wait, readyIn time.Duration
	}{
		{"none was begun", q, false, GuardedWait, 0},
		{"one is under way", with(q, wait(time.Hour, 25*time.Hour)), false, 0, time.Hour},
		{"it is over", with(q, wait(0, time.Hour)), true, 0, 0},
		{"it was not used in time", with(q, wait(-time.Hour, 0)), false, GuardedWait, 0},
		{"it was for something else", with(with(q, wait(0, time.Hour)), func(q *Question) { q.Standing.Waits[0].Action = Unfreeze }), false, GuardedWait, 0},
		{"time alone proves nothing", with(ask(Recover, "SPEK", ""), wait(0, time.Hour)), false, 0, 0},
		{"nor with a password that strangers may know", with(ask(Recover, "SPEK", "P"), wait(0, time.Hour)), false, 0, 0},
	} {
		d := house.Decide(tt.q)
		ready := time.Duration(0)
		if !d.ReadyAt.IsZero() {
			ready = d.ReadyAt.Sub(now)
		}
		if d.Enough != tt.enough || d.Wait != tt.wait || ready != tt.readyIn {
			t.Errorf("%s: %+v", tt.what, d)
		}
	}
	if d := New(Settings{NoWaits: true}).Decide(q); d.Wait != 0 {
		t.Errorf("a wait of %s where there are none", d.Wait)
	}
}

func TestWhoHasMoreProofWinsAnObjection(t *testing.T) {
	for _, tt := range []struct {
		what string
		q    Question
		by   Method
		want bool
	}{
		{"the owner's mailbox against a thief's text", with(ask(Recover, "SEPT", "S"), twoStep), EmailCode, true},
		{"a number that somebody got yesterday", ask(Recover, "S\"EK", "E"), SMSCode, false},
		{"a number that may be somebody else's", with(ask(Recover, "SEK", "E"), doubt(SMSCode)), SMSCode, false},
		{"one contact against two other proofs", ask(Unfreeze, "SED", "ED"), SMSCode, false},
		{"one of the two proofs themselves", ask(Unfreeze, "SE", "SE"), SMSCode, true},
		{"a contact that the account has not", ask(Recover, "SK", "S"), EmailCode, false},
		{"a wait that nobody knows", ask("sell", "S", "S"), SMSCode, true},
	} {
		if got := house.Objects(tt.q, tt.by); got != tt.want {
			t.Errorf("%s: %v", tt.what, got)
		}
	}
}

func TestS79_QuestionsAreNeverDecisive(t *testing.T) {
	asking := New(Settings{Questions: true})
	for _, tt := range []struct {
		has, gave string
		action    Action
		enough    bool
	}{
		{"SEQ", "Q", SignIn, false},
		{"SEPQ", "SQ", ChangeEmail, false},
		{"SEPQ", "PQ", SignIn, false},
		{"SEPQ", "EQ", AddMethod, false},
		{"SEPQ", "SEQ", AddMethod, true},
		{"SEPQ", "SEQ", TwoStepOff, false},
		{"STPQ", "TQ", TwoStepOff, false},
	} {
		if got := asking.Decide(ask(tt.action, tt.has, tt.gave)).Enough; got != tt.enough {
			t.Errorf("%s with %s of %s: %v", tt.action, tt.gave, tt.has, got)
		}
	}
	if d := house.Decide(ask(AddMethod, "SEPQ", "SE")); slices.Contains(d.Offer, Questions) {
		t.Error("questions are offered where they are off")
	}
}

func TestSeveralPasskeysTheYoungestCountsUnlessItIsKnownWhich(t *testing.T) {
	q := ask(SignIn, "SKK'", "K")
	if d := house.Decide(q); d.Enough {
		t.Error("a passkey that may be a day old carries a sign-in")
	}
	q.Given[0].Since = q.Standing.Ways[1].Since
	if d := house.Decide(q); !d.Enough {
		t.Error("the old passkey does not")
	}
	q.Action, q.Replaced = RemoveMethod, Passkey
	q.Given = given("S")
	if d := house.Decide(q); d.Enough {
		t.Error("a text removes the owner's passkey beside an intruder's")
	}
}

func TestBeforeLeavesOutWhatCameLater(t *testing.T) {
	s := standing("SK'")
	s.TwoStep, s.TwoStepSince = true, now.Add(-24*time.Hour)
	q := Question{Action: Recover, Standing: s, Given: given("S"), Now: now}
	if house.Decide(q).Enough {
		t.Error("2-step verification does not hold at recovery")
	}
	q.Standing = s.Before(now.Add(-25 * time.Hour))
	if !house.Decide(q).Enough {
		t.Error("an intruder's 2-step verification shuts the owner out")
	}
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]Level{
		"": None, "Q": None, "S": Low, "E": Low, "P": Low, "L": Low, "SE": Low, "SL": Low, "PQ": Low, "SQ": Low, "EQ": Low,
		"D": Low, "SD": Low, "T": Medium, "R": Medium, "k": Medium, "ST": Medium, "TR": Medium, "PE": Medium, "SEQ": Medium, "TQ": Medium,
		"K": High, "SP": High, "PT": High, "PL": High, "Pk": High, "SPE": High,
	} {
		if got := Reached(given(text)); got != want {
			t.Errorf("%q is worth %d, want %d", text, got, want)
		}
	}
}

func TestAMR(t *testing.T) {
	hardware := given("K")
	hardware[0].Hardware = true
	for _, tt := range []struct {
		given []Given
		want  string
	}{
		{given("S"), "otp sms"}, {given("E"), "otp"}, {given("P"), "pwd"}, {given("PS"), "mfa otp pwd sms"}, {given("PT"), "mfa otp pwd"},
		{given("ST"), "otp sms"}, {given("k"), "swk user"}, {given("K"), "mfa swk user"}, {hardware, "hwk mfa user"},
		{given("D"), "mca swk user"}, {given("QP"), "kba pwd"}, {given("L"), ""}, {nil, ""},
	} {
		if diff := cmp.Diff(tt.want, strings.Join(AMR(tt.given), " ")); diff != "" {
			t.Errorf("amr (-want +got):\n%s", diff)
		}
	}
	if ACR(High) != "urn:selfsame:high" || ACR(None) != "" {
		t.Errorf("acr %q, %q", ACR(High), ACR(None))
	}
}
