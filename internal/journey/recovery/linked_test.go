package recovery_test

import (
	"context"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// TestTopic_W04_LinkedAccount: a linked account that is signed in to anew is one of
// the two steps of a recovery; nobody else's is, and it is never the first, so that
// nothing tells what a stranger's account is linked to (S-77).
func TestTopic_W04_LinkedAccount(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		google := towntest.NewVendor("google")
		w := towntest.New(t, db, c, ring, google)
		p := w.Person(ada, "", "")
		links(p, "google", "g-ada")
		w.Do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := w.Recovery.Accounts.SetTwoStep(ctx, tx, p.ID, true)
			return err
		})
		w.Later(80 * time.Hour)
		first := recover(w).Username(p.ID.String()).Want(step.TypeChooseMethod, "")
		for _, m := range first.Step.(step.ChooseMethod).Methods {
			if m.Method == "linked" {
				t.Error("offered before anything is proved")
			}
		}
		first.By("linked").Want(step.TypeChooseMethod, "method_unavailable")
		v := recover(w).Phone(ada).CodeOf(ada).Want(step.TypeRedirect, "")
		v.Visits(google, towntest.Somebody("g-eve", "Ada", adaMail))
		if v.Fault() == nil || v.Fault().Args["reason"] != "other_account" {
			t.Fatalf("somebody else's account proves it: %s", v.Said())
		}
		d := v.Visits(google, towntest.Somebody("g-ada", "Ada", "")).Want(step.TypeNewPassword, "").NewPassword(after).Done()
		if id, _ := account.ReadID(d.Account.ID); id != p.ID || d.Session == nil {
			t.Errorf("ended in %+v", d)
		}
	})
}
