package totp_test

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/hotp"
	reference "github.com/pquerna/otp/totp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const ada, bob = account.ID(234567890120), account.ID(345678901230)

type drawer struct {
	*totp.Store
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
	ring  *seal.Ring
}

func each(t *testing.T, f func(d *drawer)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(&drawer{totp.New(ring), t, db, c, ring})
	})
}

func (d *drawer) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	d.t.Helper()
	if err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) error { return f(d.t.Context(), tx) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drawer) begin(id account.ID) (secret string) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		secret, err = d.Begin(ctx, tx, id)
		return err
	})
	return secret
}

func (d *drawer) confirm(id account.ID, code string) (right bool, err error) {
	d.t.Helper()
	err = d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) (err error) {
		right, err = d.Confirm(d.t.Context(), tx, id, code)
		return err
	})
	return right, err
}

func (d *drawer) enroll(id account.ID) (secret string) {
	d.t.Helper()
	secret = d.begin(id)
	if right, err := d.confirm(id, d.code(secret, 0)); err != nil || !right {
		d.t.Fatalf("enrolling: %v, %v", right, err)
	}
	return secret
}

// code is what the app shows so many steps from now.
func (d *drawer) code(secret string, steps int64) string {
	d.t.Helper()
	code, err := hotp.GenerateCode(secret, uint64(d.clock.Now().Unix()/30+steps))
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

func (d *drawer) load(id account.ID) totp.Factor {
	d.t.Helper()
	f, err := d.Load(d.t.Context(), d.db, id)
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

// use answers whether a code was right, and whether it was the first.
func (d *drawer) use(id account.ID, code string) (right, won bool) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *sqldb.Tx) error {
		f, err := d.Load(ctx, tx, id)
		if err != nil {
			return err
		}
		var step int64
		if step, right = f.Match(code, tx.Now()); !right {
			return nil
		}
		won, err = d.Use(ctx, tx, f, step)
		return err
	})
	return right, won
}

// TestS037_NoFactorUntilConfirmed: a secret that was only shown opens nothing, a
// new begin takes its place, and it lapses.
func TestS037_NoFactorUntilConfirmed(t *testing.T) {
	each(t, func(d *drawer) {
		if _, err := d.confirm(ada, "123456"); !errors.Is(err, sqldb.ErrNone) {
			d.t.Errorf("confirming nothing: %v", err)
		}
		first := d.begin(ada)
		if d.load(ada).IsSet() {
			d.t.Fatal("half-done, and a factor")
		}
		if right, _ := d.use(ada, d.code(first, 0)); right {
			d.t.Error("a secret that was only begun opens something")
		}
		second := d.begin(ada)
		if first == second || len(second) != 32 {
			d.t.Errorf("secrets %q and %q: want 160 bits each", first, second)
		}
		if right, err := d.confirm(ada, d.code(first, 0)); err != nil || right {
			d.t.Errorf("the replaced secret confirms: %v, %v", right, err)
		}
		if right, err := d.confirm(bob, d.code(second, 0)); !errors.Is(err, sqldb.ErrNone) || right {
			d.t.Errorf("another account confirms it: %v, %v", right, err)
		}
		d.clock.Advance(totp.BegunFor)
		if right, err := d.confirm(ada, d.code(second, 0)); !errors.Is(err, sqldb.ErrNone) || right {
			d.t.Errorf("after its time: %v, %v", right, err)
		}
		third := d.begin(ada)
		if got, err := d.Begun(d.t.Context(), d.db, ada); err != nil || got != third {
			d.t.Errorf("begun %q, %v", got, err)
		}
		if right, err := d.confirm(ada, d.code(third, 0)); err != nil || !right {
			d.t.Fatalf("confirming: %v, %v", right, err)
		}
		f := d.load(ada)
		if !f.IsSet() || !f.Since.Equal(d.clock.Now()) || f.Replaced {
			d.t.Errorf("%v since %v, replaced %v", f.IsSet(), f.Since, f.Replaced)
		}
		if _, err := d.confirm(ada, d.code(third, 1)); !errors.Is(err, sqldb.ErrNone) {
			d.t.Errorf("confirming twice: %v", err)
		}
		if right, won := d.use(ada, d.code(third, 0)); !right || won {
			d.t.Errorf("the code that confirmed it works again: right %v, won %v", right, won)
		}
	})
}

