package proof

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Endings end what somebody else could still hold of an account.
type Endings struct {
	Sessions *session.Store
	Devices  *device.Store
	Changes  *change.Store
}

// pendingKinds are the changes that die with a new password, a recovery and a freeze
// (S-70). A dispute is not among them: it is somebody else's claim.
var pendingKinds = []change.Kind{change.AddPhone, change.AddEmail, change.ChangePhone, change.ChangeEmail, change.ReplacePhone, change.ReplaceEmail,
	change.RemovePhone, change.RemoveEmail, change.SetPassword, change.Recover, change.Unfreeze, change.SignIn}

// Pending ends what waits to happen to how the account is proved, waits for a
// recovery included (S-28, S-70, S-76).
func (e *Endings) Pending(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	_, err := e.Changes.EndWaiting(ctx, tx, id, change.Withdrawn, pendingKinds...)
	return err
}

// All ends every session, the trust in devices and what is pending (S-60, S-78),
// and answers how many sessions it was. The account's epoch, which the caller
// raises, is what ends them; this takes them away.
func (e *Endings) All(ctx context.Context, tx *sqldb.Tx, id account.ID) (sessions int64, err error) {
	if sessions, err = e.Sessions.EndOthers(ctx, tx, id, ""); err != nil {
		return 0, err
	}
	if _, err := e.Devices.Distrust(ctx, tx, id, ""); err != nil {
		return 0, err
	}
	return sessions, e.Pending(ctx, tx, id)
}

// Undone takes back what was done since a time and could still be objected to:
// the links of its notices do nothing any more.
func (e *Endings) Undone(ctx context.Context, tx *sqldb.Tx, id account.ID, since time.Time) error {
	list, err := e.Changes.List(ctx, tx, id, since)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.State != change.Done {
			continue
		}
		if _, err := e.Changes.Settle(ctx, tx, id, c.ID, change.Done, change.Withdrawn); err != nil {
			return err
		}
	}
	return nil
}

// Fingerprint is of how an account is proved and of its epoch: a recovery that
// began before either changed dies (S-76). It asks the same for the account 0.
func (p *Prover) Fingerprint(ctx context.Context, q sqldb.Querier, id account.ID) (string, error) {
	who, err := p.Accounts.Load(ctx, q, id)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s", who.Epoch, who.State)
	for _, m := range p.Means {
		if m.Method() == policy.DevicePrompt { // comes and goes with sessions
			continue
		}
		if err := p.fingerprint(ctx, q, h, m, id); err != nil {
			return "", err
		}
	}
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil)[:16]), nil
}

func (p *Prover) fingerprint(ctx context.Context, q sqldb.Querier, h hash.Hash, m Means, id account.ID) error {
	if many, ok := m.(*Passkeys); ok { // one way, whichever there are
		keys, err := many.stored.List(ctx, q, id)
		for _, k := range keys {
			fmt.Fprintf(h, " %s", k.ID)
		}
		return err
	}
	if many, ok := m.(byLinked); ok {
		marks, err := many.marks(ctx, q, id)
		for _, mark := range marks {
			fmt.Fprintf(h, " %s", mark)
		}
		return err
	}
	ways, err := m.Ways(ctx, q, id)
	for _, w := range ways {
		fmt.Fprintf(h, " %s %d", w.Method, sqldb.Micros(w.Since))
	}
	return err
}

// WeakFreezes bound how long one weak proof can keep an account frozen, so that a
// freeze is no weapon (S-83): For at a time, by each method as often as Limit
// allows, and not soon after the owner has lifted one.
type WeakFreezes struct {
	Book *quota.Book
}

// WeakFor is how long a freeze by one weak proof lasts.
const WeakFor = 24 * time.Hour

var (
	weakFreezes = quota.Limit{Name: "freeze.weak", Windows: []quota.Window{{Max: 2, Per: 30 * 24 * time.Hour}}}
	weakLifted  = quota.Limit{Name: "freeze.lifted", Windows: []quota.Window{{Max: 100, Per: 24 * time.Hour}}}
)

// Spend charges a freeze by one weak proof. It answers until when it is refused;
// zero: it is not.
func (w *WeakFreezes) Spend(ctx context.Context, tx *sqldb.Tx, id account.ID, m policy.Method) (until time.Time, err error) {
	lifted, at, err := w.Book.Used(ctx, tx, weakLifted, id.String())
	if err != nil {
		return time.Time{}, err
	}
	if lifted > 0 {
		return at.Add(weakLifted.Windows[0].Per), nil
	}
	refused, err := w.Book.Spend(ctx, tx, quota.Spend{Limit: weakFreezes, Subject: id.String() + "\x00" + string(m)})
	if err != nil || refused == nil {
		return time.Time{}, err
	}
	return refused.RetryAt, nil
}

// Lifted notes that the owner has lifted a freeze.
func (w *WeakFreezes) Lifted(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	_, err := w.Book.Spend(ctx, tx, quota.Spend{Limit: weakLifted, Subject: id.String()})
	return err
}
