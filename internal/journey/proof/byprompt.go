package proof

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// byPrompt proves the account by an answer on a device where its owner is signed in.
type byPrompt struct{ *Prompts }

// ByPrompt proves by a question to the devices that are signed in.
func ByPrompt(prompts *Prompts) Means { return byPrompt{prompts} }

// heldPrompt is what a journey keeps of its question.
type heldPrompt struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"`
	Devices   []string  `json:"devices"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (b byPrompt) Method() policy.Method { return policy.DevicePrompt }
func (b byPrompt) Step() step.Type       { return step.TypeDevicePrompt }

func (b byPrompt) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	return b.WaysFrom(ctx, q, id, "")
}

// WaysFrom is one way if another steady device is signed in: it is as old as the
// newest of them, because any of them may answer.
func (b byPrompt) WaysFrom(ctx context.Context, q sqldb.Querier, id account.ID, deviceID string) ([]policy.Way, error) {
	list, err := b.askable(ctx, q, &Turn{Proving: &Proving{Account: id}}, deviceID, q.Now())
	if err != nil || len(list) == 0 {
		return nil, err
	}
	way := policy.Way{Method: policy.DevicePrompt, Since: list[0].Device.CreatedAt}
	for _, s := range list {
		if s.Device.CreatedAt.After(way.Since) {
			way.Since = s.Device.CreatedAt
		}
	}
	return []policy.Way{way}, nil
}

// asking is the device that asks, as the account knows it or would; empty: it
// keeps nothing.
func (b byPrompt) asking(ctx context.Context, q sqldb.Querier, t *Turn) (string, error) {
	if m := t.member(); m != nil {
		return m.DeviceID, nil
	}
	if t.secret() == "" {
		return "", nil
	}
	d, _, err := b.Prover.Devices.Known(ctx, q, t.Account, t.secret())
	return d.ID, err
}

// Choose spends the limits of a question. It is never the first proof: who can
// make a stranger's phone ring at will would do so.
func (b byPrompt) Choose(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	if t.Blind() {
		return MethodUnavailable.On("method").With("reason", "not_first")
	}
	deviceID, err := b.asking(ctx, tx, t)
	if err != nil {
		return err
	}
	asked, err := b.askable(ctx, tx, t, deviceID, t.CreatedAt)
	if err != nil {
		return err
	}
	if len(asked) == 0 {
		return MethodUnavailable.On("method").With("reason", "no_other_device")
	}
	last, err := b.Store.Latest(ctx, tx, t.Account)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return err
	}
	if open := last.State == prompt.Waiting || last.State == prompt.Approved; open && last.JourneyID != t.ID && t.Now.Before(last.ExpiresAt) {
		return busy(last.ExpiresAt)
	}
	from, err := b.Prover.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	lane := from.lane(t.Account.String())
	refused, err := b.Prover.Book.Check(ctx, tx, quota.Spend{Limit: b.Denials, Subject: lane})
	if err != nil {
		return err
	}
	if refused == nil {
		refused, err = b.Prover.Book.Spend(ctx, tx, quota.Spend{Limit: b.Asks, Subject: lane})
	}
	if err == nil && refused != nil {
		return MethodUnavailable.On("method").With("reason", "prompts_limited").Until(refused.RetryAt)
	}
	t.Answer = askedOf{deviceID, lane, asked}
	return err
}

// askedOf is who will be asked by whom, as Choose found it.
type askedOf struct {
	deviceID, lane string
	devices        []session.Signed
}

// busy refuses a second question while one is open (S-171).
func busy(until time.Time) error {
	return MethodUnavailable.On("method").With("reason", "prompt_pending").Until(until)
}

// Begin puts the question.
func (b byPrompt) Begin(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	to := t.Answer.(askedOf)
	where := t.Where()
	q := prompt.Question{Purpose: string(t.Action), Device: where["device"], Kind: t.Device.Kind, Place: where["place"], Began: t.CreatedAt, Lane: to.lane}
	q.Number, q.Choices = prompt.Numbers()
	put, won, err := b.Store.Ask(ctx, tx, prompt.Prompt{AccountID: t.Account, JourneyID: t.ID, DeviceID: to.deviceID, Question: q})
	if err != nil {
		return err
	}
	if !won { // another journey asked in the same moment
		t.Method = ""
		t.Refuse(busy(t.Now.Add(prompt.Life)))
		return nil
	}
	held := heldPrompt{ID: put.ID, Number: put.Number, Devices: []string{}, ExpiresAt: put.ExpiresAt}
	for _, s := range to.devices {
		if s.Device.Name != "" && len(held.Devices) < 10 {
			held.Devices = append(held.Devices, s.Device.Name)
		}
	}
	t.Held, err = json.Marshal(held)
	return err
}

// look reads the question of this journey as it is now.
func (b byPrompt) look(ctx context.Context, q sqldb.Querier, t *Turn) (heldPrompt, prompt.State, error) {
	var held heldPrompt
	if err := json.Unmarshal(t.Held, &held); err != nil {
		return held, "", err
	}
	last, err := b.Store.Latest(ctx, q, t.Account)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return held, "", err
	}
	switch {
	case last.ID == held.ID && last.State == prompt.Denied:
		return held, prompt.Denied, nil
	case last.ID != held.ID || !t.Now.Before(held.ExpiresAt) || last.State != prompt.Waiting && last.State != prompt.Approved:
		return held, "expired", nil
	}
	return held, last.State, nil
}

func (b byPrompt) Show(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	held, state, err := b.look(ctx, q, t)
	s := step.DevicePrompt{Head: step.Head{Type: step.TypeDevicePrompt, Inputs: []string{"check", "other_way"}},
		Number: held.Number, State: string(state), Devices: held.Devices, ExpiresAt: held.ExpiresAt, Why: t.Why()}
	if state == prompt.Denied || state == "expired" {
		s.Inputs = []string{"other_way"}
	}
	return s, err
}

func (b byPrompt) Moves() map[string]Move {
	return map[string]Move{"check": {Apply: b.check}, "other_way": {Apply: b.leave}}
}

// check uses an approval up; while there is none it shows the question again.
func (b byPrompt) check(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	held, state, err := b.look(ctx, tx, t)
	if err != nil {
		return err
	}
	switch state {
	case prompt.Waiting:
		return nil
	case prompt.Denied:
		return PromptDenied
	case prompt.Approved:
	default:
		return PromptExpired
	}
	won, err := b.Store.Settle(ctx, tx, t.Account, held.ID, prompt.Approved, prompt.Used)
	if err != nil {
		return err
	}
	if !won {
		t.Refuse(PromptExpired)
		return nil
	}
	t.Prove(policy.DevicePrompt, false)
	return nil
}

// leave withdraws the question, if nobody has answered it.
func (b byPrompt) leave(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	var held heldPrompt
	if err := json.Unmarshal(t.Held, &held); err != nil {
		return err
	}
	t.Method, t.Held = "", nil
	_, err := b.Store.Settle(ctx, tx, t.Account, held.ID, prompt.Waiting, prompt.Withdrawn)
	return err
}
