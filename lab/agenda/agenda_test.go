package agenda_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/lab/agenda"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// standing is a clock that moves by Advance only.
type standing struct {
	mu  sync.Mutex
	now time.Time
}

func (c *standing) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *standing) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// telling is a clock that says when it moved.
type telling struct {
	standing
	moved chan struct{}
}

func (c *telling) Moved() <-chan struct{} { c.mu.Lock(); defer c.mu.Unlock(); return c.moved }

func (c *telling) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	close(c.moved)
	c.moved = make(chan struct{})
}

func TestAdvanceRunsWhatIsDueInOrder(t *testing.T) {
	a := agenda.New(&standing{now: start})
	defer a.Close()
	var ran []string
	add := func(name string, after time.Duration) {
		if !a.At(start.Add(after), func() { ran = append(ran, name) }) {
			t.Fatalf("At refused %s", name)
		}
	}
	add("late", 3*time.Hour)
	add("second", time.Hour)
	add("first", time.Minute)
	add("also second", time.Hour)
	a.Advance(2 * time.Hour)
	if diff := cmp.Diff([]string{"first", "second", "also second"}, ran); diff != "" {
		t.Errorf("after 2 h (-want +got):\n%s", diff)
	}
	a.Advance(time.Hour)
	if diff := cmp.Diff([]string{"first", "second", "also second", "late"}, ran); diff != "" {
		t.Errorf("after 3 h (-want +got):\n%s", diff)
	}
}

func TestClockMovedBySomebodyElse(t *testing.T) {
	c := &telling{standing: standing{now: start}, moved: make(chan struct{})}
	a := agenda.New(c)
	defer a.Close()
	ran := make(chan struct{})
	a.At(start.Add(24*time.Hour), func() { close(ran) })
	c.Advance(25 * time.Hour)
	select {
	case <-ran:
	case <-time.After(5 * time.Second):
		t.Error("an entry that became due by another's Advance did not run")
	}
}

func TestFullAgendaRefuses(t *testing.T) {
	a := agenda.New(&standing{now: start})
	defer a.Close()
	for i := range agenda.MaxEntries {
		if !a.At(start.Add(time.Hour), func() {}) {
			t.Fatalf("entry %d was refused", i)
		}
	}
	if a.At(start.Add(time.Hour), func() {}) {
		t.Error("an entry above the bound was taken")
	}
}

func TestParseDuration(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		bad  bool
	}{
		{in: "72h", want: 72 * time.Hour},
		{in: "15d", want: 15 * 24 * time.Hour},
		{in: "1d12h", want: 36 * time.Hour},
		{in: " 90s ", want: 90 * time.Second},
		{in: "0d1s", want: time.Second},
		{in: "3650d", want: agenda.MaxAdvance},
		{in: "3650d1s", bad: true},
		{in: "0s", bad: true},
		{in: "-1h", bad: true},
		{in: "1d-1h", bad: true},
		{in: "d", bad: true},
		{in: "", bad: true},
		{in: "1h1d", bad: true},
		{in: "99999999999999999d", bad: true},
		{in: "2562047h", bad: true},
		{in: "tomorrow", bad: true},
	} {
		got, err := agenda.ParseDuration(tt.in)
		if (err != nil) != tt.bad || got != tt.want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v, refused %v", tt.in, got, err, tt.want, tt.bad)
		}
	}
}
