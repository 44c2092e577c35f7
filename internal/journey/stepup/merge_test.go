package stepup

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

// How a session began stays known; of step-ups only what still counts is kept, and
// of one method for one action the latest.
func TestMerged(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	p := func(method, action string, ago time.Duration) session.Proof {
		return session.Proof{Method: method, For: action, At: now.Add(-ago)}
	}
	for _, tt := range []struct {
		name             string
		had, given, want []session.Proof
	}{
		{"nothing", nil, nil, nil},
		{"beside the sign-in", []session.Proof{p("sms_code", "", 20*time.Hour)}, []session.Proof{p("password", "set_password", 0)},
			[]session.Proof{p("sms_code", "", 20*time.Hour), p("password", "set_password", 0)}},
		{"the latest of its kind", []session.Proof{p("password", "set_password", 5*time.Minute)}, []session.Proof{p("password", "set_password", 0)},
			[]session.Proof{p("password", "set_password", 0)}},
		{"for another action", []session.Proof{p("password", "export", 5*time.Minute)}, []session.Proof{p("password", "set_password", 0)},
			[]session.Proof{p("password", "export", 5*time.Minute), p("password", "set_password", 0)}},
		{"an old step-up goes", []session.Proof{p("sms_code", "", 20*time.Hour), p("totp", "export", 11*time.Minute)}, []session.Proof{p("totp", "delete", 0)},
			[]session.Proof{p("sms_code", "", 20*time.Hour), p("totp", "delete", 0)}},
		{"what it began with comes back with it", []session.Proof{p("sms_code", "", time.Minute)}, []session.Proof{p("sms_code", "", time.Minute)},
			[]session.Proof{p("sms_code", "", time.Minute)}},
	} {
		if diff := cmp.Diff(tt.want, merged(tt.had, tt.given, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Every action of the policy is one that people step up for, or an entrance.
func TestActions(t *testing.T) {
	entrances := []policy.Action{policy.SignIn, policy.Recover, policy.Freeze, policy.Unfreeze}
	for _, a := range policy.Actions() {
		if slices.Contains(Actions, a) == slices.Contains(entrances, a) {
			t.Errorf("%s is neither, or both", a)
		}
	}
}
