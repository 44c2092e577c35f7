package credential

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

const alice = account.ID(482109375564)

func newRing(t testing.TB) *seal.Ring {
	t.Helper()
	r, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newPasswords(t testing.TB, p Profile) *Passwords {
	return New(NewGate(p, 2, 100, clock.At(start)), newRing(t), Rules{})
}

// stored is what Load would answer after Set.
func stored(t testing.TB, p *Passwords, password string) Stored {
	t.Helper()
	h, err := p.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parsePHC(h.phc)
	if err != nil {
		t.Fatal(err)
	}
	return Stored{id: alice, isSet: true, setAt: start, sealed: p.seal(h.phc, currentPlace(alice)), hash: parsed}
}

func check(t testing.TB, p *Passwords, s Stored, password string) Verdict {
	t.Helper()
	v, err := p.Check(t.Context(), s, password)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestS23_EveryCharacterCounts(t *testing.T) {
	p := newPasswords(t, cheap)
	first72 := strings.Repeat("0123456789ab", 6)
	tests := []struct{ set, typed string }{
		{first72 + "x", first72 + "y"},
		{first72, first72 + "y"},
		{"correct horse", "Correct horse"},
		{"correct horse", "correct horse "},
		{"correct horse", " correct horse"},
		{"correct\x00horse", "correct\x00house"},
		{"ﬁnances", "finances"}, // NFC keeps ligatures; NFKC would not
		{strings.Repeat("密", 255) + "码", strings.Repeat("密", 256)},
	}
	for _, tt := range tests {
		s := stored(t, p, tt.set)
		if !check(t, p, s, tt.set).Right {
			t.Errorf("%q does not open itself", tt.set)
		}
		if check(t, p, s, tt.typed).Right {
			t.Errorf("%q opens %q", tt.typed, tt.set)
		}
	}
}

func TestS23_ComposedAndDecomposedAreOne(t *testing.T) {
	p := newPasswords(t, cheap)
	composed, decomposed := "caf\u00e9 \u1ec7 \uac00 crème", "cafe\u0301 e\u0323\u0302 \u1100\u1161 cre\u0300me"
	for _, pair := range [][2]string{{composed, decomposed}, {decomposed, composed}} {
		if !check(t, p, stored(t, p, pair[0]), pair[1]).Right {
			t.Errorf("%+q does not open %+q", pair[1], pair[0])
		}
	}
}

// calls records what argon2 is asked for.
type calls struct {
	mu   sync.Mutex
	made []Profile
	size []uint32
}

func countCalls(g *Gate) *calls {
	c := &calls{}
	inner := g.idKey
	g.idKey = func(password, salt []byte, time, memory uint32, threads uint8, size uint32) []byte {
		c.mu.Lock()
		c.made, c.size = append(c.made, Profile{memory, time, threads}), append(c.size, size)
		c.mu.Unlock()
		return inner(password, salt, time, memory, threads, size)
	}
	return c
}

func (c *calls) take() (made []Profile, size []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	made, size = c.made, c.size
	c.made, c.size = nil, nil
	return made, size
}

func TestS26_EqualWorkWithAndWithoutAPassword(t *testing.T) {
	p := newPasswords(t, Profile{MemoryKiB: 128, Time: 2, Threads: 1})
	has := stored(t, p, "correct horse battery")
	has.earlier = []earlier{{1, p.seal(has.hash.String(), earlierPlace(alice, 1)), start}}
	c := countCalls(p.gate)
	tests := []struct {
		name     string
		s        Stored
		password string
		want     bool
	}{
		{"right", has, "correct horse battery", true},
		{"wrong", has, "correct horse staple", false},
		{"empty", has, "", false},
		{"no password", Stored{id: alice}, "correct horse battery", false},
		{"no account", Stored{}, "correct horse battery", false},
		{"no account, empty", Stored{}, "", false},
	}
	for _, tt := range tests {
		if got := check(t, p, tt.s, tt.password).Right; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		made, size := c.take()
		if d := cmp.Diff([]Profile{{MemoryKiB: 128, Time: 2, Threads: 1}}, made); d != "" {
			t.Errorf("%s: work differs: %s", tt.name, d)
		}
		if d := cmp.Diff([]uint32{outputSize}, size); d != "" {
			t.Errorf("%s: output differs: %s", tt.name, d)
		}
	}
}

func TestS23_TooLongIsRefusedBeforeHashing(t *testing.T) {
	p := newPasswords(t, cheap)
	s := stored(t, p, "correct horse battery")
	c := countCalls(p.gate)
	ten := strings.Repeat("a", 10<<20)
	tests := map[string]struct {
		password string
		want     error
	}{
		"257":          {strings.Repeat("x", 257), PasswordLong},
		"257 wide":     {strings.Repeat("密", 257), PasswordLong},
		"10 MiB":       {ten, PasswordLong},
		"10 MiB marks": {strings.Repeat("\u0301", 5<<20), PasswordLong},
		"not UTF-8":    {"password\xff\xfe", fault.InvalidInput},
	}
	for name, tt := range tests {
		// 10 MiB must cost no more than its length: no copy, no scan.
		if n := testing.AllocsPerRun(1, func() {
			_, errCheck := p.Check(t.Context(), s, tt.password)
			_, errHash := p.Hash(t.Context(), tt.password)
			errJudge := p.Judge(t.Context(), tt.password)
			for _, err := range []error{errCheck, errHash, errJudge} {
				if !errors.Is(err, tt.want) {
					t.Errorf("%s: %v, want %v", name, err, tt.want)
				}
			}
		}); n > 100 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if made, _ := c.take(); len(made) != 0 {
		t.Errorf("%d hashes were made", len(made))
	}
	for _, most := range []string{strings.Repeat("x", 256), strings.Repeat("密", 256), strings.Repeat("😀", 256), strings.Repeat("e\u0301", 256)} {
		if _, err := p.Hash(t.Context(), most); err != nil {
			t.Errorf("%d bytes, 256 characters: %v", len(most), err)
		}
	}
}

func TestS22_RaisedParametersTakeEffectAtNextSignIn(t *testing.T) {
	old := newPasswords(t, cheap)
	s := stored(t, old, "correct horse battery")
	raised := New(NewGate(Profile{MemoryKiB: 128, Time: 2, Threads: 1}, 1, 1, clock.At(start)), old.ring, Rules{})
	if v := check(t, raised, s, "wrong"); v.Right || v.Upgrade != nil {
		t.Errorf("a wrong password is upgraded: %+v", v.Right)
	}
	v := check(t, raised, s, "correct horse battery")
	if !v.Right || v.Upgrade == nil {
		t.Fatalf("right %v, upgrade %v", v.Right, v.Upgrade)
	}
	h, err := parsePHC(v.Upgrade.phc)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(raised.gate.profile, h.profile); d != "" {
		t.Error(d)
	}
	if bytes.Equal(h.salt, s.hash.salt) || !bytes.Equal(v.Upgrade.instead, s.sealed) {
		t.Error("the upgrade keeps the salt, or does not say what it replaces")
	}
	again := Stored{id: alice, isSet: true, sealed: old.seal(v.Upgrade.phc, currentPlace(alice)), hash: h}
	if v := check(t, raised, again, "correct horse battery"); !v.Right || v.Upgrade != nil {
		t.Errorf("after the upgrade: right %v, upgrade %v", v.Right, v.Upgrade)
	}
}

func TestS22_NewPepperTakesEffectAtNextSignInWithoutAnotherHash(t *testing.T) {
	p := newPasswords(t, cheap)
	s := stored(t, p, "correct horse battery")
	if err := p.ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	c := countCalls(p.gate)
	v := check(t, p, s, "correct horse battery")
	if !v.Right || v.Upgrade == nil || v.Upgrade.phc != s.hash.String() {
		t.Errorf("right %v, upgrade %v", v.Right, v.Upgrade)
	}
	if made, _ := c.take(); len(made) != 1 {
		t.Errorf("%d hashes, want 1", len(made))
	}
}

func TestNoRoomForAnUpgradeIsNoFailure(t *testing.T) {
	old := newPasswords(t, cheap)
	s := stored(t, old, "correct horse battery")
	p := New(NewGate(Profile{MemoryKiB: 128, Time: 1, Threads: 1}, 1, 1, clock.At(start)), old.ring, Rules{})
	ctx, cancel := context.WithCancel(t.Context())
	p.gate.idKey = func(a, b []byte, c, d uint32, e uint8, f uint32) []byte {
		cancel() // the person leaves during the first hash: there is no second
		return argon2.IDKey(a, b, c, d, e, f)
	}
	v, err := p.Check(ctx, s, "correct horse battery")
	if err != nil || !v.Right || v.Upgrade != nil {
		t.Errorf("right %v, upgrade %v, %v", v.Right, v.Upgrade, err)
	}
}

func TestS178_EarlierPasswordsAnswerOnlyWhenAsked(t *testing.T) {
	p := newPasswords(t, cheap)
	s := stored(t, p, "the present one")
	for i, password := range []string{"the one before", "the first one"} {
		h, err := p.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		nth := int64(2 - i)
		s.earlier = append(s.earlier, earlier{nth, p.seal(h.phc, earlierPlace(alice, nth)), start.Add(-time.Duration(i+1) * time.Hour)})
	}
	if check(t, p, s, "the one before").Right {
		t.Error("an earlier password is a way in")
	}
	tests := map[string]time.Time{
		"the present one": {},
		"the one before":  start.Add(-time.Hour),
		"the first one":   start.Add(-2 * time.Hour),
		"none of them":    {},
	}
	for password, want := range tests {
		at, ok, err := p.CheckEarlier(t.Context(), s, password)
		if err != nil || ok == want.IsZero() || !at.Equal(want) {
			t.Errorf("%q: %v, %v, %v; want %v", password, at, ok, err, want)
		}
	}
	if _, ok, err := p.CheckEarlier(t.Context(), Stored{}, "the one before"); ok || err != nil {
		t.Errorf("of no account: %v, %v", ok, err)
	}
}

func TestS22_AHashOpensForItsAccountOnly(t *testing.T) {
	p := newPasswords(t, cheap)
	s := stored(t, p, "correct horse battery")
	if _, err := p.open(s.sealed, currentPlace(alice+1)); !errors.Is(err, seal.ErrAltered) {
		t.Errorf("in another account's row: %v", err)
	}
	if _, err := p.open(s.sealed, earlierPlace(alice, 1)); !errors.Is(err, seal.ErrAltered) {
		t.Errorf("in the history: %v", err)
	}
	other := newPasswords(t, cheap)
	if _, err := other.open(s.sealed, currentPlace(alice)); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("without the ring: %v", err)
	}
	if bytes.Contains(s.sealed, []byte("argon2id")) || bytes.Contains(s.sealed, s.hash.output) {
		t.Error("the row shows the hash")
	}
}

func TestFullGateAnswersCheckAndHash(t *testing.T) {
	p := newPasswords(t, cheap)
	s := stored(t, p, "correct horse battery")
	p.gate = NewGate(cheap, 1, 1, clock.At(start))
	p.gate.turns.TryAcquire(1)
	p.gate.stats.Waiting = 1
	_, errCheck := p.Check(t.Context(), s, "correct horse battery")
	_, errNone := p.Check(t.Context(), Stored{}, "correct horse battery")
	_, errHash := p.Hash(t.Context(), "correct horse battery")
	for _, err := range []error{errCheck, errNone, errHash} {
		if f := fault.From(err); f == nil || f.Code != "unavailable" || !f.RetryAt.After(start) {
			t.Errorf("%v, want unavailable with a time", err)
		}
	}
}
