package internal_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// drills are the statements of SECURITY.md in their order, each with a question
// that counts what it has to end.
var drills = []string{
	`SELECT COUNT(*) FROM journey`,
	`SELECT COUNT(*) FROM session s JOIN account a ON a.id = s.account_id AND a.epoch = s.epoch`,
	`SELECT COUNT(*) FROM session WHERE created_at = 1795343400000000`,
	`SELECT COUNT(*) FROM session WHERE proved LIKE '%sms_code%'`,
	`SELECT COUNT(*) FROM credential_password WHERE account_id = 482109375564`,
}

// victim is one account with a session, a journey and a password.
var victim = []string{
	`INSERT INTO account (id, state, region, locale, nickname, avatar, epoch, created_at) VALUES (482109375564, 'active', 'intl', 'en', $1, '', 0, 1)`,
	`INSERT INTO session (account_id, token_hash, id, device_id, epoch, proved, created_at, used_at)
		VALUES (482109375564, $1, 's', 'd', 0, '[{"method":"sms_code","at":"2026-11-22T10:30:00Z"}]', 1795343400000000, 1)`,
	`INSERT INTO journey (id, key_hash, kind, step, version, facts, created_at, expires_at) VALUES ('j', $1, 'signin', 'code', 1, $1, 1, 2)`,
	`INSERT INTO credential_password (account_id, sealed, set_at) VALUES (482109375564, $1, 1)`,
}

func TestS167_TheStatementsOfTheManualEndWhatTheySay(t *testing.T) {
	text, err := os.ReadFile(path.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	statements := regexp.MustCompile("(?s)```sql\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(statements) != len(drills) {
		t.Fatalf("SECURITY.md has %d statements, %d are drilled", len(statements), len(drills))
	}
	for i, s := range statements {
		t.Run(drills[i], func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, _ *clock.Clock) {
				exec := func(statement string, args ...any) {
					t.Helper()
					if err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
						_, err := tx.Exec(t.Context(), statement, args...)
						return err
					}); err != nil {
						t.Fatalf("%s: %v", statement, err)
					}
				}
				left := func() (n int) {
					t.Helper()
					if err := db.QueryRow(t.Context(), drills[i]).Scan(&n); err != nil {
						t.Fatal(err)
					}
					return n
				}
				for _, row := range victim {
					exec(row, []byte{1})
				}
				if before := left(); before != 1 {
					t.Fatalf("%d before, want 1", before)
				}
				exec(strings.TrimSuffix(strings.TrimSpace(s[1]), ";"))
				if after := left(); after != 0 {
					t.Errorf("%d left, want none", after)
				}
			})
		})
	}
}
