package signin_test

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// wantTwoSteps turns 2-step verification on, as the account page would.
func (w *town) wantTwoSteps(id string) {
	n, _ := account.ReadID(id)
	w.exec(`UPDATE account SET two_step = $1 WHERE id = $2`, true, int64(n))
}

// offered are the methods that a step offers.
func (v *visit) offered() (methods []string) {
	v.t.Helper()
	for _, m := range v.step.(step.ChooseMethod).Methods {
		methods = append(methods, m.Method)
	}
	return methods
}

// TestS040_NoEntranceIsExempt: with 2-step verification every entrance asks for a
// second step; the same text twice is one, and what is half done opens nothing.
func TestS040_NoEntranceIsExempt(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.wantTwoSteps(o.id)
		before := w.sessions()
		entrances := map[string]func(v *visit) *visit{
			"text":     func(v *visit) *visit { return v.phone(o.phone).code(w.post.code(o.phone)) },
			"e-mail":   func(v *visit) *visit { return v.email(o.email).code(w.post.code(o.email)) },
			"password": func(v *visit) *visit { return v.username(o.id).password(o.password) },
			"a text to who was named": func(v *visit) *visit {
				return v.username(o.email).do("other_way").method("sms_code").code(w.post.code(o.phone))
			},
		}
		for name, enter := range entrances {
			for _, device := range []string{"", o.device} {
				w.later(time.Hour)
				v := enter(w.begin("intl", on(device)))
				if at := v.step.StepType(); at == step.TypeDone || at == step.TypeIdentify {
					w.t.Errorf("by %s on %q: at %s", name, device, at)
				}
				if w.sessions() != before {
					w.t.Fatalf("by %s on %q: a session began", name, device)
				}
			}
		}
		w.later(time.Hour)
		v := w.begin("intl").phone(o.phone).code(w.post.code(o.phone)).want(step.TypeChooseMethod, "")
		if !slices.Equal(v.offered(), []string{"password"}) { // the only way that makes it two
			w.t.Errorf("offered %v", v.offered())
		}
		v.method("sms_code").want(step.TypeChooseMethod, "method_unavailable")
		v.method("password").want(step.TypePassword, "")
		if s := v.step.(step.Password); !slices.Contains(s.Why, "two_step") || !slices.Contains(s.Inputs, "back") {
			w.t.Errorf("asked with %+v", s)
		}
		d := v.password(o.password).done()
		l, err := w.house.Sessions.Check(w.t.Context(), w.db, d.Session.Token)
		if err != nil || len(l.Proved) != 2 || l.Proved[0].Method != "sms_code" || l.Proved[1].Method != "password" {
			w.t.Errorf("proved %+v, %v", l.Proved, err)
		}
	})
}

// TestTopic_Y04_TrustedDevice: a trusted device skips the second step, until its
// ninety days are over.
func TestTopic_Y04_TrustedDevice(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.wantTwoSteps(o.id)
		w.exec(`UPDATE device SET trusted_until = $1`, sqldb.Micros(w.clock.Now().Add(90*24*time.Hour)))
		w.begin("intl", on(o.device)).phone(o.phone).code(w.post.code(o.phone)).done()
		w.later(91 * 24 * time.Hour)
		w.begin("intl", on(o.device)).phone(o.phone).code(w.post.code(o.phone)).want(step.TypeChooseMethod, "")
	})
}

// TestS069_TooNew: a contact that came to the account a moment ago opens it on no
// strange device, and the person is told from when on it does.
func TestS069_TooNew(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.later(30 * 24 * time.Hour)
		n, _ := account.ReadID(o.id)
		w.exec(`DELETE FROM credential_password`)
		w.dropContact(o.id, contact.Email)
		w.dropContact(o.id, contact.Phone)
		w.addContact(o.id, contact.Phone, bob)
		changed := w.clock.Now()
		w.later(time.Hour)
		v := w.begin("intl").phone(bob).code(w.post.code(bob)).want(step.TypeChooseMethod, "contact_too_new")
		if at := fault.From(v.err).RetryAt; !at.Equal(changed.Add(72 * time.Hour)) {
			w.t.Errorf("it says %v", at)
		}
		v.do("back").want(step.TypeIdentify, "")
		w.begin("intl", on(o.device)).phone(bob).code(w.post.code(bob)).done() // the owner's own device
		w.later(72 * time.Hour)
		w.begin("intl").phone(bob).code(w.post.code(bob)).done()
		if list, err := w.house.Contacts.List(w.t.Context(), w.db, n); err != nil || len(list) != 1 {
			w.t.Errorf("%v, %v", list, err)
		}
	})
}

