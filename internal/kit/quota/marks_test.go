package quota

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func randomLimit(r *rand.Rand, most int) Limit {
	l := Limit{Name: "l"}
	for range 1 + r.IntN(3) {
		l.Windows = append(l.Windows, Window{Max: 1 + r.IntN(most), Per: time.Duration(1+r.IntN(5000)) * time.Millisecond})
	}
	for range r.IntN(4) {
		l.Pace = append(l.Pace, time.Duration(r.IntN(1500))*time.Millisecond)
	}
	slices.Sort(l.Pace)
	return l
}

// allowed says it the slow way, from every single charge.
func allowed(l Limit, charges []int64, now int64) bool {
	longest := int64(0)
	for _, w := range l.Windows {
		n := 0
		for _, at := range charges {
			if now < at+w.Per.Microseconds() {
				n++
			}
		}
		if n >= w.Max {
			return false
		}
		longest = max(longest, w.Per.Microseconds())
	}
	k := 0
	for _, at := range charges {
		if now < at+longest {
			k++
		}
	}
	if k == 0 || len(l.Pace) == 0 {
		return true
	}
	return now >= charges[len(charges)-1]+l.Pace[min(k, len(l.Pace))-1].Microseconds()
}

// charge plays a random life of a limit and calls look before each attempt.
func charge(r *rand.Rand, l Limit, look func(m marks, charges []int64, now int64)) {
	var m marks
	var charges []int64
	now := int64(1_700_000_000_000_000)
	for range 150 {
		now += r.Int64N(400_000)
		look(m, charges, now)
		if l.allows(m, now, 1) {
			m = l.tidy(m.add(now, 1), now)
			charges = append(charges, now)
		}
	}
}

func TestExactMarksAllowWhatTheRuleAllowsToTheMicrosecond(t *testing.T) {
	refused := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := randomLimit(r, exact/2)
		charge(r, l, func(m marks, charges []int64, now int64) {
			if got, want := l.allows(m, now, 1), allowed(l, charges, now); got != want {
				t.Fatalf("seed %d: allows = %v, want %v", seed, got, want)
			}
			if l.allows(m, now, 1) {
				return
			}
			refused++
			at := l.retryAt(m, now, 1)
			if at <= now || !allowed(l, charges, at) || allowed(l, charges, at-1) {
				t.Fatalf("seed %d: retryAt is %d µs from now; there allowed = %v, one before %v", seed, at-now, allowed(l, charges, at), allowed(l, charges, at-1))
			}
		})
	}
	if refused < 1000 {
		t.Errorf("only %d refusals were tried", refused)
	}
}

func TestJoinedMarksAreNeverEarlyAndLittleLate(t *testing.T) {
	joined := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := Limit{Windows: []Window{{Max: 60, Per: 20 * time.Second}, {Max: 12, Per: 2 * time.Second}}}
		charge(r, l, func(m marks, charges []int64, now int64) {
			if len(m) > 2*(exact+1)+1 {
				t.Fatalf("seed %d: %d marks", seed, len(m))
			}
			if len(m) < m.since(0) {
				joined++
			}
			if l.allows(m, now, 1) {
				if !allowed(l, charges, now) {
					t.Fatalf("seed %d: allowed too early", seed)
				}
				return
			}
			at := l.retryAt(m, now, 1)
			if !l.allows(m, at, 1) || !allowed(l, charges, at) {
				t.Fatalf("seed %d: refused at its own retryAt", seed)
			}
			// Every true answer within a slot before is "refused" by the joined marks only.
			slot := l.slot(int64(20*time.Second/time.Microsecond) - 1)
			if before := at - slot - 1; before > now && allowed(l, charges, before) {
				t.Fatalf("seed %d: more than a slot late", seed)
			}
		})
	}
	if joined < 1000 {
		t.Errorf("only %d joined", joined)
	}
}

func TestEncodedMarksComeBack(t *testing.T) {
	for _, m := range []marks{nil, {{1, 1}}, {{1_700_000_000_000_000, 3}, {1_700_000_000_000_001, 1}, {1_800_000_000_000_000, 1 << 30}}} {
		got, err := decode(m.encode())
		if diff := cmp.Diff(m, got, cmp.AllowUnexported(mark{})); err != nil || diff != "" {
			t.Errorf("decode(encode): %v\n%s", err, diff)
		}
	}
	for _, b := range [][]byte{nil, {2, 1, 1}, {1, 1}, {1, 0x80}, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1}} {
		if m, err := decode(b); err == nil {
			t.Errorf("decode(%x) = %v", b, m)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(marks{{1_700_000_000_000_000, 3}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(m.encode())
		if diff := cmp.Diff(m, again, cmp.AllowUnexported(mark{})); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}
