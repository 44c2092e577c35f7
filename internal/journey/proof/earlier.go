package proof

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Whose account it was is shown by what it was proved with before somebody else
// changed that. Who recovers such an account proves it as it stood at a moment,
// Proving.AsOf: with the contacts and the password of then, and with what was
// there already. What stood for less than policy.Young then is nobody's: a thief
// who changes a contact twice leaves one of his own behind.

// contacts are those of the account as a turn means it.
func (p *Prover) contacts(ctx context.Context, q sqldb.Querier, t *Turn) ([]contact.Contact, error) {
	if t.AsOf.IsZero() {
		return p.Contacts.List(ctx, q, t.Account)
	}
	return p.ContactsAt(ctx, q, t.Account, t.AsOf)
}

// ContactsAt are the contacts that an account had just before a time of the last
// two weeks, the phone before the e-mail.
func (p *Prover) ContactsAt(ctx context.Context, q sqldb.Querier, id account.ID, at time.Time) ([]contact.Contact, error) {
	now, err := p.Contacts.List(ctx, q, id)
	if err != nil {
		return nil, err
	}
	former, err := p.Contacts.Former(ctx, q, id, at)
	if err != nil {
		return nil, err
	}
	var out []contact.Contact
	for _, kind := range []contact.Kind{contact.Phone, contact.Email} {
		if c, ok := inForce(now, former, kind, at); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// inForce picks the contact of a kind that was there just before a time.
func inForce(now []contact.Contact, former []contact.Former, kind contact.Kind, at time.Time) (contact.Contact, bool) {
	for _, f := range former {
		if f.Kind == kind && f.VerifiedAt.Before(at) && !f.ReplacedAt.Before(at) {
			return f.Contact, true
		}
	}
	if c, ok := contact.Of(now, kind); ok && c.VerifiedAt.Before(at) {
		return c, true
	}
	return contact.Contact{}, false
}

// Before finds the moment before which the account was its owner's, for a contact
// that it had until then; zero if there is none within the last two weeks. With
// no time it takes the last one at which a contact was lost. What began less than
// policy.Young before is part of the same takeover, and is left behind too.
func (p *Prover) Before(ctx context.Context, q sqldb.Querier, id account.ID, until time.Time) (time.Time, error) {
	now, err := p.Contacts.List(ctx, q, id)
	if err != nil {
		return time.Time{}, err
	}
	former, err := p.Contacts.Former(ctx, q, id, q.Now().Add(-contact.FormerFor))
	if err != nil {
		return time.Time{}, err
	}
	who, err := p.Accounts.Load(ctx, q, id)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return time.Time{}, err
	}
	created, at := who.CreatedAt, until
	for _, f := range former {
		if until.IsZero() && f.ReplacedAt.After(at) && !brief(f.VerifiedAt, f.ReplacedAt, created) {
			at = f.ReplacedAt
		}
	}
	if by, ok := p.of(policy.Password).(byPassword); ok && until.IsZero() && at.IsZero() {
		if at, err = by.replacedAt(ctx, q, id); err != nil {
			return at, err
		}
	}
	if at.IsZero() {
		return at, nil
	}
	for moved := true; moved; {
		moved = false
		for _, kind := range []contact.Kind{contact.Phone, contact.Email} {
			if c, ok := inForce(now, former, kind, at); ok && brief(c.VerifiedAt, at, created) {
				at, moved = c.VerifiedAt, true
			}
		}
	}
	return at, nil
}

// brief tells whether something stood for less than policy.Young, and did not come
// with the account.
func brief(since, until, created time.Time) bool {
	return until.Sub(since) < policy.Young && since.Sub(created) > time.Hour
}

// ofThen are the proofs that count for the account as a turn means it: not one by a
// passkey that came later.
func (t *Turn) ofThen() []sessionProof {
	if t.AsOf.IsZero() {
		return t.Proved
	}
	return slices.DeleteFunc(slices.Clone(t.Proved), func(g sessionProof) bool { return !g.Since.Before(t.AsOf) })
}

// earlierStanding is a standing as the account stood just before a time: contacts and
// password of then, and nothing that came later.
func (p *Prover) earlierStanding(ctx context.Context, q sqldb.Querier, id account.ID, s policy.Standing, at time.Time) (policy.Standing, error) {
	s.Ways = slices.DeleteFunc(s.Ways, func(w policy.Way) bool {
		return slices.Contains([]policy.Method{policy.SMSCode, policy.EmailCode, policy.Password}, w.Method) || !w.Since.Before(at)
	})
	s.KnownDevice, s.TrustedDevice = false, false
	s.TwoStep = s.TwoStep && s.TwoStepSince.Before(at)
	contacts, err := p.ContactsAt(ctx, q, id, at)
	if err != nil {
		return s, err
	}
	for _, c := range contacts {
		m := policy.SMSCode
		if c.Kind == contact.Email {
			m = policy.EmailCode
		}
		if p.of(m) != nil {
			s.Ways = append(s.Ways, policy.Way{Method: m, Since: c.VerifiedAt})
		}
	}
	if by, ok := p.of(policy.Password).(byPassword); ok {
		ways, err := by.waysAt(ctx, q, id, at)
		if err != nil {
			return s, err
		}
		s.Ways = append(s.Ways, ways...)
	}
	return s, nil
}