// TestS080_SilentNumber: a number that has not proved itself for half a year opens
// the account on no strange device by itself, and trying does not change that.
func TestS080_SilentNumber(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.later(181 * 24 * time.Hour)
		for range 2 {
			w.later(time.Hour)
			v := w.begin("intl").phone(o.phone).code(w.post.code(o.phone))
			if at := v.step.StepType(); at == step.TypeDone {
				w.t.Fatal("the number alone opened the account")
			}
			if v.want(step.TypeChooseMethod, ""); !slices.Contains(v.step.(step.ChooseMethod).Why, "silent_phone") {
				w.t.Errorf("why: %+v", v.step)
			}
		}
		w.later(time.Hour)
		w.begin("intl", on(o.device)).phone(o.phone).code(w.post.code(o.phone)).done() // a known device goes on
		w.later(time.Hour)
		w.begin("intl").phone(o.phone).code(w.post.code(o.phone)).done() // and the number has proved itself there
	})
}

// carriers knows when a number's SIM was changed and when it came to its subscriber.
type carriers struct{ known numbers.History }

func (c *carriers) Line(context.Context, string) (numbers.Line, error) { return numbers.Mobile, nil }
func (c *carriers) History(context.Context, string) (numbers.History, error) {
	return c.known, nil
}

// TestS081_SIMSwapped: where the carrier says that the SIM was changed, or that the
// number has a new subscriber, a text proves nothing by itself.
func TestS081_SIMSwapped(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		outside := &carriers{}
		w := newTown(t, db, c, func(h *signin.House, _ *proof.Limits) { h.Numbers = numbers.New(numbers.Policy{}, outside) })
		o := w.owner()
		for signal, known := range map[string]numbers.History{
			"sim_swapped":       {SIMSwappedAt: c.Now().Add(-time.Hour)},
			"number_reassigned": {ReassignedAt: c.Now()},
		} {
			w.later(time.Hour)
			outside.known = known
			v := w.begin("intl").phone(o.phone).code(w.post.code(o.phone)).want(step.TypeChooseMethod, "")
			if why := v.step.(step.ChooseMethod).Why; !slices.Contains(why, signal) {
				w.t.Errorf("%s: why %v", signal, why)
			}
			v.method("password").want(step.TypePassword, "")
			v.password(o.password).done()
		}
		outside.known = numbers.History{SIMSwappedAt: c.Now().Add(-80 * 24 * time.Hour)}
		w.later(time.Hour)
		w.begin("intl").phone(o.phone).code(w.post.code(o.phone)).done()
	})
}

// Who comes from a network that the operator knows nothing good of proves more, and
// learns why; so does who comes after many wrong passwords from somewhere new.
func TestRisk_RaisesWhatIsAsked(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.house.Prover.BadNetwork = func(a netip.Addr) bool { return a == netip.MustParseAddr("198.51.100.9") }
		v := w.begin("intl", from("198.51.100.9")).phone(o.phone).code(w.post.code(o.phone)).want(step.TypeChooseMethod, "")
		for _, why := range []string{"bad_network", "new_device", "new_network"} {
			if !slices.Contains(v.step.(step.ChooseMethod).Why, why) {
				w.t.Errorf("%s is not among %v", why, v.step.(step.ChooseMethod).Why)
			}
		}
		if !slices.Contains(v.offered(), "password") {
			w.t.Errorf("offered %v", v.offered())
		}
		w.later(time.Hour)
		w.begin("intl", on(o.device)).phone(o.phone).code(w.post.code(o.phone)).done()
	})
}

