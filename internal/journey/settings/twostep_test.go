package settings_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// eachTwoStep is each with recovery codes, and with a password for ada.
func eachTwoStep(t *testing.T, f func(h *home)) {
	each(t, func(h *home) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		h.RecoveryCodes = recoverycode.New(ring, h.Passwords)
		h.Prompts = &proof.Prompts{Prover: h.Prover, Store: prompt.New(ring), Sessions: h.Sessions, Notices: h.Notices}
		h.Watching = settings.NewWatching(h.DB, h.clock, h.Prompts.Store, h.Sessions)
		h.Prover.Means = append(h.Prover.Means, proof.ByPrompt(h.Prompts))
		h.want("a password", h.SetPassword(t.Context(), h.ada, "seven purple walruses", true), nil)
		h.ada, h.eve = h.proved(h.ada), h.proved(h.eve)
		f(h)
	})
}

// trusted tells which devices of ada skip the second step.
func (h *home) trusted() map[string]bool {
	h.t.Helper()
	list, err := h.ListDevices(h.t.Context(), h.ada)
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, d := range list {
		out[d.Name] = d.Trusts
	}
	return out
}

func (h *home) has(kind audit.Kind) int {
	n := 0
	for _, e := range h.acts(h.ada) {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// TestS040_TurnOn: turning on makes ten codes once, ends trust in other devices, is
// told to every contact, and happens once however many ask at once.
func TestS040_TurnOn(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		other := h.live(h.other)
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			for _, d := range []string{h.ada.DeviceID, other.DeviceID} {
				if _, err := h.Devices.Trust(ctx, tx, h.ada.AccountID, d, tx.Now().Add(device.TrustFor)); err != nil {
					return err
				}
			}
			return nil
		})
		var mu sync.Mutex
		var all sync.WaitGroup
		made := 0
		for range 6 {
			all.Go(func() {
				codes, err := h.SetTwoStep(h.t.Context(), h.ada, true)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					h.t.Error(err)
				}
				made += len(codes)
			})
		}
		all.Wait()
		if made != 10 || h.has(audit.TwoStepOn) != 1 || h.has(audit.RecoveryCodesNew) != 1 {
			h.t.Errorf("%d codes were answered, %d acts", made, h.has(audit.TwoStepOn))
		}
		if n := h.notices("notice_two_step_on"); n != 2 {
			h.t.Errorf("%d contacts were told", n)
		}
		if got := h.trusted(); !got["phone"] || got["laptop"] {
			h.t.Errorf("trusted: %v", got)
		}
		h.ada = h.proved(h.ada)
		if !h.ada.Account.TwoStep || h.ada.Account.TwoStepSince.IsZero() {
			h.t.Error("the session does not know of it")
		}
		h.want("off", second(h.SetTwoStep(h.t.Context(), h.ada, false)), nil)
		h.ada = h.proved(h.ada)
		codes, err := h.SetTwoStep(h.t.Context(), h.ada, true)
		if err != nil || len(codes) != 0 {
			h.t.Errorf("with ten left %d were made, %v", len(codes), err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestS040_TurnOnNeedsTwo: an account that could not be asked for a second step
// cannot turn it on, and nothing is left of the try.
func TestS040_TurnOnNeedsTwo(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		h.want("with a phone alone", second(h.SetTwoStep(h.t.Context(), h.eve, true)), settings.SecondMethodMissing)
		h.want("protection with a phone alone", h.SetProtected(h.t.Context(), h.eve, true), settings.OtherMethodMissing)
		if set, err := h.RecoveryCodes.Load(h.t.Context(), h.DB, h.eve.AccountID); err != nil || set.IsSet() {
			h.t.Errorf("codes were kept, %v", err)
		}
		if who, err := h.Accounts.Load(h.t.Context(), h.DB, h.eve.AccountID); err != nil || who.TwoStep || who.Protected {
			h.t.Errorf("it is on: %v", err)
		}
	})
}

// TestS041_TurnOff: it takes high assurance; a text alone is not enough.
func TestS041_TurnOff(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		h.want("on", second(h.SetTwoStep(h.t.Context(), h.ada, true)), nil)
		h.clock.Advance(time.Hour)
		weak := func() *session.Live {
			token := ""
			h.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
				token, _, err = h.Sessions.Renew(ctx, tx, h.ada, []session.Proof{{Method: "sms_code", At: tx.Now()}})
				return err
			})
			return h.live(token)
		}()
		err := second(h.SetTwoStep(h.t.Context(), weak, false))
		if h.want("with a text", err, session.ProofRequired); fault.From(err) != nil && fault.From(err).Args["for"] != "two_step_off" {
			h.t.Errorf("the proof is for %v", fault.From(err).Args["for"])
		}
		h.want("with both", second(h.SetTwoStep(h.t.Context(), h.proved(weak), false)), nil)
		if n := h.notices("notice_two_step_off"); n != 2 || h.has(audit.TwoStepOff) != 1 {
			h.t.Errorf("%d contacts were told", n)
		}
	})
}

