package link_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const ada, bob = account.ID(234567890120), account.ID(345678901230)

var (
	union  = link.Subject{Scope: "unionid:wxplatform", Value: "o6_bmasdasdsad6_2sgVt7hMZOPfL"}
	openid = link.Subject{Scope: "openid:wxweb", Value: "OPENID"}
	mobile = link.Subject{Scope: "openid:wxapp", Value: "OPENID"}
)

type shelf struct {
	*link.Store
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
		f(&shelf{link.New(ring), t, db, c, ring})
	})
}

func (s *shelf) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	s.t.Helper()
	if err := s.db.InTx(s.t.Context(), func(tx *sqldb.Tx) error { return f(s.t.Context(), tx) }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) claim(id account.ID, provider string, subjects ...link.Subject) (won bool) {
	s.t.Helper()
	s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
		won, err = s.Claim(ctx, tx, provider, subjects, id)
		return err
	})
	return won
}

// add links an account, and answers the link as it is kept.
func (s *shelf) add(id account.ID, l link.Link) link.Link {
	s.t.Helper()
	if !s.claim(id, l.Provider, l.Subjects...) {
		s.t.Fatalf("%s cannot claim %+v", id, l.Subjects)
	}
	s.do(func(ctx context.Context, tx *sqldb.Tx) error { return s.Add(ctx, tx, id, l) })
	return s.load(id, l.Provider)
}

func (s *shelf) load(id account.ID, provider string) link.Link {
	s.t.Helper()
	l, err := s.Load(s.t.Context(), s.db, id, provider)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

func (s *shelf) holder(provider string, subjects ...link.Subject) (account.ID, bool) {
	s.t.Helper()
	id, many, err := s.Holder(s.t.Context(), s.db, provider, subjects)
	if err != nil {
		s.t.Fatal(err)
	}
	return id, many
}

func (s *shelf) rows() (n int) {
	s.t.Helper()
	if err := s.db.QueryRow(s.t.Context(), `SELECT COUNT(*) FROM link_holder`).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestKeep(t *testing.T) {
	each(t, func(s *shelf) {
		wechat := s.add(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{union, openid}, Name: "李雷", Grant: []byte(`{"token":"t"}`)})
		s.clock.Advance(time.Second)
		google := s.add(ada, link.Link{Provider: "google", Subjects: []link.Subject{{Scope: "global", Value: "1"}}, Email: "ada@example.com"})
		if !wechat.LinkedAt.Equal(sqldbtest.Start) || !wechat.UsedAt.Equal(sqldbtest.Start) || !wechat.Works() || string(wechat.Grant) != `{"token":"t"}` {
			s.t.Errorf("kept is %+v", wechat)
		}
		list, err := s.List(s.t.Context(), s.db, ada)
		if diff := cmp.Diff([]link.Link{wechat, google}, list); err != nil || diff != "" {
			s.t.Error(err, diff)
		}
		if got, ok := link.Of(list, "google"); !ok || got.Email != "ada@example.com" {
			s.t.Errorf("of the list: %+v, %v", got, ok)
		}
		if list, err := s.List(s.t.Context(), s.db, bob); err != nil || len(list) != 0 {
			s.t.Errorf("a stranger has %v, %v", list, err)
		}
		if _, err := s.Load(s.t.Context(), s.db, bob, "wechat"); !errors.Is(err, sqldb.ErrNone) {
			s.t.Errorf("a stranger's: %v", err)
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if err := s.Add(ctx, tx, ada, link.Link{Provider: "wechat", Subjects: []link.Subject{mobile}}); !errors.Is(err, link.ErrTaken) {
				s.t.Errorf("a second one of a provider: %v", err)
			}
			return nil
		})
		if diff := cmp.Diff(wechat, s.load(ada, "wechat")); diff != "" {
			s.t.Errorf("the refused one changed it: %s", diff)
		}
	})
}

