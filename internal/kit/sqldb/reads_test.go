package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Reads that share a round trip answer each its own row, ErrNone where there is
// none, and an error only to the one whose read is wrong.
func TestReadsTogether(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		const rows = 40
		err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			for i := range rows {
				if err := insert(t.Context(), tx, fmt.Sprint(i), i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for g := range 32 {
			all.Go(func() {
				for i := range 60 {
					n, id := -1, ""
					switch i % 6 {
					case 0:
						if err := db.Read(t.Context(), []any{&n}, `SELECT n FROM thing WHERE id = $1`, "nobody"); err != sqldb.ErrNone {
							t.Errorf("a row that is not there: %v", err)
						}
					case 1:
						if err := db.Read(t.Context(), []any{&n}, `SELECT n / (n - n) FROM thing WHERE id = $1`, "1"); db.Engine() == sqldb.Postgres && (err == nil || errors.Is(err, sqldb.ErrNone)) {
							t.Errorf("a division by nothing: %d, %v", n, err)
						}
					default:
						want := (g*7 + i) % rows
						err := db.Read(t.Context(), []any{&n, &id}, `SELECT n, id FROM thing WHERE id = $1`, fmt.Sprint(want))
						if err != nil || n != want || id != fmt.Sprint(want) {
							t.Errorf("asked for %d, got %d, %q, %v", want, n, id, err)
						}
					}
				}
			})
		}
		all.Wait()
	})
}

// a read sees everything that was committed before it was asked for.
func TestR018_AReadSeesWhatWasCommittedBefore(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		var all sync.WaitGroup
		for g := range 16 {
			all.Go(func() {
				id := fmt.Sprint(g)
				for i := range 40 {
					err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
						if i == 0 {
							return insert(t.Context(), tx, id, 0)
						}
						_, err := tx.Exec(t.Context(), `UPDATE thing SET n = $1 WHERE id = $2`, i, id)
						return err
					})
					n := -1
					if err == nil {
						err = db.Read(t.Context(), []any{&n}, `SELECT n FROM thing WHERE id = $1`, id)
					}
					if err != nil || n != i {
						t.Errorf("read %d after %d was committed: %v", n, i, err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

func TestACanceledReadDoesNotRun(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n := -1
		if err := db.Read(ctx, []any{&n}, `SELECT 1`); !errors.Is(err, context.Canceled) || n != -1 {
			t.Errorf("Read = %d, %v", n, err)
		}
	})
}
