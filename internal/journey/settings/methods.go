package settings

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// The states of a method.
const (
	MethodOn          = "on"
	MethodOff         = "off"         // it can be set up
	MethodUnavailable = "unavailable" // the reason has to go first
)

// Method is how an account stands with one way to prove.
type Method struct {
	Method policy.Method
	State  string
	// Reason says why it is unavailable, or why what is on counts for less now; empty: neither.
	Reason string
	Until  time.Time // when the reason ends by itself; zero: it does not
	To     string    // where codes go, masked
	Since  time.Time // when the account got it
	Count  int       // passkeys, or recovery codes that are left; else 0
}

// missing says what a method needs that the account does not have; the others are off.
var missing = map[policy.Method]string{policy.SMSCode: "no_phone", policy.EmailCode: "no_email", policy.DevicePrompt: "no_other_device"}

// Methods tells of each method of this server how it stands with the account. It is
// made of what the policy looks at, so that neither knows what the other does not.
func (h *House) Methods(ctx context.Context, l *session.Live) ([]Method, error) {
	standing, err := h.Prover.StandingOf(ctx, h.DB, l)
	if err != nil {
		return nil, err
	}
	var out []Method
	for _, m := range h.Prover.Means {
		one := methodOf(m.Method(), standing, h.DB.Now())
		if err := h.counted(ctx, l, &one); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, h.addressed(ctx, l, out)
}

// methodOf sums up the ways that an account has of one method.
func methodOf(m policy.Method, s policy.Standing, now time.Time) Method {
	one := Method{Method: m, State: MethodOff}
	if reason := missing[m]; reason != "" {
		one.State, one.Reason = MethodUnavailable, reason
	}
	for _, w := range s.Ways {
		if w.Method != m || one.State == MethodOn {
			continue
		}
		one.State, one.Reason, one.Until, one.Since = MethodOn, "", time.Time{}, w.Since
		if w.Unavailable != "" {
			one.State, one.Reason, one.Until = MethodUnavailable, w.Unavailable, w.RetryAt
		}
	}
	if one.State != MethodOn {
		return one
	}
	young := now.Sub(one.Since) < policy.Young && one.Since.Sub(s.CreatedAt) > policy.Newborn
	switch contact := m == policy.SMSCode || m == policy.EmailCode; {
	case young && contact:
		one.Reason, one.Until = "contact_too_new", one.Since.Add(policy.Young)
	case young:
		one.Reason, one.Until = "too_new", one.Since.Add(policy.Young)
	case m == policy.SMSCode && s.Protected:
		one.Reason = "sms_protected"
	}
	return one
}

// counted adds how many there are of what there can be several of.
func (h *House) counted(ctx context.Context, l *session.Live, one *Method) error {
	switch one.Method {
	case policy.Passkey:
		keys, err := h.Passkeys.List(ctx, h.DB, l.AccountID)
		one.Count = len(keys)
		return err
	case policy.RecoveryCode:
		set, err := h.RecoveryCodes.Load(ctx, h.DB, l.AccountID)
		one.Count = set.Left
		return err
	}
	return nil
}

// addressed adds where codes go.
func (h *House) addressed(ctx context.Context, l *session.Live, list []Method) error {
	contacts, err := h.Contacts.List(ctx, h.DB, l.AccountID)
	if err != nil {
		return err
	}
	for i := range list {
		switch list[i].Method {
		case policy.SMSCode:
			if c, ok := contact.Of(contacts, contact.Phone); ok {
				list[i].To = numbers.Mask(c.Address)
			}
		case policy.EmailCode:
			if c, ok := contact.Of(contacts, contact.Email); ok {
				list[i].To = email.Mask(c.Address)
			}
		}
	}
	return nil
}