// TestS042_KeyedBySubjectAlone: provider, scope and value together are the key, each
// of them, and where one ends and the next begins.
func TestS042_KeyedBySubjectAlone(t *testing.T) {
	each(t, func(s *shelf) {
		s.add(ada, link.Link{Provider: "google", Subjects: []link.Subject{{Scope: "global", Value: "1 2"}}, Name: "Ada", Email: "ada@example.com"})
		for _, other := range []struct{ provider, scope, value string }{
			{"facebook", "global", "1 2"}, {"google", "team", "1 2"}, {"google", "global", "1"}, {"google", "global", "1 2 "}, {"google", "global 1", "2"},
			{"google global", "1", "2"}, {"google", "global", "ada@example.com"}, {"google", "global", "Ada"},
		} {
			if id, _ := s.holder(other.provider, link.Subject{Scope: other.scope, Value: other.value}); id != 0 {
				s.t.Errorf("%+v finds %v", other, id)
			}
		}
		if id, many := s.holder("google", link.Subject{Scope: "global", Value: "1 2"}); id != ada || many {
			s.t.Errorf("it finds %v, %v", id, many)
		}
	})
}

func TestHolder_firstSubjectThatIsHeld(t *testing.T) {
	each(t, func(s *shelf) {
		s.add(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{union}})
		s.add(bob, link.Link{Provider: "wechat", Subjects: []link.Subject{openid}})
		for _, tt := range []struct {
			subjects []link.Subject
			id       account.ID
			many     bool
		}{
			{[]link.Subject{union, openid}, ada, true}, {[]link.Subject{openid, union}, bob, true}, {[]link.Subject{mobile, openid}, bob, false},
			{[]link.Subject{mobile}, 0, false}, {[]link.Subject{union, mobile}, ada, false},
		} {
			if id, many := s.holder("wechat", tt.subjects...); id != tt.id || many != tt.many {
				s.t.Errorf("%+v find %v, %v", tt.subjects, id, many)
			}
		}
	})
}

// Two accounts never hold one person: whoever loses has nothing of it.
func TestClaim(t *testing.T) {
	each(t, func(s *shelf) {
		for range 2 {
			if !s.claim(ada, "wechat", union) {
				s.t.Error("it cannot be claimed, or not again by the same")
			}
		}
		if s.claim(bob, "wechat", openid, union) {
			s.t.Error("another account claims it")
		}
		if id, _ := s.holder("wechat", openid); id != 0 || s.rows() != 1 {
			s.t.Errorf("what was lost left %d rows, of %v", s.rows(), id)
		}
		if s.claim(bob, "wechat", openid); s.claim(ada, "wechat", union, openid, mobile) {
			s.t.Error("it won what another holds")
		}
		if id, _ := s.holder("wechat", union); id != ada || s.rows() != 2 {
			s.t.Errorf("losing took away what was held before: %v, %d rows", id, s.rows())
		}
		for _, bad := range [][]link.Subject{nil, {{Scope: "", Value: "1"}}, {{Scope: "global", Value: ""}}, {{Scope: "global", Value: strings.Repeat("1", 10<<10)}}, make([]link.Subject, 9)} {
			if _, _, err := s.Holder(s.t.Context(), s.db, "google", bad); err == nil {
				s.t.Errorf("%d subjects that are none are looked for", len(bad))
			}
		}
	})
}

// TestS012_ClaimAtOnce: fifty accounts claim one person at once, in any order of the
// subjects, also in the middle of a rotation: one wins all of it.
func TestS012_ClaimAtOnce(t *testing.T) {
	each(t, func(s *shelf) {
		if err := s.ring.Prepare(); err != nil {
			s.t.Fatal(err)
		}
		var mu sync.Mutex
		var winners []account.ID
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				id, order := account.ID(1000+i), []link.Subject{union, openid, mobile}
				if i%2 == 1 {
					order = []link.Subject{mobile, openid, union}
				}
				var won bool
				err := s.db.InTx(s.t.Context(), func(tx *sqldb.Tx) (err error) {
					won, err = s.Claim(s.t.Context(), tx, "wechat", order, id)
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					s.t.Error(err)
				}
				if won {
					winners = append(winners, id)
				}
			})
		}
		wg.Wait()
		if len(winners) != 1 || s.rows() != 6 {
			s.t.Fatalf("%d won, %d rows", len(winners), s.rows())
		}
		if id, many := s.holder("wechat", union, openid, mobile); id != winners[0] || many {
			s.t.Errorf("it is held by %v, %v; won has %v", id, many, winners[0])
		}
	})
}

