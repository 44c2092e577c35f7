package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// BenchmarkCheck is the check of a session after a sign-in, and after a step-up
// that gave it three more proofs, on SQLite. "reads" is how many bare reads of one
// row by its key take the same time.
func BenchmarkCheck(b *testing.B) {
	for name, more := range map[string]int{"sign-in": 0, "step-up": 3} {
		b.Run(name, func(b *testing.B) {
			c := clock.At(sqldbtest.Start)
			db := sqldbtest.SQLite(b, c)
			sessions, token, id := benchSession(b, db, c, more)
			elapsed := clock.Stopwatch()
			const bare = 2000
			for range bare {
				var epoch int64
				if err := db.Read(b.Context(), []any{&epoch}, `SELECT epoch FROM account WHERE id = $1`, int64(id)); err != nil {
					b.Fatal(err)
				}
			}
			read := elapsed().Seconds() / bare
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sessions.Check(b.Context(), db, token); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/read, "reads")
		})
	}
}

func benchSession(b *testing.B, db *sqldb.DB, c *clock.Clock, more int) (*session.Store, string, account.ID) {
	b.Helper()
	ring, err := seal.New()
	if err != nil {
		b.Fatal(err)
	}
	accounts, devices := account.New(ring), device.New(ring)
	sessions := session.New(accounts, devices, session.Life{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour})
	ctx, id, token := context.Background(), account.NewID(), ""
	err = db.InTx(ctx, func(tx *sqldb.Tx) error {
		if err := accounts.Create(ctx, tx, account.Account{ID: id, Region: "intl", Locale: "en", Nickname: "Ada"}); err != nil {
			return err
		}
		who, err := accounts.Load(ctx, tx, id)
		if err != nil {
			return err
		}
		d, err := devices.Remember(ctx, tx, id, "secret", device.Device{Name: "Pixel 9", Kind: "phone"})
		if err != nil {
			return err
		}
		token, _, _, err = sessions.Open(ctx, tx, who, d.ID, []session.Proof{{Method: "sms_code", At: tx.Now()}})
		return err
	})
	if err != nil || more == 0 {
		return sessions, token, id
	}
	live, err := sessions.Check(ctx, db, token)
	if err != nil {
		b.Fatal(err)
	}
	for range more {
		live.Proved = append(live.Proved, session.Proof{Method: "totp", At: c.Now(), For: "change_phone"})
	}
	err = db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
		token, _, err = sessions.Renew(ctx, tx, live, live.Proved)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return sessions, token, id
}
