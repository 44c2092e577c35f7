package credential

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// cheap is the least that argon2 takes.
var cheap = Profile{MemoryKiB: 64, Time: 1, Threads: 1}

// slowGate is a gate whose hash takes the given time of a bubble.
func slowGate(atOnce, queue int, each time.Duration) *Gate {
	g := NewGate(cheap, atOnce, queue, clock.At(start))
	g.idKey = func(_, _ []byte, _, _ uint32, _ uint8, size uint32) []byte {
		<-time.After(each)
		return make([]byte, size)
	}
	return g
}

func hashOnce(ctx context.Context, g *Gate) error {
	_, err := g.hash(ctx, g.profile, "password", make([]byte, saltSize), outputSize)
	return err
}

func TestS29_BeyondTheQueueIsUnavailableWithATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := slowGate(2, 4, time.Second)
		g.stats.HashTime = time.Second // as if measured
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := hashOnce(t.Context(), g); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if s := g.Stats(); s.Running != 2 || s.Waiting != 4 || s.Queue != 4 || s.AtOnce != 2 {
			t.Errorf("at the brim: %+v", s)
		}
		for range 60 { // 10 times what fits
			f := fault.From(hashOnce(t.Context(), g))
			if f == nil || f.Code != "unavailable" {
				t.Fatalf("beyond the queue: %v, want unavailable", f)
			}
			// 6 hashes of a second are ahead, 2 at a time: 3 s, and up to a whole second.
			if want := start.Add(4 * time.Second); !f.RetryAt.Equal(want) {
				t.Fatalf("RetryAt %v, want %v", f.RetryAt, want)
			}
		}
		wg.Wait()
		if s := g.Stats(); s.Running != 0 || s.Waiting != 0 || s.Refused != 60 || s.Done != 6 || s.Abandoned != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestS29_AbandonedRequestsLeaveTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := slowGate(1, 2, time.Second)
		var wg sync.WaitGroup
		try := func(ctx context.Context, want error) {
			wg.Go(func() {
				if err := hashOnce(ctx, g); !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			})
			synctest.Wait()
		}
		gone, leave := context.WithCancel(t.Context())
		try(t.Context(), nil)
		try(gone, context.Canceled)
		try(gone, context.Canceled)
		leave()
		synctest.Wait()
		if s := g.Stats(); s.Waiting != 0 || s.Abandoned != 2 {
			t.Errorf("after two left: %+v", s)
		}
		try(t.Context(), nil) // their places are free
		try(t.Context(), nil)
		wg.Wait()
		if s := g.Stats(); s.Done != 3 || s.Refused != 0 || s.Running != 0 {
			t.Errorf("at the end: %+v", s)
		}
	})
}

func TestS29_NeverMoreAtOnceThanSaid(t *testing.T) {
	for _, atOnce := range []int{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			g := slowGate(atOnce, 100, time.Millisecond)
			inner, now, most := g.idKey, 0, 0
			var mu sync.Mutex
			g.idKey = func(a, b []byte, c, d uint32, e uint8, f uint32) []byte {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				defer func() { mu.Lock(); now--; mu.Unlock() }()
				return inner(a, b, c, d, e, f)
			}
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if err := hashOnce(t.Context(), g); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if most != atOnce {
				t.Errorf("%d ran at once, want %d", most, atOnce)
			}
		})
	}
}

func TestR28_QueueBoundedByTimeFollowsTheHashTime(t *testing.T) {
	tests := []struct {
		atOnce int
		each   time.Duration
		want   int
	}{
		{2, 20 * time.Millisecond, 150}, // 1.5 s of two cores
		{2, 80 * time.Millisecond, 37},
		{1, 500 * time.Millisecond, 3},
		{4, 2 * time.Second, 8}, // twice as many as can run, however slow
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			g := slowGate(tt.atOnce, 0, tt.each)
			for range 200 {
				if err := hashOnce(t.Context(), g); err != nil {
					t.Fatal(err)
				}
			}
			if got := g.Stats().Queue; got < tt.want-1 || got > tt.want+1 {
				t.Errorf("hashes of %v, %d at once: room for %d, want %d", tt.each, tt.atOnce, got, tt.want)
			}
		})
	}
}

func TestGateGivesItsTurnBackWhenAHashPanics(t *testing.T) {
	g := NewGate(cheap, 1, 1, clock.At(start))
	inner := g.idKey
	g.idKey = func(_, _ []byte, _, _ uint32, _ uint8, _ uint32) []byte { panic("out of memory") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		hashOnce(t.Context(), g)
	}()
	g.idKey = inner
	if err := hashOnce(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if s := g.Stats(); s.Running != 0 {
		t.Errorf("%+v", s)
	}
}

func TestR16_FitLeavesMemory(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		p      Profile
		cores  int
		memory int64
		want   int
	}{
		{Default, 2, 1<<63 - 1, 2},
		{Default, 64, 1<<63 - 1, 64},
		{Default, 64, 1024 * mib, 6}, // 256 MiB of 38 MiB each
		{Strict, 64, 1024 * mib, 2},
		{Strict, 8, 64 * mib, 1},
		{Default, 0, 0, 1},
	}
	got := make([]int, len(tests))
	want := make([]int, len(tests))
	for i, tt := range tests {
		got[i], want[i] = Fit(tt.p, tt.cores, tt.memory), tt.want
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