// TestS012_LosersHoldNothing: of fifty accounts that share one subject and have
// another each, the losers keep nothing of what was theirs alone.
func TestS012_LosersHoldNothing(t *testing.T) {
	each(t, func(s *shelf) {
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				err := s.db.InTx(s.t.Context(), func(tx *sqldb.Tx) error {
					_, err := s.Claim(s.t.Context(), tx, "wechat", []link.Subject{union, {Scope: "openid:wx" + strconv.Itoa(i), Value: "1"}}, account.ID(1000+i))
					return err
				})
				if err != nil {
					s.t.Error(err)
				}
			})
		}
		wg.Wait()
		if s.rows() != 2 {
			s.t.Errorf("%d rows; want those of the winner", s.rows())
		}
	})
}

func TestUsed(t *testing.T) {
	each(t, func(s *shelf) {
		s.add(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{openid}, Name: "李雷", Email: "a@example.com", Grant: []byte("1")})
		s.add(bob, link.Link{Provider: "wechat", Subjects: []link.Subject{mobile}})
		used := func(id account.ID, l link.Link) (won bool) {
			s.t.Helper()
			s.do(func(ctx context.Context, tx *sqldb.Tx) (err error) {
				won, err = s.Used(ctx, tx, id, l)
				return err
			})
			return won
		}
		s.clock.Advance(time.Hour)
		other := link.Subject{Scope: openid.Scope, Value: "ANOTHER"}
		if !used(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{union, other, mobile}, Name: "韩梅梅"}) {
			s.t.Error("it cannot be used")
		}
		want := link.Link{Provider: "wechat", Subjects: []link.Subject{openid, union}, Name: "韩梅梅", Email: "a@example.com", Grant: []byte("1"),
			LinkedAt: sqldbtest.Start, UsedAt: sqldbtest.Start.Add(time.Hour)}
		if diff := cmp.Diff(want, s.load(ada, "wechat")); diff != "" {
			s.t.Error(diff)
		}
		if id, _ := s.holder("wechat", mobile); id != bob {
			s.t.Errorf("the other account's subject moved to %v: a silent merge", id)
		}
		if id, _ := s.holder("wechat", other); id != 0 {
			s.t.Errorf("a second name in one scope was attached to %v", id)
		}
		if id, _ := s.holder("wechat", union); id != ada {
			s.t.Errorf("what was attached finds %v", id)
		}
		if used(ada, link.Link{Provider: "google", Subjects: []link.Subject{union}}) {
			s.t.Error("what is not linked was used")
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			for _, want := range []bool{true, false} {
				if changed, err := s.Suspend(ctx, tx, ada, "wechat"); err != nil || changed != want {
					s.t.Errorf("suspending: %v, %v", changed, err)
				}
			}
			return nil
		})
		if s.load(ada, "wechat").Works() || used(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{union}}) {
			s.t.Error("what is suspended was used")
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			for _, want := range []bool{true, false} {
				if changed, err := s.Resume(ctx, tx, ada, "wechat"); err != nil || changed != want {
					s.t.Errorf("resuming: %v, %v", changed, err)
				}
			}
			return nil
		})
		if !used(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{union}}) {
			s.t.Error("what was resumed cannot be used")
		}
	})
}

func TestForgetAndStrip(t *testing.T) {
	each(t, func(s *shelf) {
		l := s.add(ada, link.Link{Provider: "facebook", Subjects: []link.Subject{{Scope: "app:1", Value: "1"}}, Name: "Ada", Email: "a@example.com", Grant: []byte("1")})
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if found, err := s.Forget(ctx, tx, bob, "facebook"); err != nil || found {
				s.t.Errorf("a stranger's: %v, %v", found, err)
			}
			_, err := s.Forget(ctx, tx, ada, "facebook")
			return err
		})
		l.Name, l.Email = "", ""
		if diff := cmp.Diff(l, s.load(ada, "facebook")); diff != "" {
			s.t.Error(diff)
		}
		s.do(func(ctx context.Context, tx *sqldb.Tx) error { _, err := s.Strip(ctx, tx, ada, "facebook"); return err })
		l.Grant = nil
		if diff := cmp.Diff(l, s.load(ada, "facebook")); diff != "" {
			s.t.Error(diff)
		}
	})
}

