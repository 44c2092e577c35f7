package recoverycode_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const ada, bob = account.ID(234567890120), account.ID(345678901230)

// counted counts the hashes.
type counted struct {
	recoverycode.Hasher
	n atomic.Int64
}

func (c *counted) Stretch(ctx context.Context, cost string, salt []byte, text string) ([]byte, error) {
	c.n.Add(1)
	return c.Hasher.Stretch(ctx, cost, salt, text)
}

type drawer struct {
	*recoverycode.Store
	t      *testing.T
	db     *sqldb.DB
	clock  *clock.Clock
	ring   *seal.Ring
	hashes *counted
}

var cheap = credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}

func each(t *testing.T, f func(d *drawer)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		h := &counted{Hasher: credential.New(credential.NewGate(cheap, 2, 1000, c), ring, credential.Rules{})}
		f(&drawer{recoverycode.New(ring, h), t, db, c, ring, h})
	})
}

func (d *drawer) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	d.t.Helper()
	if err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) error { return f(d.t.Context(), tx) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drawer) make(id account.ID) []string {
	d.t.Helper()
	fresh, err := d.Make(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	d.do(func(ctx context.Context, tx *sqldb.Tx) error { return d.Keep(ctx, tx, id, fresh) })
	return fresh.Codes
}

func (d *drawer) load(id account.ID) recoverycode.Set {
	d.t.Helper()
	set, err := d.Load(d.t.Context(), d.db, id)
	if err != nil {
		d.t.Fatal(err)
	}
	return set
}

func (d *drawer) check(set recoverycode.Set, typed string) recoverycode.Verdict {
	d.t.Helper()
	code, ok := recoverycode.Read(typed)
	if !ok {
		d.t.Fatalf("%q cannot be read", typed)
	}
	v, err := d.Check(d.t.Context(), set, code)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

func (d *drawer) use(set recoverycode.Set, v recoverycode.Verdict) (won bool) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		won, err = d.Use(ctx, tx, set, v)
		return err
	})
	return won
}

// TestS039_TenOfEightyBits: ten different codes of 16 characters of a 32-letter
// alphabet, each good once, for one account.
func TestS039_TenOfEightyBits(t *testing.T) {
	each(t, func(d *drawer) {
		codes := d.make(ada)
		d.make(bob)
		if len(codes) != 10 {
			d.t.Fatalf("%d codes", len(codes))
		}
		seen, letters := map[string]bool{}, map[rune]bool{}
		for _, code := range codes {
			if len(code) != 19 || strings.Count(code, "-") != 3 || strings.ContainsAny(code, "ILOU") || seen[code] {
				d.t.Errorf("%q", code)
			}
			seen[code] = true
			for _, r := range code {
				letters[r] = true
			}
			if d.check(d.load(bob), code).Right || d.check(recoverycode.Set{}, code).Right {
				d.t.Error("a code is right for somebody else")
			}
		}
		if len(letters) < 20 {
			d.t.Errorf("only %d letters in 160: that is not random", len(letters))
		}
		for i, code := range codes {
			set := d.load(ada)
			if set.Left != 10-i || !set.MadeAt.Equal(d.clock.Now()) || set.Replaced {
				d.t.Errorf("%d left, made at %v, replaced %v", set.Left, set.MadeAt, set.Replaced)
			}
			v := d.check(set, strings.ToLower(code))
			if !v.Right || v.Used || !d.use(set, v) {
				d.t.Errorf("code %d opens nothing: %+v", i, v)
			}
			if d.use(set, v) {
				d.t.Errorf("code %d opens twice", i)
			}
			if v := d.check(d.load(ada), code); !v.Right || !v.Used || d.use(d.load(ada), v) {
				d.t.Errorf("code %d again: %+v", i, v)
			}
		}
		if set := d.load(ada); set.Left != 0 || !set.IsSet() {
			d.t.Errorf("%d left", set.Left)
		}
		if d.use(d.load(bob), recoverycode.Verdict{}) {
			d.t.Error("a wrong code is used")
		}
	})
}

// TestS039_Stored: nothing of a code can be read in the store, and every try takes
// one hash, also at nobody.
func TestS039_Stored(t *testing.T) {
	each(t, func(d *drawer) {
		codes := d.make(ada)
		rows, err := d.db.Query(d.t.Context(), `SELECT sealed FROM recovery_code WHERE account_id = $1`, int64(ada))
		if err != nil {
			d.t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var sealed []byte
			if err := rows.Scan(&sealed); err != nil {
				d.t.Fatal(err)
			}
			for _, code := range codes {
				plain, _ := recoverycode.Read(code)
				if strings.Contains(string(sealed), plain) || strings.Contains(string(sealed), plain[:4]) {
					d.t.Error("a code can be read")
				}
			}
		}
		set := d.load(ada)
		for name, tt := range map[string]struct {
			set  recoverycode.Set
			code string
		}{"right": {set, codes[3]}, "wrong": {set, "AAAA-AAAA-AAAA-AAAA"}, "nobody": {d.load(bob), codes[3]}} {
			before := d.hashes.n.Load()
			d.check(tt.set, tt.code)
			if n := d.hashes.n.Load() - before; n != 1 {
				d.t.Errorf("%s: %d hashes", name, n)
			}
		}
	})
}

