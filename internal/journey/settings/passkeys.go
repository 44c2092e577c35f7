package settings

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// passkeyChanges bounds how often one account begins, adds, renames or removes
// passkeys: each change is told by a text.
var passkeyChanges = quota.Limit{Name: "passkey.changes", Windows: []quota.Window{{Max: 60, Per: time.Hour}, {Max: 120, Per: 24 * time.Hour}}}

// ListPasskeys lists the passkeys of the account, the oldest first.
func (h *House) ListPasskeys(ctx context.Context, l *session.Live) ([]passkey.Key, error) {
	return h.Passkeys.List(ctx, h.DB, l.AccountID)
}

// BeginPasskey makes the options for registering a passkey in this session. It
// needs a fresh proof (S-32). The challenge is for this session only, lives five
// minutes, and replaces one that was begun before.
func (h *House) BeginPasskey(ctx context.Context, l *session.Live) (o passkey.CreationOptions, err error) {
	if err := h.allow(ctx, l, policy.AddMethod); err != nil {
		return o, err
	}
	if err := h.spend(ctx, l, passkeyChanges); err != nil {
		return o, err
	}
	err = h.act(ctx, l, func(tx *sqldb.Tx) error {
		keys, err := h.Passkeys.List(ctx, tx, l.AccountID)
		if err != nil {
			return err
		}
		if len(keys) >= passkey.Most {
			return passkey.TooMany.With("max", passkey.Most)
		}
		handle, err := h.Passkeys.Handle(ctx, tx, l.AccountID)
		if err != nil {
			return err
		}
		challenge, err := h.Passkeys.Begin(ctx, tx, l.AccountID, l.ID)
		o = h.Party.Creation(challenge, handle, cmp.Or(l.Account.Nickname, l.AccountID.Spaced()), keys)
		return err
	})
	return o, err
}

// AddPasskey adds the passkey that an authenticator made for the options of
// BeginPasskey. The challenge is gone whatever comes of it (S-30). An empty name
// becomes that of the device. Every contact is told.
func (h *House) AddPasskey(ctx context.Context, l *session.Live, credential []byte, name string) (k passkey.Key, err error) {
	if err := h.allow(ctx, l, policy.AddMethod); err != nil {
		return k, err
	}
	if name, err = passkey.ReadName(name); err != nil {
		return k, err
	}
	if err := h.spend(ctx, l, passkeyChanges); err != nil {
		return k, err
	}
	var refused error
	err = h.act(ctx, l, func(tx *sqldb.Tx) (err error) {
		if k, refused, err = h.registered(ctx, tx, l, credential); err != nil || refused != nil {
			return err // without an error, so that the challenge stays taken
		}
		k.Name = cmp.Or(name, passkey.SuggestName(l.Device.Name))
		if k, err = h.Passkeys.Add(ctx, tx, l.AccountID, k); fault.From(err) != nil {
			refused = err
			return nil
		}
		if err != nil {
			return err
		}
		return h.passkeyChanged(ctx, tx, l, audit.PasskeyAdded, "notice_passkey_added", k.Name)
	})
	if err == nil {
		err = refused
	}
	return k, err
}

// registered takes the challenge of the session away and checks the answer to it.
func (h *House) registered(ctx context.Context, tx *sqldb.Tx, l *session.Live, credential []byte) (k passkey.Key, refused, err error) {
	challenge, err := h.Passkeys.Take(ctx, tx, l.AccountID, l.ID)
	if err != nil {
		return k, nil, err
	}
	k, refused = h.Party.Register(credential, func(sent []byte) bool {
		return len(challenge) > 0 && subtle.ConstantTimeCompare(sent, challenge) == 1
	})
	return k, refused, nil
}

// passkeyChanged tells every contact and writes the history (S-72).
func (h *House) passkeyChanged(ctx context.Context, tx *sqldb.Tx, l *session.Live, kind audit.Kind, purpose, name string) error {
	contacts, err := h.Contacts.List(ctx, tx, l.AccountID)
	if err != nil {
		return err
	}
	if err := h.Notices.Tell(ctx, tx, l.Account, contacts, nil, purpose, l.Device.Name, l.Device.Place); err != nil {
		return err
	}
	e := h.entry(l, kind)
	if name != "" {
		e.Details["passkey"] = name
	}
	return h.Audit.Write(ctx, tx, e)
}

// RenamePasskey gives a passkey another name. It needs a fresh proof and stands in
// the history: a thief's passkey under the owner's name for another would be
// overlooked (S-36).
func (h *House) RenamePasskey(ctx context.Context, l *session.Live, passkeyID, name string) error {
	if err := h.allow(ctx, l, policy.AddMethod); err != nil {
		return err
	}
	name, err := passkey.ReadName(name)
	if err != nil {
		return err
	}
	if err := h.spend(ctx, l, passkeyChanges); err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		k, err := h.loadPasskey(ctx, tx, l, passkeyID)
		if err != nil || k.Name == name {
			return err
		}
		if _, err := h.Passkeys.Rename(ctx, tx, l.AccountID, k.ID, name); err != nil {
			return err
		}
		e := h.entry(l, audit.PasskeyRenamed)
		if name != "" {
			e.Details["passkey"] = name
		}
		return h.Audit.Write(ctx, tx, e)
	})
}

// loadPasskey finds a passkey by owner and id; a stranger's and a missing one are
// both not found (S-62).
func (h *House) loadPasskey(ctx context.Context, tx *sqldb.Tx, l *session.Live, passkeyID string) (passkey.Key, error) {
	k, err := h.Passkeys.Load(ctx, tx, l.AccountID, passkeyID)
	if errors.Is(err, sqldb.ErrNone) {
		err = fault.NotFound
	}
	return k, err
}

// RemovePasskey takes a passkey away. It needs a fresh proof, leaves another way in
// (S-73), ends the sessions that rest on that passkey alone (S-36), and every
// contact is told. The account is locked from the first statement on, so of two
// removals at once the second sees what the first left.
func (h *House) RemovePasskey(ctx context.Context, l *session.Live, passkeyID string) error {
	if err := h.allow(ctx, l, policy.RemoveMethod); err != nil {
		return err
	}
	if err := h.spend(ctx, l, passkeyChanges); err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		k, err := h.loadPasskey(ctx, tx, l, passkeyID)
		if err != nil {
			return err
		}
		if found, err := h.Passkeys.Remove(ctx, tx, l.AccountID, k.ID); err != nil || !found {
			return cmp.Or(err, error(fault.NotFound))
		}
		standing, err := h.Prover.StandingOf(ctx, tx, l)
		if err != nil {
			return err
		}
		if k.Works() && !proof.StillIn(standing.Ways) {
			return proof.LastWayIn // and nothing of the above has happened
		}
		if _, err := h.Sessions.EndResting(ctx, tx, l.AccountID, string(policy.Passkey), k.ID, l.ID); err != nil {
			return err
		}
		return h.passkeyChanged(ctx, tx, l, audit.PasskeyRemoved, "notice_passkey_removed", k.Name)
	})
}
