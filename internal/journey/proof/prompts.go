package proof

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Prompts are questions to signed-in devices: who is asked, how often, and what an
// answer does. Only devices are asked that the account has known for three days,
// or since its first hour: a device that a thief signed in on a moment ago answers
// for nobody (S-171).
type Prompts struct {
	Prover   *Prover
	Store    *prompt.Store
	Sessions *session.Store
	Notices  *Notices
	Asks     quota.Limit // questions about one account; a known device has a count of its own (S-154)
	Denials  quota.Limit // refusals, after which the one who asked waits
}

// steady tells whether a session's device is old enough to answer; a device that
// came with the account is as old as it.
func steady(s session.Signed, now time.Time) bool {
	return now.Sub(s.Device.CreatedAt) >= policy.Young || s.Device.CreatedAt.Sub(s.AccountAt) <= time.Hour
}

// askable lists the live sessions that may answer a question that is asked on a
// device: those on other, steady devices that began before the journey did, so
// that no question can be answered by the session that it would create.
func (p *Prompts) askable(ctx context.Context, q sqldb.Querier, t *Turn, deviceID string, began time.Time) ([]session.Signed, error) {
	list, err := p.Sessions.Elsewhere(ctx, q, t.Account, deviceID)
	return slices.DeleteFunc(list, func(s session.Signed) bool { return !steady(s, q.Now()) || !s.CreatedAt.Before(began) }), err
}

// Pending is the question that a session may answer now; there is false if there is none.
func (p *Prompts) Pending(ctx context.Context, q sqldb.Querier, l *session.Live) (pending prompt.Prompt, there bool, err error) {
	pending, err = p.Store.Latest(ctx, q, l.AccountID)
	if errors.Is(err, sqldb.ErrNone) {
		return pending, false, nil
	}
	if err != nil || !pending.Open(q.Now()) {
		return pending, false, err
	}
	there, err = p.may(ctx, q, l, pending)
	return pending, there, err
}

// may tells whether a session is one of those that were asked. It says the same
// as askable did when the question was put.
func (p *Prompts) may(ctx context.Context, q sqldb.Querier, l *session.Live, about prompt.Prompt) (bool, error) {
	turn := &Turn{Proving: &Proving{Account: l.AccountID}}
	list, err := p.askable(ctx, q, turn, about.DeviceID, about.Began)
	return slices.ContainsFunc(list, func(s session.Signed) bool { return s.ID == l.ID }), err
}

// Answer answers a question: approved only with the right number, which is tried
// once; anything else is a refusal, which slows the one who asked, is told to every
// contact and remembered. The session must stand still in tx.
func (p *Prompts) Answer(ctx context.Context, tx *sqldb.Tx, l *session.Live, id, number string, approve bool) (prompt.State, error) {
	about, err := p.Store.Latest(ctx, tx, l.AccountID)
	if errors.Is(err, sqldb.ErrNone) {
		return "", PromptOver
	}
	if err != nil {
		return "", err
	}
	mine, err := p.may(ctx, tx, l, about)
	switch {
	case err != nil:
		return "", err
	case about.ID != id || !mine:
		return "", PromptOver
	case about.State != prompt.Waiting:
		return "", PromptAnswered
	}
	to := prompt.Denied
	if approve && subtle.ConstantTimeCompare([]byte(number), []byte(about.Number)) == 1 {
		to = prompt.Approved
	}
	won, err := p.Store.Settle(ctx, tx, l.AccountID, id, prompt.Waiting, to)
	if err != nil {
		return "", err
	}
	if !won {
		return "", PromptExpired
	}
	e := audit.Entry{AccountID: l.AccountID, Kind: audit.PromptApproved, DeviceID: l.DeviceID, Details: map[string]string{"purpose": about.Purpose, "device": about.Device, "place": about.Place}}
	if to == prompt.Approved {
		return to, p.Prover.Audit.Write(ctx, tx, e)
	}
	e.Kind = audit.PromptDenied
	return to, p.denied(ctx, tx, l, about, e)
}

// denied notes a refusal. Its limit may be spent already, which slows as much.
func (p *Prompts) denied(ctx context.Context, tx *sqldb.Tx, l *session.Live, about prompt.Prompt, e audit.Entry) error {
	if _, err := p.Prover.Book.Spend(ctx, tx, quota.Spend{Limit: p.Denials, Subject: about.Lane}); err != nil {
		return err
	}
	contacts, err := p.Prover.Contacts.List(ctx, tx, l.AccountID)
	if err != nil {
		return err
	}
	if err := p.Notices.Tell(ctx, tx, l.Account, contacts, nil, "notice_prompt_denied", about.Device, about.Place); err != nil {
		return err
	}
	return p.Prover.Audit.Write(ctx, tx, e)
}