// What was noticed at the first proof stays, whatever is done before the second.
func TestRisk_IsFrozen(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		listed := true
		w.house.Prover.BadNetwork = func(netip.Addr) bool { return listed }
		v := w.begin("intl", from("198.51.100.9")).phone(o.phone).code(w.post.code(o.phone)).want(step.TypeChooseMethod, "")
		listed = false
		v.visitor.Addr = netip.MustParseAddr("192.0.2.7")
		v.method("password").want(step.TypePassword, "")
		if !slices.Contains(v.step.(step.Password).Why, "bad_network") {
			w.t.Errorf("why %v", v.step.(step.Password).Why)
		}
	})
}

// A right password that stands in a list of stolen ones is remembered, and told once.
func TestRisk_BreachedPassword(t *testing.T) {
	each(t, func(w *town) {
		w.house.Notices.Watch(job.New(w.db, w.clock, slog.New(slog.DiscardHandler)), w.house.Accounts, w.house.Contacts)
		w.house.Guesses.Notices = w.house.Notices
		o := w.owner()
		w.setPassword(o.id, "password123")
		told := func() (n int) {
			for _, text := range w.post.all(o.email) {
				if strings.Contains(text, "list of stolen passwords") {
					n++
				}
			}
			return n
		}
		for range 2 {
			w.later(time.Hour)
			v := w.begin("intl", on(o.device)).username(o.id).password("password123").want(step.TypeCode, "") // even on a known device
			v.code(w.post.code(o.phone)).done()
		}
		hasAct(w.t, w.acts(o.id), audit.PasswordBreached, 1)
		if n := told(); n != 1 {
			w.t.Errorf("the owner was told %d times; want once", n)
		}
		v := w.begin("intl").username(o.id).password("password123").want(step.TypeCode, "")
		if !slices.Contains(v.step.(step.Code).Why, "breached_password") {
			w.t.Errorf("why %v", v.step.(step.Code).Why)
		}
		w.setPassword(o.id, o.password)
		w.later(time.Hour)
		v = w.begin("intl").username(o.id).password(o.password).want(step.TypeCode, "")
		if strings.Contains(strings.Join(v.step.(step.Code).Why, " "), "breached") {
			w.t.Error("the new password is called stolen")
		}
		w.setPassword(o.id, "password1234") // another one, in the list too
		w.later(time.Hour)
		w.begin("intl").username(o.id).password("password1234").want(step.TypeCode, "")
		if n := told(); n != 1 {
			w.t.Errorf("of another password the owner was told %d times; want once", n)
		}
	})
}

// TestRisk_AKnownDeviceElsewhere: whoever has stolen a device's cookie and the
// password is on a device that the account knows. From a network that it never was
// used from, its owner is told at every contact, once for each network.
func TestRisk_AKnownDeviceElsewhere(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for i, tt := range []struct {
			from string
			told int
		}{{"192.0.2.7", 0}, {"192.0.2.200", 0}, {"198.51.100.9", 1}, {"198.51.100.10", 0}, {"192.0.2.7", 0}, {"203.0.113.5", 1}} {
			w.later(2 * time.Hour)
			w.begin("intl", on(o.device), from(tt.from)).username(o.id).password(o.password).done()
			for _, to := range []string{o.phone, o.email} {
				texts := w.post.all(to)
				if i == 0 && to == o.phone {
					continue // the code by which the account was made
				}
				if len(texts) != tt.told || tt.told == 1 && !strings.Contains(texts[0], "from a n") {
					w.t.Errorf("%d, from %s: %s was told %q", i, tt.from, to, texts)
				}
			}
		}
		// To whom just gave the code nothing is said; to the others it is.
		w.later(2 * time.Hour)
		w.begin("intl", on(o.device), from("203.0.114.5")).phone(o.phone).code(w.post.code(o.phone)).done()
		if mine, other := w.post.all(o.phone), w.post.all(o.email); len(mine) != 0 || len(other) != 1 {
			w.t.Errorf("told %q, %q", mine, other)
		}
	})
}
