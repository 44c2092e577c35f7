package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// person is an account that signs in.
type person struct {
	t        *testing.T
	db       *sqldb.DB
	accounts *account.Store
	devices  *device.Store
	sessions *session.Store
	account  account.Account
	full     bool // the last session made one on another device end
}

func newPerson(t *testing.T, db *sqldb.DB, c *clock.Clock) *person {
	t.Helper()
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, db: db, accounts: account.New(ring), devices: device.New(ring)}
	p.sessions = session.New(p.accounts, p.devices, session.Life{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour})
	p.account = account.Account{ID: account.NewID(), Region: "intl", Locale: "en", Nickname: "Ada"}
	p.do(func(tx *sqldb.Tx) error { return p.accounts.Create(t.Context(), tx, p.account) })
	c.Advance(time.Second)
	if p.account, err = p.accounts.Load(t.Context(), db, p.account.ID); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *person) do(f func(tx *sqldb.Tx) error) {
	p.t.Helper()
	if err := p.db.InTx(p.t.Context(), f); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) signIn(secret string) string {
	p.t.Helper()
	token := ""
	p.do(func(tx *sqldb.Tx) error {
		d, err := p.devices.Remember(p.t.Context(), tx, p.account.ID, secret, device.Device{Name: "Pixel 9", Kind: "phone"})
		if err != nil {
			return err
		}
		token, _, p.full, err = p.sessions.Open(p.t.Context(), tx, p.account, d.ID, []session.Proof{{Method: "sms_code", At: tx.Now()}})
		return err
	})
	return token
}

func (p *person) check(token string) *session.Live {
	p.t.Helper()
	l, err := p.sessions.Check(p.t.Context(), p.db, token)
	if err != nil && !errors.Is(err, session.ErrNone) {
		p.t.Fatal(err)
	}
	return l
}

func TestCheck(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		p := newPerson(t, db, c)
		token := p.signIn("secret-a")
		l := p.check(token)
		if l == nil || l.AccountID != p.account.ID || l.Device.Name != "Pixel 9" || l.Account.Nickname != "Ada" || l.Proved[0].Method != "sms_code" {
			t.Fatalf("Check = %+v", l)
		}
		// S-114: a token is compared whole.
		for _, bad := range []string{"", "x", token[:len(token)-1], token + "A", strings.ToUpper(token), "sst_" + token, token[:20] + "A" + token[21:]} {
			if bad != token && p.check(bad) != nil {
				t.Errorf("Check(%q) opens a session", bad)
			}
		}
		// S-56: signing in again on the same device ends the earlier session.
		again := p.signIn("secret-a")
		if p.check(token) != nil || p.check(again) == nil {
			t.Error("the earlier session on the same device lives, or the new one does not")
		}
	})
}

// TestS058_Ends: idle and absolute ends, and the end of an epoch and of a state.
func TestS058_Ends(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		p := newPerson(t, db, c)
		token := p.signIn("a")
		c.Advance(14*24*time.Hour - time.Second)
		l := p.check(token)
		if l == nil {
			t.Fatal("dead a second before its idle end")
		}
		if err := p.sessions.Touch(t.Context(), db, l); err != nil {
			t.Fatal(err)
		}
		c.Advance(14*24*time.Hour - time.Second)
		if l = p.check(token); l == nil {
			t.Fatal("use did not put off the idle end")
		}
		if err := p.sessions.Touch(t.Context(), db, l); err != nil {
			t.Fatal(err)
		}
		c.Advance(2*24*time.Hour + 2*time.Second)
		if p.check(token) != nil {
			t.Error("alive after its absolute end")
		}
		for name, end := range map[string]string{"epoch": `UPDATE account SET epoch = epoch + 1`, "state": `UPDATE account SET state = 'frozen'`} {
			token := p.signIn("b")
			p.do(func(tx *sqldb.Tx) error { _, err := tx.Exec(t.Context(), end); return err })
			if p.check(token) != nil {
				t.Errorf("alive after the end of its %s (S-57, S-86)", name)
			}
		}
	})
}

// TestS060_OtherDevices: ending the others is an end at once, and spares this one.
func TestS060_OtherDevices(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		p := newPerson(t, db, c)
		a, b, d := p.signIn("a"), p.signIn("b"), p.signIn("d")
		keep := p.check(a)
		p.do(func(tx *sqldb.Tx) error {
			n, err := p.sessions.EndOthers(t.Context(), tx, p.account.ID, keep.DeviceID)
			if n != 2 {
				t.Errorf("%d ended; want 2", n)
			}
			return err
		})
		if p.check(a) == nil || p.check(b) != nil || p.check(d) != nil {
			t.Error("the wrong sessions ended")
		}
	})
}

// TestS066_AtMostFifty: the session used longest ago makes room.
func TestS066_AtMostFifty(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		p := newPerson(t, db, c)
		first := p.signIn("first")
		c.Advance(time.Second)
		second := p.signIn("second")
		for i := range 49 {
			c.Advance(time.Second)
			p.signIn(strings.Repeat("x", i+1))
		}
		if p.check(first) != nil || p.check(second) == nil {
			t.Error("not the session used longest ago made room")
		}
	})
}

// TestS066_Full: it is said that a session made room, but not of the one on the same
// device, and not of one that was over.
func TestS066_Full(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		p := newPerson(t, db, c)
		for i := range 50 {
			c.Advance(time.Second)
			p.signIn(strings.Repeat("x", i+1))
			if p.full {
				t.Fatalf("full at %d", i+1)
			}
		}
		p.signIn("x")
		if p.full {
			t.Error("full although the device had a session")
		}
		p.signIn("one more")
		if !p.full {
			t.Error("nothing is said of the one that made room")
		}
		c.Advance(14*24*time.Hour + time.Second)
		p.signIn("much later")
		if p.full {
			t.Error("a session that was over made room, and it is told")
		}
	})
}
