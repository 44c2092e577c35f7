package settings_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/passkey/passkeytest"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

const keyOrigin = "https://id.example.com"

// eachWithKeys is each with passkeys, and with strong proofs just given.
func eachWithKeys(t *testing.T, f func(h *home)) {
	each(t, func(h *home) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		h.t = t
		h.Passkeys, h.Party = passkey.New(ring), &passkey.Party{ID: "id.example.com", Name: "Selfsame", Origins: []string{keyOrigin}}
		h.Prover.Means = append(h.Prover.Means, proof.ByPasskey(h.Prover, h.Passkeys, h.Party, h.Notices))
		h.ada, h.eve = h.proved(h.ada), h.proved(h.eve)
		f(h)
	})
}

// proved is a session that has just proved the phone and the e-mail.
func (h *home) proved(l *session.Live) *session.Live {
	h.t.Helper()
	token := ""
	h.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		token, _, err = h.Sessions.Renew(ctx, tx, l, []session.Proof{{Method: "sms_code", At: tx.Now()}, {Method: "password", At: tx.Now()}})
		return err
	})
	return h.live(token)
}

// add registers a new passkey.
func (h *home) add(l *session.Live, a *passkeytest.Authenticator, broken ...passkeytest.Break) (passkey.Key, error) {
	h.t.Helper()
	o, err := h.BeginPasskey(h.t.Context(), l)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.AddPasskey(h.t.Context(), l, a.Create(o, broken...), "")
}

func (h *home) mustAdd(l *session.Live) passkey.Key {
	h.t.Helper()
	k, err := h.add(l, passkeytest.New(keyOrigin))
	if err != nil {
		h.t.Fatal(err)
	}
	return k
}