// TestS081_Protection: once a text alone is never enough, a session that proved by
// text only does nothing that needs a proof.
func TestS081_Protection(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		h.want("on", h.SetProtected(h.t.Context(), h.ada, true), nil)
		h.ada = h.proved(h.ada)
		if !h.ada.Account.Protected || h.notices("notice_sms_protected") != 2 {
			h.t.Error("it is not on, or nobody was told")
		}
		token := ""
		h.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
			token, _, err = h.Sessions.Renew(ctx, tx, h.ada, []session.Proof{{Method: "sms_code", At: tx.Now()}})
			return err
		})
		byText := h.live(token)
		h.want("off by a text", h.SetProtected(h.t.Context(), byText, false), session.ProofRequired)
		h.want("a password by a text", h.SetPassword(h.t.Context(), byText, "eight purple walruses", true), session.ProofRequired)
		h.want("off by a text and the password", h.SetProtected(h.t.Context(), h.proved(byText), false), session.ProofRequired)
		h.do(func(ctx context.Context, tx *sqldb.Tx) (err error) { // as much as the account can show
			token, _, err = h.Sessions.Renew(ctx, tx, h.ada, []session.Proof{{Method: "sms_code", At: tx.Now()}, {Method: "password", At: tx.Now()}, {Method: "email_code", At: tx.Now()}})
			return err
		})
		h.want("off by all", h.SetProtected(h.t.Context(), h.live(token), false), nil)
		if h.notices("notice_sms_unprotected") != 2 {
			h.t.Error("nobody was told that it is off")
		}
	})
}

// TestS064_TrustOnTheDeviceItself: given by the device itself with a proof, taken by
// any, and nobody else's is touched (S-062).
func TestS064_TrustOnTheDeviceItself(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		other := h.live(h.other)
		h.want("on another", h.SetTrust(h.t.Context(), h.ada, other.DeviceID, true), settings.TrustedElsewhere)
		h.want("a stranger's", h.SetTrust(h.t.Context(), h.ada, h.eve.DeviceID, true), fault.NotFound)
		h.want("taking a stranger's", h.SetTrust(h.t.Context(), h.ada, h.eve.DeviceID, false), fault.NotFound)
		h.want("no device", h.SetTrust(h.t.Context(), h.ada, "\x00", true), fault.NotFound)
		h.want("here", h.SetTrust(h.t.Context(), h.ada, h.ada.DeviceID, true), nil)
		if got := h.trusted(); !got["phone"] || got["laptop"] {
			h.t.Errorf("trusted: %v", got)
		}
		h.want("taken by the other", h.SetTrust(h.t.Context(), other, h.ada.DeviceID, false), nil)
		h.want("taken again", h.SetTrust(h.t.Context(), other, h.ada.DeviceID, false), nil)
		if got := h.trusted(); got["phone"] || h.has(audit.DeviceDistrusted) != 1 {
			h.t.Errorf("trusted: %v", got)
		}
		h.clock.Advance(time.Hour)
		h.want("without a proof", h.SetTrust(h.t.Context(), h.ada, h.ada.DeviceID, true), session.ProofRequired)
		h.ada = h.proved(h.ada)
		h.want("here again", h.SetTrust(h.t.Context(), h.ada, h.ada.DeviceID, true), nil)
		h.clock.Advance(device.TrustFor)
		_, token := h.signIn(h.ada.AccountID, "phone") // it comes back and is not trusted any more
		if h.live(token).Device.Trusted(h.clock.Now()) {
			h.t.Error("trust did not end")
		}
	})
}

// TestS028_PasswordEndsTrust: a new password ends the trust in every other device,
// also where they stay signed in.
func TestS028_PasswordEndsTrust(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		other := h.live(h.other)
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := h.Devices.Trust(ctx, tx, h.ada.AccountID, other.DeviceID, tx.Now().Add(device.TrustFor))
			return err
		})
		h.want("a new password", h.SetPassword(h.t.Context(), h.ada, "eight purple walruses", true), nil)
		if got := h.trusted(); got["laptop"] {
			h.t.Errorf("trusted: %v", got)
		}
	})
}

// TestS060_AnswerFromADeadSession: a session that was ended answers no question,
// and one that cannot be looked at is told of nothing.
func TestS060_AnswerFromADeadSession(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		l := h.live(h.other)
		heard, err := h.Watching.Join(l)
		if err != nil {
			h.t.Fatal(err)
		}
		defer heard.Leave()
		h.want("sign-out", h.SignOut(h.t.Context(), l), nil)
		_, err = h.AnswerPrompt(h.t.Context(), l, "AAAAAAAAAAAAAAAAAAAAAA", "47", true)
		h.want("the answer", err, session.Required)
		ctx, end := context.WithCancel(h.t.Context())
		ran := make(chan error, 1)
		go func() { ran <- h.Watching.Run(ctx) }()
		defer func() { end(); <-ran }()
		for seconds := 0; ; seconds++ {
			select {
			case <-heard.Over:
				return
			case <-time.After(5 * time.Millisecond):
				h.clock.Advance(time.Second)
			}
			if seconds > 1000 {
				h.t.Fatal("the stream goes on")
			}
		}
	})
}

// TestWatching_bounds: ten of an account, and who leaves makes room.
func TestWatching_bounds(t *testing.T) {
	eachTwoStep(t, func(h *home) {
		var all []*settings.Listener
		for range 10 {
			l, err := h.Watching.Join(h.ada)
			if err != nil {
				h.t.Fatal(err)
			}
			all = append(all, l)
		}
		h.want("the eleventh", second(h.Watching.Join(h.ada)), fault.RateLimited)
		h.want("somebody else", second(h.Watching.Join(h.eve)), nil)
		all[0].Leave()
		all[0].Leave()
		h.want("after one left", second(h.Watching.Join(h.ada)), nil)
		h.want("and no more", second(h.Watching.Join(h.ada)), fault.RateLimited)
	})
}