// TestS039_RenewalEndsTheOldSet: also for a code that was judged right before it.
func TestS039_RenewalEndsTheOldSet(t *testing.T) {
	each(t, func(d *drawer) {
		old := d.make(ada)
		set := d.load(ada)
		v := d.check(set, old[0])
		d.clock.Advance(time.Hour)
		renewed := d.make(ada)
		if d.use(set, v) {
			d.t.Error("a code of the old set opens")
		}
		now := d.load(ada)
		if !now.Replaced || now.Left != 10 || !now.MadeAt.Equal(d.clock.Now()) || d.check(now, old[1]).Right || !d.check(now, renewed[0]).Right {
			d.t.Errorf("%d left, replaced %v", now.Left, now.Replaced)
		}
		d.do(func(ctx context.Context, tx *sqldb.Tx) error { return d.Remove(ctx, tx, ada) })
		if d.load(ada).IsSet() || d.use(now, d.check(now, renewed[0])) {
			d.t.Error("something is left")
		}
	})
}

// TestS039_Races: of 100 uses of one code one wins, of uses and renewals at once
// no code of the old set opens after the renewal, and renewals leave one whole set.
func TestS039_Races(t *testing.T) {
	each(t, func(d *drawer) {
		codes := d.make(ada)
		set := d.load(ada)
		v := d.check(set, codes[0])
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if d.race(func(ctx context.Context, tx *sqldb.Tx) (bool, error) { return d.Use(ctx, tx, set, v) }) {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			d.t.Errorf("%d of 100 succeed", won.Load())
		}
		var used [9]atomic.Bool
		for i, code := range codes[1:] {
			one := d.check(set, code)
			wg.Go(func() {
				used[i].Store(d.race(func(ctx context.Context, tx *sqldb.Tx) (bool, error) { return d.Use(ctx, tx, set, one) }))
			})
		}
		for range 4 {
			fresh, err := d.Make(d.t.Context())
			if err != nil {
				d.t.Fatal(err)
			}
			wg.Go(func() {
				d.race(func(ctx context.Context, tx *sqldb.Tx) (bool, error) { return true, d.Keep(ctx, tx, ada, fresh) })
			})
		}
		wg.Wait()
		var rows int
		if err := d.db.QueryRow(d.t.Context(), `SELECT COUNT(*) FROM recovery_code WHERE account_id = $1`, int64(ada)).Scan(&rows); err != nil {
			d.t.Fatal(err)
		}
		if now := d.load(ada); now.Left != 10 || rows != 10 {
			d.t.Errorf("%d left, %d rows", now.Left, rows)
		}
		for _, code := range codes {
			if d.use(set, d.check(set, code)) {
				d.t.Error("a code of the old set opens after the renewal")
			}
		}
	})
}

func (d *drawer) race(f func(ctx context.Context, tx *sqldb.Tx) (bool, error)) (won bool) {
	err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) (err error) {
		won, err = f(d.t.Context(), tx)
		return err
	})
	if err != nil {
		d.t.Error(err)
	}
	return won && err == nil
}

// TestCostOfBeforeStillChecks: after the operator has raised the cost.
func TestCostOfBeforeStillChecks(t *testing.T) {
	each(t, func(d *drawer) {
		codes := d.make(ada)
		raised := recoverycode.New(d.ring, credential.New(credential.NewGate(credential.Profile{MemoryKiB: 128, Time: 2, Threads: 1}, 1, 10, d.clock), d.ring, credential.Rules{}))
		code, _ := recoverycode.Read(codes[9])
		if v, err := raised.Check(d.t.Context(), d.load(ada), code); err != nil || !v.Right {
			d.t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestRekey: after a rotation all ten are under the new key and still right.
func TestRekey(t *testing.T) {
	each(t, func(d *drawer) {
		codes := d.make(ada)
		if err := d.ring.Rotate(); err != nil {
			d.t.Fatal(err)
		}
		done, err := rekey.Walk(d.t.Context(), d.db, d.ring, recoverycode.Sealed()[0])
		if diff := cmp.Diff(rekey.Done{Seen: 10, Changed: 10}, done); err != nil || diff != "" {
			d.t.Errorf("%v %s", err, diff)
		}
		if !d.check(d.load(ada), codes[0]).Right {
			d.t.Error("the code is lost")
		}
	})
}

func TestRead(t *testing.T) {
	const want = "0123456789ABCDEF"
	for _, typed := range []string{want, "0123-4567-89AB-CDEF", " 0123 4567 89ab cdef ", "o123-4567-89ab-cdef", "Oi23\u20134567.89AB\tCDEF", "０１２３４５６７８９ＡＢＣＤＥＦ", "0L23-4567-89AB-CDEF\r\n"} {
		got, ok := recoverycode.Read(typed)
		if !ok || got != want {
			t.Errorf("%q is read as %q, %v", typed, got, ok)
		}
	}
	for _, typed := range []string{"", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEFG", "U123-4567-89AB-CDEF", "0123-4567-89AB-CDE!", strings.Repeat("0", 1<<16), "\x00123456789ABCDEF", "\xff123456789ABCDEF", "482913"} {
		if got, ok := recoverycode.Read(typed); ok {
			t.Errorf("%.30q is read as %q", typed, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"0123-4567-89AB-CDEF", "oil0", "ＡＢＣＤ", "\xff\x00", "0123 4567\u20148 9abcdef"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := recoverycode.Read(typed)
		if !ok {
			return
		}
		if len(code) != 16 || strings.Trim(code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" {
			t.Errorf("%q is read as %q", typed, code)
		}
		for _, again := range []string{code, strings.ToLower(code), fmt.Sprintf("%s-%s", code[:4], code[4:])} {
			if got, ok := recoverycode.Read(again); !ok || got != code {
				t.Errorf("%q is not read as %q", again, code)
			}
		}
	})
}