// notices counts what was sent for a purpose.
func (h *home) notices(purpose string) (n int) {
	h.t.Helper()
	if err := h.DB.QueryRow(h.t.Context(), `SELECT COUNT(*) FROM courier_message WHERE purpose = $1`, purpose).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// TestS032_AddPasskey: it needs a fresh proof, carries the device's name, is told to
// every contact and stands in the history; the handle says nothing of the account.
func TestS032_AddPasskey(t *testing.T) {
	eachWithKeys(t, func(h *home) {
		k := h.mustAdd(h.ada)
		list, err := h.ListPasskeys(h.t.Context(), h.ada)
		if err != nil || len(list) != 1 || list[0].ID != k.ID || list[0].Name != "phone" || !list[0].Synced() {
			h.t.Errorf("%+v, %v", list, err)
		}
		if n := h.notices("notice_passkey_added"); n != 2 {
			h.t.Errorf("%d contacts are told, want both", n)
		}
		entries, err := h.Activity(h.t.Context(), h.ada, time.Time{}, 1)
		if err != nil || len(entries) != 1 || entries[0].Kind != "passkey_added" || entries[0].Details["passkey"] != "phone" {
			h.t.Errorf("%+v, %v", entries, err)
		}
		o, err := h.BeginPasskey(h.t.Context(), h.ada)
		if err != nil || len(o.ExcludeCredentials) != 1 || strings.Contains(o.User.ID, h.ada.AccountID.String()) || o.AuthenticatorSelection.ResidentKey != "required" {
			h.t.Errorf("%+v, %v", o, err)
		}
		h.clock.Advance(11 * time.Minute)
		_, err = h.BeginPasskey(h.t.Context(), h.ada)
		h.want("beginning without a proof", err, session.ProofRequired)
		_, err = h.AddPasskey(h.t.Context(), h.ada, nil, "")
		h.want("adding without a proof", err, session.ProofRequired)
		h.want("renaming without a proof", h.RenamePasskey(h.t.Context(), h.ada, k.ID, "x"), session.ProofRequired)
		h.want("removing without a proof", h.RemovePasskey(h.t.Context(), h.ada, k.ID), session.ProofRequired)
	})
}

// TestS030_PasskeyChallenge: the challenge of a registration is of one session, and
// gone after the first answer, right or wrong.
func TestS030_PasskeyChallenge(t *testing.T) {
	eachWithKeys(t, func(h *home) {
		o, err := h.BeginPasskey(h.t.Context(), h.ada)
		if err != nil {
			h.t.Fatal(err)
		}
		answer := passkeytest.New(keyOrigin).Create(o)
		add := func(l *session.Live) error {
			_, err := h.AddPasskey(h.t.Context(), l, answer, "")
			return err
		}
		h.want("another account's session", add(h.eve), passkey.Invalid)
		h.want("her other session", add(h.proved(h.live(h.other))), passkey.Invalid)
		h.want("the session that began", add(h.ada), nil)
		h.want("again", add(h.ada), passkey.Invalid)

		a := passkeytest.New(keyOrigin)
		o, _ = h.BeginPasskey(h.t.Context(), h.ada)
		right := a.Create(o)
		_, err = h.AddPasskey(h.t.Context(), h.ada, a.Create(o, func(c *passkeytest.Ceremony) { c.RPID = "evil.test" }), "")
		h.want("a wrong answer", err, passkey.Invalid)
		_, err = h.AddPasskey(h.t.Context(), h.ada, right, "")
		h.want("the right one after it", err, passkey.Invalid)

		known := passkeytest.New(keyOrigin)
		if _, err := h.add(h.ada, known); err != nil {
			h.t.Fatal(err)
		}
		_, err = h.add(h.eve, known)
		h.want("the same credential under a second account", err, passkey.Known)
		if list, err := h.ListPasskeys(h.t.Context(), h.eve); err != nil || len(list) != 0 {
			h.t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestMostPasskeys(t *testing.T) {
	eachWithKeys(t, func(h *home) {
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			for i := range passkey.Most {
				if _, err := h.Passkeys.Add(ctx, tx, h.ada.AccountID, passkey.Key{CredentialID: []byte{byte(i)}, PublicKey: []byte{1}, AAGUID: []byte{}}); err != nil {
					return err
				}
			}
			return nil
		})
		_, err := h.BeginPasskey(h.t.Context(), h.ada)
		h.want("one more", err, passkey.TooMany)
	})
}

func TestRenamePasskey(t *testing.T) {
	eachWithKeys(t, func(h *home) {
		k := h.mustAdd(h.ada)
		h.want("a name", h.RenamePasskey(h.t.Context(), h.ada, k.ID, " Key in  the drawer "), nil)
		if list, err := h.ListPasskeys(h.t.Context(), h.ada); err != nil || list[0].Name != "Key in the drawer" {
			h.t.Errorf("%+v, %v", list, err)
		}
		h.want("a deceiving name", h.RenamePasskey(h.t.Context(), h.ada, k.ID, "a\u202eb"), fault.InvalidInput)
		h.want("a stranger's passkey", h.RenamePasskey(h.t.Context(), h.eve, k.ID, "mine"), fault.NotFound)
		h.want("no passkey", h.RenamePasskey(h.t.Context(), h.ada, "\x00", "mine"), fault.NotFound)
	})
}

// TestS036_RemovePasskey: it ends the sessions that rest on that passkey alone, at
// once; others stay. It is told, and a stranger cannot.
func TestS036_RemovePasskey(t *testing.T) {
	eachWithKeys(t, func(h *home) {
		k, kept := h.mustAdd(h.ada), h.mustAdd(h.ada)
		open := func(name string, proved ...session.Proof) (token string) {
			h.do(func(ctx context.Context, tx *sqldb.Tx) error {
				d, err := h.Devices.Remember(ctx, tx, h.ada.AccountID, name, device.Device{Name: name, Kind: "phone"})
				if err != nil {
					return err
				}
				token, _, _, err = h.Sessions.Open(ctx, tx, h.ada.Account, d.ID, proved)
				return err
			})
			return token
		}
		by := func(id string) session.Proof { return session.Proof{Method: "passkey", At: h.clock.Now(), Key: id} }
		alone := open("a", by(k.ID))
		stepped := open("b", by(k.ID), session.Proof{Method: "sms_code", At: h.clock.Now(), For: "add_method"})
		both := open("c", by(k.ID), session.Proof{Method: "sms_code", At: h.clock.Now()})
		another := open("d", by(kept.ID))

		h.want("a stranger", h.RemovePasskey(h.t.Context(), h.eve, k.ID), fault.NotFound)
		h.ada = h.byKey(h.ada, kept)
		h.want("the owner", h.RemovePasskey(h.t.Context(), h.ada, k.ID), nil)
		h.want("again", h.RemovePasskey(h.t.Context(), h.ada, k.ID), fault.NotFound)
		for name, c := range map[string]struct {
			token string
			ended bool
		}{"alone": {alone, true}, "alone, with a step-up": {stepped, true}, "with a code": {both, false}, "another passkey": {another, false}, "another device": {h.other, false}} {
			if _, err := h.Live(h.t.Context(), c.token); (err != nil) != c.ended {
				h.t.Errorf("the session that rests on %s: %v", name, err)
			}
		}
		if n := h.notices("notice_passkey_removed"); n != 2 {
			h.t.Errorf("%d contacts are told, want both", n)
		}
	})
}

// TestS073_LastPasskey: the last way in stays, and of two removals at once at most
// one is the last but one.
func TestS073_LastPasskey(t *testing.T) {
	eachWithKeys(t, func(h *home) {
		keys := []passkey.Key{h.mustAdd(h.eve), h.mustAdd(h.eve)}
		h.do(func(ctx context.Context, tx *sqldb.Tx) error { // as an account that never had one
			for _, q := range []string{`DELETE FROM contact WHERE account_id = $1`, `DELETE FROM contact_holder WHERE account_id = $1`} {
				if _, err := tx.Exec(ctx, q, int64(h.eve.AccountID)); err != nil {
					return err
				}
			}
			return nil
		})
		h.eve = h.byKey(h.eve, keys[0])
		var wg sync.WaitGroup
		errs := make([]error, len(keys))
		for i, k := range keys {
			wg.Go(func() { errs[i] = h.RemovePasskey(h.t.Context(), h.eve, k.ID) })
		}
		wg.Wait()
		removed := 0
		for _, err := range errs {
			if err == nil {
				removed++
			} else if !proof.LastWayIn.Is(err) && !session.ProofRequired.Is(err) {
				h.t.Error(err)
			}
		}
		list, err := h.ListPasskeys(h.t.Context(), h.eve)
		if err != nil || removed != 1 || len(list) != 1 {
			h.t.Fatalf("%d were removed, %d are left, %v", removed, len(list), err)
		}
		h.eve = h.byKey(h.eve, list[0])
		h.want("the last", h.RemovePasskey(h.t.Context(), h.eve, list[0].ID), proof.LastWayIn)
		if list, err := h.ListPasskeys(h.t.Context(), h.eve); err != nil || len(list) != 1 {
			h.t.Errorf("a refused removal left %d, %v", len(list), err)
		}
	})
}

// byKey is a session that was just opened with a passkey.
func (h *home) byKey(l *session.Live, k passkey.Key) *session.Live {
	h.t.Helper()
	token := ""
	h.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		token, _, err = h.Sessions.Renew(ctx, tx, l, []session.Proof{{Method: "passkey", At: tx.Now(), Verified: true, Key: k.ID}})
		return err
	})
	return h.live(token)
}
