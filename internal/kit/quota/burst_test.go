package quota_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
)

func TestBurst(t *testing.T) {
	c := clock.At(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	b := quota.NewBurst(c, 3, time.Minute)
	for range 3 {
		if _, ok := b.Spend("a"); !ok {
			t.Fatal("refused within the limit")
		}
		c.Advance(time.Second)
	}
	at, ok := b.Spend("a")
	if ok || at.Sub(c.Now()) != 57*time.Second {
		t.Errorf("the fourth: %v, in %v; want a refusal for 57 s", ok, at.Sub(c.Now()))
	}
	if _, ok := b.Spend("b"); !ok {
		t.Error("another subject is refused")
	}
	c.Advance(at.Sub(c.Now()))
	if _, ok := b.Spend("a"); !ok {
		t.Error("refused at the time that was told")
	}
}

// TestR016_BurstIsBounded: strangers cannot fill the memory with their addresses.
func TestR016_BurstIsBounded(t *testing.T) {
	b := quota.NewBurst(clock.At(time.Unix(0, 0)), 1, time.Hour)
	for i := range 250_000 {
		if _, ok := b.Spend(strconv.Itoa(i)); !ok {
			t.Fatalf("%d was refused at its first try", i)
		}
	}
	if n := b.Len(); n > 100_000 {
		t.Errorf("%d subjects are kept", n)
	}
}