// TestS037_Sealed: neither row can be read, nor opened as another's.
func TestS037_Sealed(t *testing.T) {
	each(t, func(d *drawer) {
		secret := d.enroll(ada)
		d.enroll(bob)
		d.begin(ada)
		for _, table := range []string{"totp", "totp_begun"} {
			var sealed []byte
			if err := d.db.QueryRow(d.t.Context(), `SELECT sealed FROM `+table+` WHERE account_id = $1`, int64(ada)).Scan(&sealed); err != nil {
				d.t.Fatal(err)
			}
			if strings.Contains(string(sealed), secret) || len(sealed) < 30 {
				d.t.Errorf("%s: it can be read", table)
			}
		}
		d.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE totp SET sealed = (SELECT sealed FROM totp WHERE account_id = $1) WHERE account_id = $2`, int64(bob), int64(ada))
			return err
		})
		if _, err := d.Load(d.t.Context(), d.db, ada); err == nil {
			d.t.Error("the row of another account opens")
		}
	})
}

// TestS038_Window: one step each side, and no more.
func TestS038_Window(t *testing.T) {
	each(t, func(d *drawer) {
		secret := d.enroll(ada)
		d.clock.Advance(time.Hour)
		for steps, want := range map[int64]bool{-3: false, -2: false, -1: true, 0: true, 1: true, 2: false, 3: false} {
			if _, right := d.load(ada).Match(d.code(secret, steps), d.clock.Now()); right != want {
				d.t.Errorf("%d steps off: %v", steps, right)
			}
		}
		for _, code := range []string{"", "12345", "1234567", d.code(secret, 0) + "0", "\x00\x00\x00\x00\x00\x00"} {
			if _, right := d.load(ada).Match(code, d.clock.Now()); right {
				d.t.Errorf("%q is right", code)
			}
		}
		nobody := d.load(bob)
		code, err := hotp.GenerateCode(strings.Repeat("A", 32), uint64(d.clock.Now().Unix()/30))
		if _, right := nobody.Match(code, d.clock.Now()); err != nil || right {
			d.t.Error("a code of the stand-in opens an account without an app")
		}
	})
}

// TestS038_OnceEver: a step, and every older one, is accepted once.
func TestS038_OnceEver(t *testing.T) {
	each(t, func(d *drawer) {
		secret := d.enroll(ada)
		d.clock.Advance(time.Hour)
		tests := []struct {
			name  string
			steps int64
			won   bool
		}{
			{"now", 0, true},
			{"again", 0, false},
			{"an older one", -1, false},
			{"the next", 1, true},
			{"again", 1, false},
			{"the one before", 0, false},
		}
		for _, tt := range tests {
			if right, won := d.use(ada, d.code(secret, tt.steps)); !right || won != tt.won {
				d.t.Errorf("%s: right %v, won %v", tt.name, right, won)
			}
		}
		d.clock.Advance(-10 * time.Minute)
		if _, won := d.use(ada, d.code(secret, 0)); won {
			d.t.Error("with the clock moved back an older step is taken")
		}
		d.clock.Advance(11 * time.Minute)
		if _, won := d.use(ada, d.code(secret, 0)); !won {
			d.t.Error("a newer step is not taken")
		}
	})
}

// TestS038_Parallel: of 100 right answers at once one succeeds.
func TestS038_Parallel(t *testing.T) {
	each(t, func(d *drawer) {
		secret := d.enroll(ada)
		d.clock.Advance(time.Hour)
		code := d.code(secret, 0)
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) error {
					f, err := d.Load(d.t.Context(), tx, ada)
					if err != nil {
						return err
					}
					step, right := f.Match(code, tx.Now())
					if !right {
						d.t.Error("the code is wrong")
					}
					ok, err := d.Use(d.t.Context(), tx, f, step)
					if ok && err == nil {
						tx.AfterCommit(func() { won.Add(1) })
					}
					return err
				})
				if err != nil {
					d.t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			d.t.Errorf("%d of 100 succeed", won.Load())
		}
	})
}

// TestReplaceAndRemove: a new app takes the place of the old one, whose codes are
// over, also those that were judged before.
func TestReplaceAndRemove(t *testing.T) {
	each(t, func(d *drawer) {
		old := d.enroll(ada)
		judged := d.load(ada)
		d.clock.Advance(time.Hour)
		step, right := judged.Match(d.code(old, 0), d.clock.Now())
		if !right {
			d.t.Fatal("the code is wrong")
		}
		secret := d.enroll(ada)
		d.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if won, err := d.Use(ctx, tx, judged, step+1); err != nil || won {
				d.t.Errorf("a code of the replaced app: %v, %v", won, err)
			}
			return nil
		})
		if f := d.load(ada); !f.Replaced || !f.Since.Equal(d.clock.Now()) {
			d.t.Errorf("since %v, replaced %v", f.Since, f.Replaced)
		}
		if right, won := d.use(ada, d.code(secret, 1)); !right || !won {
			d.t.Errorf("the new app: %v, %v", right, won)
		}
		d.begin(ada)
		for _, want := range []bool{true, false} {
			d.do(func(ctx context.Context, tx *sqldb.Tx) error {
				if found, err := d.Remove(ctx, tx, ada); err != nil || found != want {
					d.t.Errorf("removing: %v, %v", found, err)
				}
				return nil
			})
		}
		if _, err := d.Begun(d.t.Context(), d.db, ada); d.load(ada).IsSet() || !errors.Is(err, sqldb.ErrNone) {
			d.t.Errorf("something is left: %v", err)
		}
	})
}

// TestRekey: after a rotation both columns are under the new key.
func TestRekey(t *testing.T) {
	each(t, func(d *drawer) {
		secret := d.enroll(ada)
		begun := d.begin(ada)
		if err := d.ring.Rotate(); err != nil {
			d.t.Fatal(err)
		}
		for _, c := range totp.Sealed() {
			done, err := rekey.Walk(d.t.Context(), d.db, d.ring, c)
			if diff := cmp.Diff(rekey.Done{Seen: 1, Changed: 1}, done); err != nil || diff != "" {
				d.t.Errorf("%s: %v %s", c.Table, err, diff)
			}
		}
		d.clock.Advance(time.Minute)
		if _, won := d.use(ada, d.code(secret, 0)); !won {
			d.t.Error("the factor is lost")
		}
		if got, err := d.Begun(d.t.Context(), d.db, ada); err != nil || got != begun {
			d.t.Errorf("begun %q, %v", got, err)
		}
	})
}

// TestRFC6238 holds the codes against the vectors of appendix B, cut to six digits.
func TestRFC6238(t *testing.T) {
	each(t, func(d *drawer) {
		const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // "12345678901234567890"
		d.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO totp (account_id, sealed, since, replaced, last_step) VALUES ($1, $2, 0, $3, 0)`,
				int64(ada), d.ring.Seal([]byte("12345678901234567890"), seal.Place{Table: "totp", Column: "sealed", Row: ada.String()}), false)
			return err
		})
		f := d.load(ada)
		for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
			if step, right := f.Match(want, time.Unix(at, 0)); !right || step != at/30 {
				d.t.Errorf("at %d: %v of step %d", at, right, step)
			}
		}
		if got, err := reference.GenerateCode(secret, time.Unix(59, 0)); err != nil || got != "287082" {
			d.t.Errorf("the reference says %q, %v", got, err)
		}
	})
}

