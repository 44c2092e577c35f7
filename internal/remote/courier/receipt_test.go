package courier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// Receipts in any order, twice and late: only forward, and what is final stays.
func TestReceipts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i, c := range []struct{ early, late, want string }{
			{"", "", "sent"},
			{"", "sent", "sent"},
			{"", "sent delivered", "delivered"},
			{"", "delivered sent", "delivered"},
			{"", "delivered delivered", "delivered"},
			{"", "delivered failed", "delivered"},
			{"", "failed:handset_off", "failed handset_off"},
			{"", "failed:handset_off delivered sent", "failed handset_off"},
			{"sent", "", "sent"},
			{"delivered", "", "delivered"},
			{"delivered sent", "sent", "delivered"},
			{"sent delivered", "failed:blocked", "delivered"},
			{"failed:blocked", "delivered", "failed blocked"},
			{"sent", "failed:blocked", "failed blocked"},
		} {
			id := fmt.Sprint("m", i)
			w.post(message(id))
			tell := func(states string) {
				for n, s := range strings.Fields(states) {
					state, reason, _ := strings.Cut(s, ":")
					if err := w.report("a", fmt.Sprintf("receipt e%d p-%s %s %s", n, id, state, reason)); err != nil {
						t.Fatal(err)
					}
				}
			}
			tell(c.early)
			if err := w.run(id, 1); err != nil {
				t.Fatal(err)
			}
			tell(c.late)
			if got := w.state(id); got != c.want {
				t.Errorf("before the end %q, after it %q: %q, want %q", c.early, c.late, got, c.want)
			}
			tell(c.late) // S-150: replayed
			if got := w.state(id); got != c.want {
				t.Errorf("replayed: %q, want %q", got, c.want)
			}
		}
		w.post(message("x"))
		if err := w.run("x", 1); err != nil {
			t.Fatal(err)
		}
		if err := w.report("b", "receipt e p-x delivered"); err != nil || w.state("x") != "sent" {
			t.Errorf("a receipt of another route: %v, %s", err, w.state("x"))
		}
		if err := w.report("a", "receipt e p-x delivered\nreceipt f p-stranger failed"); err != nil || w.state("x") != "delivered" {
			t.Errorf("two receipts in one body: %v, %s", err, w.state("x"))
		}
		d, err := w.Delivery(t.Context(), w.db, "x")
		if err != nil || !d.At.Equal(sqldbtest.Start.Add(-time.Second)) {
			t.Errorf("delivered at %v, %v; want the carrier's time", d.At, err)
		}
	})
}

// Receipts that race with the note of the handover are not lost.
func TestReceiptRace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 20 {
			id := fmt.Sprint("m", i)
			w.post(message(id))
			var group sync.WaitGroup
			for n := range 3 {
				group.Go(func() {
					if err := w.report("a", fmt.Sprintf("receipt e%d p-%s %s", n, id, []string{"sent", "delivered", "delivered"}[n])); err != nil {
						t.Errorf("a receipt: %v", err)
					}
				})
			}
			if err := w.run(id, 1); err != nil {
				t.Fatal(err)
			}
			group.Wait()
			if got := w.state(id); got != "delivered" {
				t.Errorf("%s is %s", id, got)
			}
		}
	})
}

func TestCallbackFaults(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for body, want := range map[string]*fault.Fault{"forged": CallbackRefused, "rubbish": fault.InvalidInput} {
			if err := w.report("a", body); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", body, err, want)
			}
		}
		if err := w.report("nowhere", "forged"); !errors.Is(err, fault.NotFound) {
			t.Errorf("no such route: %v", err)
		}
	})
}

// S-150: a person's text counts once, also if it comes again; one that could not
// be taken comes again.
func TestS150_InboundOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if err := w.report("a", "text e0 nobody-listens"); err != nil {
			t.Fatal(err)
		}
		var got []Inbound
		var fails bool
		w.OnText(func(_ context.Context, _ *sqldb.Tx, in Inbound) error {
			if fails {
				return errors.New("the store is full")
			}
			got = append(got, in)
			return nil
		})
		fails = true
		if err := w.report("a", "text e1 K7Q2M9X"); err == nil || fault.From(err) != nil {
			t.Errorf("a text that could not be taken: %v; want a plain error, so that it comes again", err)
		}
		fails = false
		for range 3 {
			if err := w.report("a", "text e1 K7Q2M9X"); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.report("b", "text e1 K7Q2M9X"); err != nil {
			t.Fatal(err)
		}
		in := sms.Inbound{From: number, To: "1069", Body: "K7Q2M9X"}
		want := []Inbound{{"a", in, sqldbtest.Start}, {"b", in, sqldbtest.Start}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