// What was removed is free for anybody at once, under every key.
func TestRemove(t *testing.T) {
	each(t, func(s *shelf) {
		s.add(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{union, openid}, Grant: []byte("1")})
		s.add(ada, link.Link{Provider: "google", Subjects: []link.Subject{{Scope: "global", Value: "1"}}})
		s.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if _, err := s.Remove(ctx, tx, bob, "wechat"); !errors.Is(err, sqldb.ErrNone) {
				s.t.Errorf("a stranger removes it: %v", err)
			}
			l, err := s.Remove(ctx, tx, ada, "wechat")
			if string(l.Grant) != "1" {
				s.t.Errorf("removed is %+v", l)
			}
			return err
		})
		if s.rows() != 1 {
			s.t.Errorf("%d rows are left", s.rows())
		}
		s.add(bob, link.Link{Provider: "wechat", Subjects: []link.Subject{openid, union}})
		if id, _ := s.holder("google", link.Subject{Scope: "global", Value: "1"}); id != ada {
			s.t.Errorf("the other link finds %v", id)
		}
	})
}

// TestS161_Sealed: nothing of a person can be read from the tables.
func TestS161_Sealed(t *testing.T) {
	each(t, func(s *shelf) {
		s.add(ada, link.Link{Provider: "wechat", Subjects: []link.Subject{union}, Name: "Ada", Email: "a@example.com", Grant: []byte("grant")})
		var profile, hash []byte
		if err := s.db.QueryRow(s.t.Context(), `SELECT profile, hash FROM link JOIN link_holder ON link_holder.account_id = link.account_id`).Scan(&profile, &hash); err != nil {
			s.t.Fatal(err)
		}
		for _, secret := range []string{union.Value, "Ada", "a@example.com", "grant"} {
			if bytes.Contains(profile, []byte(secret)) || bytes.Contains(hash, []byte(secret)) {
				s.t.Errorf("%s can be read", secret)
			}
		}
	})
}

// TestR026_Rotation: in the middle of a rotation both keys find a link and let nobody
// claim it twice; after it, the old one is not needed.
func TestR026_Rotation(t *testing.T) {
	each(t, func(s *shelf) {
		was := map[account.ID]link.Link{}
		for i := range 5 {
			id := account.ID(1000 + i)
			was[id] = s.add(id, link.Link{Provider: "google", Subjects: []link.Subject{{Scope: "global", Value: strconv.Itoa(i)}}})
		}
		old := s.ring.Keys()
		if err := s.ring.Rotate(); err != nil {
			s.t.Fatal(err)
		}
		if s.claim(bob, "google", link.Subject{Scope: "global", Value: "3"}) {
			s.t.Error("another account claims it under the new key")
		}
		for _, c := range link.Sealed() {
			if done, err := rekey.Walk(s.t.Context(), s.db, s.ring, c); err != nil || done.Changed != 5 {
				s.t.Errorf("%+v, %v", done, err)
			}
		}
		for _, want := range []int{5, 0} {
			sum := 0
			for after := account.ID(0); ; {
				next, added, err := s.Reindex(s.t.Context(), s.db, after, 2)
				if err != nil {
					s.t.Fatal(err)
				}
				sum += added
				if after = next; after == 0 {
					break
				}
			}
			if sum != want {
				s.t.Errorf("%d rows were missing, want %d", sum, want)
			}
		}
		for _, k := range old {
			if err := s.ring.Disable(k.ID); err != nil {
				s.t.Fatal(err)
			}
		}
		for id, l := range was {
			if found, _ := s.holder("google", l.Subjects...); found != id {
				s.t.Errorf("it finds %v, want %v", found, id)
			}
			if diff := cmp.Diff(l, s.load(id, "google")); diff != "" {
				s.t.Error(diff)
			}
		}
	})
}
