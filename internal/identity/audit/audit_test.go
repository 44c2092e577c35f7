package audit_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

func TestListPages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		s, id := audit.New(ring), account.NewID()
		for range 3 {
			err := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				return s.Write(t.Context(), tx,
					audit.Entry{AccountID: id, Kind: audit.AccountCreated, Details: map[string]string{"device": "Pixel 9"}},
					audit.Entry{AccountID: id, Kind: audit.SignedIn},
					audit.Entry{AccountID: account.NewID(), Kind: audit.SignedOut})
			})
			if err != nil {
				t.Fatal(err)
			}
			c.Advance(time.Minute)
		}
		var got []audit.Kind
		before := time.Time{}
		for {
			page, err := s.List(t.Context(), db, id, before, 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				got = append(got, e.Kind)
				if e.Kind == audit.AccountCreated && e.Details["device"] != "Pixel 9" {
					t.Errorf("details %v", e.Details)
				}
			}
			if len(page) < 4 {
				break
			}
			before = page[len(page)-1].At
		}
		want := "signed_in account_created signed_in account_created signed_in account_created"
		var words []string
		for _, k := range got {
			words = append(words, string(k))
		}
		if strings.Join(words, " ") != want {
			t.Errorf("got %v; want %s", words, want)
		}
	})
}

// TestS026_Nobody: what was tried at nobody leaves no row.
func TestS026_Nobody(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, _ *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		err = db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			return audit.New(ring).Write(t.Context(), tx, audit.Entry{Kind: audit.PasswordWrong, Details: map[string]string{"device": "Pixel 9"}})
		})
		var n int
		if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM audit`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows, %v", n, err)
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// TestS144_AppendOnly: no statement of the program changes or deletes an audit row.
func TestS144_AppendOnly(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)(UPDATE\s+audit\b|DELETE\s+FROM\s+audit\b)`)
	read := 0
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		read++
		if m := forbidden.Find(text); m != nil {
			t.Errorf("%s: %s", path, m)
		}
		return err
	})
	if err != nil || read < 20 {
		t.Fatalf("read %d files, %v", read, err)
	}
}
