package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/words"
)

func TestAssess(t *testing.T) {
	const day = 24 * time.Hour
	home := Seen{Now: now, KnownDevice: true}
	seen := func(s Seen, change func(*Seen)) Seen {
		change(&s)
		return s
	}
	for _, tt := range []struct {
		what string
		s    Seen
		say  string
	}{
		{"the first sign-in of all", Seen{Now: now, FirstTime: true, NewNetwork: true, NewCountry: true}, "low"},
		{"nothing", home, "low"},
		{"a new phone at home", Seen{Now: now}, "low new_device"},
		{"a new phone elsewhere", Seen{Now: now, NewNetwork: true}, "low new_device new_network"},
		{"a new phone abroad", Seen{Now: now, NewNetwork: true, NewCountry: true}, "medium new_country new_device new_network"},
		{"the usual laptop abroad", seen(home, func(s *Seen) { s.NewNetwork, s.NewCountry = true, true }), "medium new_country new_network"},
		{"too far too fast", seen(home, func(s *Seen) { s.TravelKM, s.TravelFor = 8000, time.Hour }), "medium impossible_travel"},
		{"far by plane", seen(home, func(s *Seen) { s.TravelKM, s.TravelFor = 8000, 11*time.Hour }), "low"},
		{"a rough place", seen(home, func(s *Seen) { s.TravelKM = 200 }), "low"},
		{"at the same moment", seen(home, func(s *Seen) { s.TravelKM = 400 }), "medium impossible_travel"},
		{"too far on a new phone", Seen{Now: now, NewNetwork: true, NewCountry: true, TravelKM: 8000, TravelFor: time.Hour}, "high impossible_travel new_country new_device new_network"},
		{"a listed network", Seen{Now: now, NetworkListed: true}, "medium bad_network new_device"},
		{"a listed network, known device", seen(home, func(s *Seen) { s.NetworkListed = true }), "low bad_network"},
		{"guesses", Seen{Now: now, WrongProofs: 10}, "low failed_proofs new_device"},
		{"guesses of others do not touch a known device (S-154)", seen(home, func(s *Seen) { s.WrongProofs = 1000 }), "low"},
		{"sign-in after sign-in", Seen{Now: now, SignIns: 10}, "medium velocity new_device"},
		{"nine are not many", Seen{Now: now, SignIns: 9, WrongProofs: 9}, "low new_device"},
		{"a leaked password", seen(home, func(s *Seen) { s.BreachedPassword = true }), "low breached_password !password"},
		{"a silent number (S-80)", Seen{Now: now, PhoneSilentFor: 180 * day}, "low silent_phone new_device !sms_code"},
		{"a day less", Seen{Now: now, PhoneSilentFor: 179 * day}, "low new_device"},
		{"not on a known device", seen(home, func(s *Seen) { s.PhoneSilentFor = 900 * day }), "low"},
		{"the carrier knows", Seen{Now: now, NumberReassigned: true, PhoneSilentFor: 200 * day}, "low number_reassigned silent_phone new_device !sms_code"},
		{"a new SIM", seen(home, func(s *Seen) { s.SIMSwappedAt = now.Add(-71 * time.Hour) }), "low sim_swapped !sms_code"},
		{"on a new phone", Seen{Now: now, SIMSwappedAt: now.Add(-time.Hour)}, "medium sim_swapped new_device !sms_code"},
		{"three days later", Seen{Now: now, SIMSwappedAt: now.Add(-72 * time.Hour)}, "low new_device"},
		{"a silent account", Seen{Now: now, NewNetwork: true, SilentFor: 200 * day}, "medium silent_account new_device new_network"},
		{"a cloned passkey", seen(home, func(s *Seen) { s.PasskeyCloned = true }), "medium cloned_passkey !passkey"},
		{"a session from elsewhere", seen(home, func(s *Seen) { s.SessionMoved, s.NewNetwork, s.NewCountry = true, true, true }), "medium new_country session_moved new_network"},
	} {
		r := Assess(tt.s)
		parts := []string{r.Level.String()}
		for _, s := range r.Signals {
			parts = append(parts, string(s))
		}
		for _, m := range r.Doubted {
			parts = append(parts, "!"+string(m))
		}
		if got := strings.Join(parts, " "); got != tt.say {
			t.Errorf("%s:\n got  %s\n want %s", tt.what, got, tt.say)
		}
	}
}

func TestThresholdsAreTheOperators(t *testing.T) {
	strict := DefaultThresholds
	strict.SilentPhone, strict.Medium = 90*24*time.Hour, 1
	if r := strict.Assess(Seen{Now: now, PhoneSilentFor: 100 * 24 * time.Hour}); r.Level != Medium || len(r.Doubted) != 1 {
		t.Errorf("%+v", r)
	}
}

// TestEveryReasonHasItsSentence: people see it under "why should I verify?".
func TestEveryReasonHasItsSentence(t *testing.T) {
	reasons := []Signal{Sensitive, SMSNotAlone}
	for _, s := range signs {
		reasons = append(reasons, s.signal)
	}
	for _, r := range besidesLevel {
		reasons = append(reasons, r.signal)
	}
	book := words.Book()
	for _, l := range book.Tags() {
		for _, r := range reasons {
			if !book.Has(l, "risk."+string(r)) {
				t.Errorf("%s lacks risk.%s", l, r)
			}
		}
	}
}
