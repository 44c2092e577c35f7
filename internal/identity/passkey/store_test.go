package passkey_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const ada, bob = account.ID(234567890120), account.ID(345678901230)

type shelf struct {
	*passkey.Store
	t     *testing.T
	db    *sqldb.DB
	clock *clock.Clock
	ring  *seal.Ring
}

func each(t *testing.T, f func(s *shelf)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		f(&shelf{passkey.New(ring), t, db, c, ring})
	})
}

func (s *shelf) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	s.t.Helper()
	if err := s.db.InTx(s.t.Context(), func(tx *sqldb.Tx) error { return f(s.t.Context(), tx) }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) add(id account.ID, credential, name string) (k passkey.Key) {
	s.t.Helper()
	s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		k, err = s.Add(ctx, tx, id, passkey.Key{CredentialID: []byte(credential), PublicKey: []byte("key"), Flags: 0x5d, BackedUp: true, Counter: 4,
			Transports: []string{"hybrid", "internal"}, Attestation: "none", AAGUID: make([]byte, 16), Name: name})
		return err
	})
	return k
}

func TestKeep(t *testing.T) {
	each(t, func(s *shelf) {
		k := s.add(ada, "c1", "Pixel 9")
		s.clock.Advance(time.Second)
		bare := s.add(ada, "c2", "")
		list, err := s.List(s.t.Context(), s.db, ada)
		if diff := cmp.Diff([]passkey.Key{k, bare}, list); err != nil || diff != "" {
			s.t.Error(err, diff)
		}
		id, found, err := s.Find(s.t.Context(), s.db, []byte("c1"))
		if diff := cmp.Diff(k, found); err != nil || id != ada || diff != "" {
			s.t.Error(err, id, diff)
		}
		if _, _, err := s.Find(s.t.Context(), s.db, []byte("c3")); !errors.Is(err, sqldb.ErrNone) {
			s.t.Errorf("an unknown credential: %v", err)
		}
		for _, of := range []struct {
			id  account.ID
			key string
		}{{bob, k.ID}, {ada, ""}, {ada, "\x00"}, {ada, strings.Repeat("A", 22)}} {
			if _, err := s.Load(s.t.Context(), s.db, of.id, of.key); !errors.Is(err, sqldb.ErrNone) {
				s.t.Errorf("%v %q: %v", of.id, of.key, err)
			}
		}
	})
}

// TestS032_OneAccount: a credential is registered once in the whole system; when
// it is removed it may come back.
func TestS032_OneAccount(t *testing.T) {
	each(t, func(s *shelf) {
		k := s.add(ada, "c1", "")
		again := func(id account.ID) (err error) {
			s.do(func(ctx context.Context, tx *sqldb.Tx) error {
				_, err = s.Add(ctx, tx, id, passkey.Key{CredentialID: []byte("c1"), PublicKey: []byte("k"), AAGUID: []byte{}})
				return nil
			})
			return err
		}
		if err := again(bob); !passkey.Known.Is(err) {
			s.t.Errorf("under a second account: %v", err)
		}
		if err := again(ada); !passkey.Known.Is(err) {
			s.t.Errorf("twice: %v", err)
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if found, err := s.Remove(ctx, tx, bob, k.ID); err != nil || found {
				s.t.Errorf("a stranger removes it: %v, %v", found, err)
			}
			found, err := s.Remove(ctx, tx, ada, k.ID)
			if err != nil || !found {
				s.t.Errorf("%v, %v", found, err)
			}
			return nil
		})
		if _, _, err := s.Find(s.t.Context(), s.db, []byte("c1")); !errors.Is(err, sqldb.ErrNone) {
			s.t.Errorf("it is found after its removal: %v", err)
		}
		if err := again(bob); err != nil {
			s.t.Errorf("after its removal: %v", err)
		}
	})
}

func TestMost(t *testing.T) {
	each(t, func(s *shelf) {
		for i := range passkey.Most {
			s.add(ada, "c"+string(rune('a'+i)), "")
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if _, err := s.Add(ctx, tx, ada, passkey.Key{CredentialID: []byte("more")}); !passkey.TooMany.Is(err) {
				s.t.Errorf("one more: %v", err)
			}
			return nil
		})
		s.add(bob, "his", "")
	})
}

