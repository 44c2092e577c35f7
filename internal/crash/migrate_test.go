package crash_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/schema"
)

// TestR005_KillWhileMigrating kills the program in the middle of its migrations.
// What was begun is taken up by the next runs, two at once, and the schema is
// whole then.
func TestR005_KillWhileMigrating(t *testing.T) {
	engines(t, func(home *town) {
		home.program = shipped
		dice, steps := home.dice(0), len(schema.Migrations())
		left := map[int]int{} // how many migrations a killed run had applied
		for round := range rounds(home.t, 2*steps, steps) {
			w := home.beside(home.fresh(home.t))
			cmd := w.command("migrate")
			if err := cmd.Start(); err != nil {
				w.t.Fatal(err)
			}
			w.killAt(cmd, round%steps, time.Duration(dice.IntN(3000))*time.Microsecond)
			left[w.applied()]++
			first, second := w.command("migrate"), w.command("migrate")
			if err := errors.Join(first.Start(), second.Start()); err != nil {
				w.t.Fatal(err)
			}
			if err := errors.Join(first.Wait(), second.Wait()); err != nil {
				w.t.Errorf("taking the migrations up on two nodes: %v", err)
			}
			if out := w.run("migrate", "--status"); strings.Contains(out, "not applied") {
				w.t.Errorf("left behind:\n%s", out)
			}
			w.sound()
		}
		home.t.Logf("applied migrations when the runs were killed, and how often: %v", left)
	})
}

// killAt kills a run once n migrations are applied, and a little later.
func (w *town) killAt(cmd *exec.Cmd, n int, later time.Duration) {
	over := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(over)
	}()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	for n > 0 && ctx.Err() == nil && !closed(over) && w.applied() < n {
		continue
	}
	<-time.After(later)
	_ = cmd.Process.Kill()
	<-over
}

// applied is how many migrations the database has.
func (w *town) applied() (n int) {
	w.t.Helper()
	db, err := sqldb.Open(w.t.Context(), sqldb.Config{URL: w.url}, clock.System())
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	states, err := db.MigrationStatus(w.t.Context(), schema.Migrations())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range states {
		if !s.AppliedAt.IsZero() {
			n++
		}
	}
	return n
}
