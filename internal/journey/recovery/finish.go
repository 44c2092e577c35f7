package recovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// passwordTries bounds how many new passwords are judged and hashed for one account.
var passwordTries = quota.Limit{Name: "recovery.passwords", Windows: []quota.Window{{Max: 20, Per: time.Hour}}}

// objectFor is how long a recovery can be objected to by the links of its notices.
const objectFor = 72 * time.Hour

func (h *House) showNewPassword(_ context.Context, _ sqldb.Querier, c *call) (step.Step, error) {
	return step.NewPassword{Head: step.Head{Type: step.TypeNewPassword, Inputs: []string{"new_password"}},
		MinLength: h.MinLength, MaxLength: h.MaxLength, Username: c.Facts.Proving.Account.String()}, nil
}

// newPassword ends the journey: the password, and with it everything that somebody
// else could still hold.
func (h *House) newPassword() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"password"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if err := recent(c); err != nil {
				return err
			}
			refused, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: passwordTries, Subject: c.Facts.Proving.Account.String()})
			if err == nil && refused != nil {
				err = proof.TooManyAttempts.With("limit", "account").Until(refused.RetryAt)
			}
			return err
		},
		Ask:   h.hash,
		Apply: h.finish,
	}
}

// hash judges and hashes the new password.
func (h *House) hash(ctx context.Context, c *call) error {
	id, about := c.Facts.Proving.Account, []string{h.Brand}
	who, err := h.Accounts.Load(ctx, h.DB, id)
	if err != nil {
		return err
	}
	contacts, err := h.Contacts.List(ctx, h.DB, id)
	if err != nil {
		return err
	}
	about = append(about, who.Nickname)
	for _, one := range contacts {
		about = append(about, one.Address)
	}
	if err := h.Passwords.Judge(ctx, c.Input.Password, about...); err != nil {
		return err
	}
	stored, err := h.Passwords.Load(ctx, h.DB, id)
	if err != nil {
		return err
	}
	if err := h.Passwords.Fresh(ctx, stored, c.Input.Password); err != nil {
		return err
	}
	hashed, err := h.Passwords.Hash(ctx, c.Input.Password)
	c.Answer = hashed
	return err
}