// TestS033_Counter: a use is one conditional write. What does not grow loses, but
// zero stays zero; a suspect passkey proves nothing.
func TestS033_CounterInTheStore(t *testing.T) {
	each(t, func(s *shelf) {
		k := s.add(ada, "c1", "") // counts 4
		use := func(n uint32) (won bool) {
			s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
				won, err = s.Used(ctx, tx, ada, k.ID, passkey.Use{Counter: n})
				return err
			})
			return won
		}
		for i, c := range []struct {
			n   uint32
			won bool
		}{{4, false}, {3, false}, {0, false}, {5, true}, {5, false}, {1<<32 - 1, true}} {
			if use(c.n) != c.won {
				s.t.Errorf("%d: counting %d: %v", i, c.n, !c.won)
			}
		}
		got, err := s.Load(s.t.Context(), s.db, ada, k.ID)
		if err != nil || got.Counter != 1<<32-1 || got.BackedUp || got.UsedAt != s.clock.Now() {
			s.t.Errorf("%+v, %v", got, err)
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			for _, want := range []bool{true, false} {
				if first, err := s.Suspect(ctx, tx, ada, k.ID); err != nil || first != want {
					s.t.Errorf("suspect: %v, %v", first, err)
				}
			}
			_, err := tx.Exec(ctx, `UPDATE passkey SET counter = 0`)
			return err
		})
		if use(7) {
			s.t.Error("a suspect passkey is used")
		}
		if got, err = s.Load(s.t.Context(), s.db, ada, k.ID); err != nil || got.Works() {
			s.t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestS033_OneCountOnce: of many uses with the same count at once, one wins.
func TestS033_OneCountOnce(t *testing.T) {
	each(t, func(s *shelf) {
		k := s.add(ada, "c1", "")
		var wg sync.WaitGroup
		wins := make(chan bool, 20)
		for range 20 {
			wg.Go(func() {
				s.do(func(ctx context.Context, tx *sqldb.Tx) error {
					won, err := s.Used(ctx, tx, ada, k.ID, passkey.Use{Counter: 9})
					if won {
						wins <- true
					}
					return err
				})
			})
		}
		wg.Wait()
		if len(wins) != 1 {
			s.t.Errorf("%d of 20 won", len(wins))
		}
	})
}

// TestS032_Handle: the handle is random, stays, and leads back to its account only.
func TestS032_Handle(t *testing.T) {
	each(t, func(s *shelf) {
		handles := map[account.ID][]byte{}
		for _, id := range []account.ID{ada, bob, ada} {
			s.do(func(ctx context.Context, tx *sqldb.Tx) error {
				h, err := s.Handle(ctx, tx, id)
				if was := handles[id]; err != nil || len(h) != 32 || was != nil && !bytes.Equal(was, h) || bytes.Contains(h, []byte(id.String())) {
					s.t.Errorf("%x after %x, %v", h, was, err)
				}
				handles[id] = h
				return err
			})
		}
		for id, h := range handles {
			if got, err := s.Holder(s.t.Context(), s.db, h); err != nil || got != id {
				s.t.Errorf("%v, %v", got, err)
			}
		}
		for _, h := range [][]byte{nil, {}, make([]byte, 32)} {
			if got, err := s.Holder(s.t.Context(), s.db, h); err != nil || got != 0 {
				s.t.Errorf("of nobody: %v, %v", got, err)
			}
		}
	})
}

// TestS030_Registration: the challenge of a session is taken once, by that session,
// within five minutes.
func TestS030_Registration(t *testing.T) {
	each(t, func(s *shelf) {
		begin := func(session string) (c []byte) {
			s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
				c, err = s.Begin(ctx, tx, ada, session)
				return err
			})
			return c
		}
		take := func(id account.ID, session string) (c []byte) {
			s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) { c, err = s.Take(ctx, tx, id, session); return err })
			return c
		}
		first := begin("s1")
		if len(first) != 32 || take(ada, "s2") != nil || take(bob, "s1") != nil {
			s.t.Error("another takes it")
		}
		second := begin("s1")
		if got := take(ada, "s1"); !bytes.Equal(got, second) || bytes.Equal(first, second) {
			s.t.Errorf("%x is taken", got)
		}
		if take(ada, "s1") != nil {
			s.t.Error("it is taken twice")
		}
		begin("s1")
		s.clock.Advance(passkey.Life)
		if take(ada, "s1") != nil {
			s.t.Error("it is taken after its life")
		}
		begin("s1")
		begin("s2")
		s.clock.Advance(passkey.Life + time.Second)
		begin("s3")
		if err := s.Sweep(s.t.Context(), s.db); err != nil {
			s.t.Fatal(err)
		}
		var n int
		if err := s.db.QueryRow(s.t.Context(), `SELECT COUNT(*) FROM passkey_registration`).Scan(&n); err != nil || n != 1 {
			s.t.Errorf("%d rows after a sweep, %v", n, err)
		}
	})
}

// TestS161_Sealed: what a person calls a passkey stands sealed, and moves to a new key.
func TestS161_Sealed(t *testing.T) {
	each(t, func(s *shelf) {
		k := s.add(ada, "c1", "Ada's phone")
		var name []byte
		if err := s.db.QueryRow(s.t.Context(), `SELECT name FROM passkey WHERE id = $1`, k.ID).Scan(&name); err != nil || bytes.Contains(name, []byte("Ada")) {
			s.t.Errorf("it can be read: %v", err)
		}
		if err := s.ring.Rotate(); err != nil {
			s.t.Fatal(err)
		}
		for _, c := range passkey.Sealed() {
			if done, err := rekey.Walk(s.t.Context(), s.db, s.ring, c); err != nil || done.Changed != 1 {
				s.t.Errorf("%+v, %v", done, err)
			}
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if found, err := s.Rename(ctx, tx, bob, k.ID, "mine"); err != nil || found {
				s.t.Errorf("a stranger renames it: %v, %v", found, err)
			}
			_, err := s.Rename(ctx, tx, ada, k.ID, "drawer")
			return err
		})
		if got, err := s.Load(s.t.Context(), s.db, ada, k.ID); err != nil || got.Name != "drawer" {
			s.t.Errorf("%+v, %v", got, err)
		}
	})
}