func TestURI(t *testing.T) {
	uri := totp.URI("GEZDGNBVGY3TQOJQ", "Sel:f & same", "4821 0937 5564")
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"secret": {"GEZDGNBVGY3TQOJQ"}, "issuer": {"Sel f & same"}}
	if d := cmp.Diff(want, u.Query()); d != "" {
		t.Error(d)
	}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Sel f & same:4821 0937 5564" || strings.Contains(uri, "+") {
		t.Errorf("%s", uri)
	}
}

// TestQR: picture and path show the same modules, with finder patterns in three
// corners and a light margin of four modules.
func TestQR(t *testing.T) {
	q, err := totp.NewQR(totp.URI("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "Selfsame", "4821 0937 5564"))
	if err != nil {
		t.Fatal(err)
	}
	const scale = 3
	data, err := q.PNG(scale)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil || picture.Bounds().Dx() != q.Side*scale {
		t.Fatalf("%v, %v for %d modules", err, picture.Bounds(), q.Side)
	}
	dark := 0
	for y := range q.Side {
		for x := range q.Side {
			margin := x < 4 || y < 4 || x >= q.Side-4 || y >= q.Side-4
			r, _, _, _ := picture.At(x*scale+1, y*scale+1).RGBA()
			if (r == 0) != q.Dark(x, y) || margin && q.Dark(x, y) {
				t.Fatalf("module %d, %d: dark %v, picture %d", x, y, q.Dark(x, y), r)
			}
			if q.Dark(x, y) {
				dark++
			}
		}
	}
	for _, corner := range [][2]int{{4, 4}, {q.Side - 11, 4}, {4, q.Side - 11}} {
		for i := range 7 {
			if !q.Dark(corner[0]+i, corner[1]) || !q.Dark(corner[0]+i, corner[1]+6) || i > 0 && i < 6 && q.Dark(corner[0]+i, corner[1]+1) != (i == 6) {
				t.Errorf("no finder pattern at %v", corner)
				break
			}
		}
	}
	if got := area(t, q.Path()); got != dark {
		t.Errorf("the path covers %d modules, the code has %d", got, dark)
	}
	if _, err := totp.NewQR(strings.Repeat("x", 9000)); err == nil {
		t.Error("a text that fits no code is drawn")
	}
}

// area adds up the runs of a path.
func area(t *testing.T, path string) (sum int) {
	t.Helper()
	for _, run := range strings.Split(path, "z") {
		if run == "" {
			continue
		}
		_, rest, found := strings.Cut(run, "h")
		n := 0
		for _, c := range rest {
			if c < '0' || c > '9' {
				break
			}
			n = 10*n + int(c-'0')
		}
		if !found || n == 0 {
			t.Fatalf("a run of nothing: %q", run)
		}
		sum += n
	}
	return sum
}

func TestRead(t *testing.T) {
	for typed, want := range map[string]string{"123456": "123456", " 123 456 ": "123456", "123-456": "123456", "１２３４５６": "123456", "12\u202f34\u00a056": "123456"} {
		if got, ok := totp.Read(typed); !ok || got != want {
			t.Errorf("%q is read as %q, %v", typed, got, ok)
		}
	}
	for _, typed := range []string{"", "12345", "1234567", "12345a", "code 123456", strings.Repeat("1", 1<<16), "123456\x00", "12345\xff"} {
		if got, ok := totp.Read(typed); ok {
			t.Errorf("%.20q is read as %q", typed, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"123456", "123 456", "１２３ ４５６", "abc", "\xff\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := totp.Read(typed)
		if !ok {
			return
		}
		if len(code) != totp.Length || strings.Trim(code, "0123456789") != "" {
			t.Errorf("%q is read as %q", typed, code)
		}
		if again, ok := totp.Read(code); !ok || again != code {
			t.Errorf("%q is not read as itself", code)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	var f totp.Factor
	now := sqldbtest.Start
	for b.Loop() {
		f.Match("123456", now)
	}
}
