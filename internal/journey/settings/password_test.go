package settings_test

import (
	"context"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// TestS028_S070_PendingEndsWithThePassword: whatever waits to happen to how the
// account is proved dies with a new password, even if the other devices stay; a
// dispute, which is somebody else's, does not.
func TestS028_S070_PendingEndsWithThePassword(t *testing.T) {
	each(t, func(h *home) {
		for _, k := range []change.Kind{change.ReplacePhone, change.Recover, change.SignIn, change.DisputePhone} {
			h.do(func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := h.Changes.Begin(ctx, tx, change.Change{AccountID: h.ada.AccountID, Kind: k, ReadyAt: tx.Now().Add(72 * time.Hour)})
				return err
			})
		}
		h.want("setting", h.SetPassword(h.t.Context(), h.ada, "seven purple walruses", true), nil)
		list, err := h.Changes.List(h.t.Context(), h.DB, h.ada.AccountID, time.Time{})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, c := range list {
			want := change.Withdrawn
			switch c.Kind {
			case change.DisputePhone:
				want = change.Waiting
			case change.SetPassword: // by which the change itself is objected to
				want = change.Done
				if !c.Objectionable(h.clock.Now()) {
					h.t.Error("nobody can object to the new password")
				}
			}
			if c.State != want {
				h.t.Errorf("%s is %s; want %s", c.Kind, c.State, want)
			}
		}
		if len(list) != 5 {
			h.t.Errorf("%d changes; want 5", len(list))
		}
	})
}

// TestS178_NoOldPasswordAnew: the present one and the last five are refused, and
// nothing ends by it.
func TestS178_NoOldPasswordAnew(t *testing.T) {
	each(t, func(h *home) {
		words := []string{"seven purple walruses", "eight purple walruses"}
		for _, w := range words {
			h.want("setting", h.SetPassword(h.t.Context(), h.ada, w, true), nil)
		}
		h.want("the one before", h.SetPassword(h.t.Context(), h.ada, words[0], false), credential.PasswordReused)
		h.want("the same again, because the answer was lost (R-03)", h.SetPassword(h.t.Context(), h.ada, words[1], false), nil)
		h.live(h.other)
		h.clock.Advance(11 * time.Minute)
		for i := range h.ada.Proved {
			h.ada.Proved[i].At = h.clock.Now()
		}
		h.want("the present one", h.SetPassword(h.t.Context(), h.ada, words[1], false), credential.PasswordReused)
		h.live(h.other)
	})
}

// watch keeps what it is told.
type watch struct {
	seen  []proof.Sight
	knows int // devices of the account when it was told
	h     *home
}

func (w *watch) Saw(ctx context.Context, tx *sqldb.Tx, who account.Account, s proof.Sight) (bool, error) {
	w.seen = append(w.seen, s)
	list, err := w.h.Devices.List(ctx, tx, who.ID)
	w.knows = len(list)
	return false, err
}

// TestTopic_W03_WhoHasToSignInAnew: the history names the devices that a new password
// signed out, and the watch hears of it while it can still look at them.
func TestTopic_W03_WhoHasToSignInAnew(t *testing.T) {
	each(t, func(h *home) {
		w := &watch{h: h}
		h.Watch = w
		h.want("setting", h.SetPassword(h.t.Context(), h.ada, "seven purple walruses", false), nil)
		if e := h.acts(h.ada)[0]; e.Kind != audit.PasswordSet || e.Details["signed_out"] != "laptop" {
			h.t.Errorf("the act is %+v", e)
		}
		if len(w.seen) != 1 || w.seen[0].Event != proof.OthersSignedOut || w.seen[0].Device != h.ada.DeviceID || w.knows != 2 {
			h.t.Errorf("the watch saw %+v, with %d devices", w.seen, w.knows)
		}
		h.clock.Advance(time.Second) // acts of one moment have no order
		h.want("alone", h.SetPassword(h.t.Context(), h.ada, "eight purple walruses", false), nil)
		h.clock.Advance(time.Second)
		if _, err := h.SignOutOthers(h.t.Context(), h.ada); err != nil || len(w.seen) != 1 {
			h.t.Errorf("with nobody else signed in it saw %+v, %v", w.seen, err)
		}
		if e := h.acts(h.ada)[1]; e.Details["signed_out"] != "" {
			h.t.Errorf("the act is %+v", e)
		}
	})
}