// finish is the effect, in one transaction: either all of it happened or nothing.
func (h *House) finish(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	who, err := h.Accounts.Load(ctx, tx, f.Proving.Account)
	if err != nil {
		return err
	}
	is, err := h.Prover.Fingerprint(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	if is != f.Was {
		return h.stop(ctx, tx, c, who, RecoveryOver)
	}
	if refusal := h.gate(f, who); refusal != nil {
		return h.stop(ctx, tx, c, who, refusal)
	}
	lost, err := h.Prover.SecondLost(ctx, tx, turn(c), who)
	if err != nil {
		return err
	}
	if ok, err := h.Prover.UseWait(ctx, tx, turn(c)); err != nil {
		return err
	} else if !ok {
		return h.stop(ctx, tx, c, who, RecoveryOver)
	}
	told, err := h.undo(ctx, tx, f, who)
	if err != nil {
		return err
	}
	if err := h.Passwords.Set(ctx, tx, who.ID, c.Answer.(credential.Hashed)); err != nil {
		return err
	}
	cause := account.Cause{Event: account.Recover, By: account.Owner}
	if f.Kind == kindUnfreeze {
		cause.Event = account.Unfreeze
		if err := h.Freezes.Lifted(ctx, tx, who.ID); err != nil {
			return err
		}
	}
	if who, err = h.Accounts.Change(ctx, tx, who.ID, cause); errors.Is(err, account.ErrNoMove) {
		return sqldb.ErrAgain
	} else if err != nil {
		return err
	}
	if _, err := h.Endings.All(ctx, tx, who.ID); err != nil {
		return err
	}
	if err := h.Devices.ForgetOthers(ctx, tx, who.ID, ""); err != nil { // a stranger's may be among them
		return err
	}
	if lost {
		if err := h.secondOff(ctx, tx, c, who, told); err != nil {
			return err
		}
	}
	if err := h.enter(ctx, tx, c, who); err != nil {
		return err
	}
	return h.tell(ctx, tx, c, who, told)
}

// secondOff turns 2-step verification off for who has shown, by a wait, that the
// second step is lost: with it on, they would wait again at each sign-in on a new
// device. Everybody is told as if it were done in the settings.
func (h *House) secondOff(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, to told) error {
	changed, err := h.Accounts.SetTwoStep(ctx, tx, who.ID, false)
	if err != nil || !changed {
		return err
	}
	where := turn(c).Where()
	if err := h.Notices.Tell(ctx, tx, who, slices.Concat(to.owners, to.others), nil, "notice_two_step_off", where["device"], where["place"]); err != nil {
		return err
	}
	return h.Audit.Write(ctx, tx, audit.Entry{AccountID: who.ID, Kind: audit.TwoStepOff, Details: where})
}

// enter begins the session of who got back in.
func (h *House) enter(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account) error {
	f := c.Facts
	d := &done{At: tx.Now(), Result: results[f.Kind], Account: who.ID, Nickname: who.Nickname}
	secret := f.Proving.Device.Secret
	if secret == "" {
		secret = randid.Secret()
		d.DeviceToken = secret
	}
	dev, err := h.Devices.Remember(ctx, tx, who.ID, secret, device.Device{Kind: f.Proving.Device.Kind, Name: f.Proving.Device.Name, Place: c.Visitor.Place})
	if err != nil {
		return err
	}
	d.DeviceID = dev.ID
	d.Token, d.ExpiresAt, _, err = h.Sessions.Open(ctx, tx, who, dev.ID, f.Proving.Proved)
	f.Done = d
	return err
}

// results are the words of the end.
var results = map[string]string{kindRecover: "recovered", kindUnfreeze: "unfrozen"}

// told is whom to tell of a recovery: who may object to it, and who may only know.
type told struct {
	owners, others []contact.Contact
}

// undo restores what the account was before somebody else changed it, all together:
// both contacts, and nothing that was added since. Links by which that somebody
// could object do nothing any more. It answers whom to tell.
func (h *House) undo(ctx context.Context, tx *sqldb.Tx, f *facts, who account.Account) (told, error) {
	now, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil || f.Proving.AsOf.IsZero() {
		return told{owners: now}, err
	}
	since := f.Proving.AsOf
	was, err := h.Prover.ContactsAt(ctx, tx, who.ID, since)
	if err != nil {
		return told{}, err
	}
	for _, kind := range []contact.Kind{contact.Phone, contact.Email} {
		if err := h.restore(ctx, tx, who.ID, kind, was, since); err != nil {
			return told{}, err
		}
	}
	if err := h.dropAdditions(ctx, tx, who, since); err != nil {
		return told{}, err
	}
	out := told{owners: was}
	for _, c := range now {
		if old, ok := contact.Of(was, c.Kind); !ok || old.Address != c.Address {
			out.others = append(out.others, c)
		}
	}
	return out, h.Endings.Undone(ctx, tx, who.ID, since)
}

// restore gives an account the contact of a kind back, or takes off what it did not have.
func (h *House) restore(ctx context.Context, tx *sqldb.Tx, id account.ID, kind contact.Kind, was []contact.Contact, since time.Time) error {
	if had, ok := contact.Of(was, kind); ok {
		_, err := h.Contacts.Restore(ctx, tx, id, had, since) // another account may hold it by now: then there is none
		return err
	}
	if _, err := h.Contacts.Drop(ctx, tx, id, kind); err != nil && !errors.Is(err, sqldb.ErrNone) {
		return err
	}
	return nil
}

// tell writes the history and tells every contact of before and after, the owner's
// with a link by which a recovery that was not theirs freezes the account.
func (h *House) tell(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, to told) error {
	f, where := c.Facts, turn(c).Where()
	var by []string
	for _, p := range f.Proving.Proved {
		by = append(by, p.Method)
	}
	kind, act, purpose := change.Recover, audit.Recovered, "notice_recovered"
	switch {
	case f.Kind == kindUnfreeze:
		kind, act, purpose = change.Unfreeze, audit.Unfrozen, "notice_unfrozen"
	case !f.Proving.AsOf.IsZero():
		purpose = "notice_undone"
	}
	token, err := h.Changes.Begin(ctx, tx, change.Change{AccountID: who.ID, Kind: kind, State: change.Done, By: strings.Join(by, " "), ObjectUntil: tx.Now().Add(objectFor)})
	if err != nil {
		return err
	}
	n := proof.Notice{Who: who, To: to.owners, Purpose: purpose, Device: where["device"], Place: where["place"], Token: token}
	if err := h.Notices.Send(ctx, tx, n); err != nil {
		return err
	}
	n.To, n.Token = to.others, ""
	if err := h.Notices.Send(ctx, tx, n); err != nil {
		return err
	}
	where["method"] = by[len(by)-1]
	entry := audit.Entry{AccountID: who.ID, Kind: act, DeviceID: f.Done.DeviceID, Details: where}
	if !f.Proving.AsOf.IsZero() {
		undone := entry
		undone.Kind = audit.TakeoverUndone
		return h.Audit.Write(ctx, tx, undone, entry)
	}
	return h.Audit.Write(ctx, tx, entry)
}

// doneFor is how long the end repeats its session token.
const doneFor = 2 * time.Minute

func (h *House) showDone(_ context.Context, _ sqldb.Querier, c *call) (step.Step, error) {
	d := c.Facts.Done
	s := step.Done{Head: step.Head{Type: step.TypeDone, Inputs: []string{}}, Result: d.Result,
		Account: &step.Account{ID: d.Account.String(), Nickname: d.Nickname}}
	if d.Token != "" && c.Now.Sub(d.At) <= doneFor {
		s.Session = &step.Session{Token: d.Token, ExpiresAt: d.ExpiresAt}
		s.Device = &step.Device{ID: d.DeviceID, Token: d.DeviceToken}
	}
	return s, nil
}
