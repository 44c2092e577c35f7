package signin_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/schema"
)

func (v *visit) email(address string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "email", Email: address})
}

func (v *visit) method(m string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "method", Method: m})
}

func (v *visit) do(input string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: input})
}

// picture reads the characters in the picture of the present captcha.
func (v *visit) picture() string {
	v.t.Helper()
	c, ok := v.step.(step.Captcha)
	if !ok {
		v.t.Fatalf("no captcha is asked: %+v", v.step)
	}
	nonce := strings.TrimSuffix(c.Image[strings.LastIndex(c.Image, "/")+1:], ".png")
	secrets, _, err := proof.Picture(v.t.Context(), v.runner, v.handle.ID, nonce)
	if err != nil {
		v.t.Fatal(err)
	}
	return secrets.Text
}

func (v *visit) captcha(answer string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "captcha", Answer: answer})
}

// arg is an argument of the refusal.
func (v *visit) arg(name string) any {
	v.t.Helper()
	f := fault.From(v.err)
	if f == nil {
		v.t.Fatalf("no refusal: %v", v.err)
	}
	return f.Args[name]
}

// exec changes the store as something outside these journeys would.
func (w *town) exec(query string, args ...any) {
	w.t.Helper()
	err := w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(w.t.Context(), query, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) setState(id string, s account.State) {
	w.t.Helper()
	n, _ := account.ReadID(id)
	w.exec(`UPDATE account SET state = $1 WHERE id = $2`, string(s), int64(n))
}

// addContact gives an account a contact, as another journey would.
func (w *town) addContact(id string, kind contact.Kind, address string) {
	w.t.Helper()
	n, _ := account.ReadID(id)
	err := w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error {
		won, err := w.house.Contacts.Claim(w.t.Context(), tx, kind, address, n)
		if err != nil || !won {
			w.t.Fatalf("claiming: %v, %v", won, err)
		}
		return w.house.Contacts.Add(w.t.Context(), tx, n, kind, address)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// dropContact takes a contact away, as another journey would.
func (w *town) dropContact(id string, kind contact.Kind) {
	w.t.Helper()
	n, _ := account.ReadID(id)
	w.exec(`DELETE FROM contact WHERE account_id = $1 AND kind = $2`, int64(n), string(kind))
	w.exec(`DELETE FROM contact_holder WHERE account_id = $1 AND kind = $2`, int64(n), string(kind))
}

// acts are the kinds of the account's audit, the oldest first.
func (w *town) acts(id string) (kinds []audit.Kind) {
	w.t.Helper()
	for _, e := range w.history(id) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (w *town) history(id string) []audit.Entry {
	w.t.Helper()
	n, _ := account.ReadID(id)
	list, err := w.house.Audit.List(w.t.Context(), w.db, n, time.Time{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

// rows counts what stands in every table, but for the acts told to owners.
func (w *town) rows() map[string]int {
	w.t.Helper()
	w.post.settle()
	out := map[string]int{}
	for table := range schema.Owners() {
		if table == "audit" || table == "courier_handover" {
			continue
		}
		var n int
		if err := w.db.QueryRow(w.t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		out[table] = n
	}
	return out
}

// sessions counts the sessions of everybody.
func (w *town) sessions() int { return w.rows()["session"] }

// said is all that a person sees of where the journey stands.
func (v *visit) said() string {
	v.t.Helper()
	t, err := v.runner.Show(v.t.Context(), v.visitor, v.handle)
	if err != nil {
		v.t.Fatal(err)
	}
	now, err := json.Marshal([]any{v.step, t.Step})
	if err != nil {
		v.t.Fatal(err)
	}
	if f := fault.From(v.err); f != nil {
		args, _ := json.Marshal(f.Args)
		return f.Code + " " + f.Field + " " + string(args) + " " + f.RetryAt.String() + " " + string(now)
	}
	return string(now)
}

func from(addr string) func(*flow.Visitor) {
	return func(v *flow.Visitor) { v.Addr = netip.MustParseAddr(addr) }
}

// owner is an account with everything: a phone, an e-mail, a password, a device.
type owner struct {
	id, phone, email, password, device string
}

const adaMail = "ada.lovelace@example.com"

func (w *town) owner() owner {
	w.t.Helper()
	o := owner{phone: ada, email: adaMail, password: "correct horse staple", device: strings.Repeat("o", 43)}
	o.id = w.signUp(o.phone, on(o.device)).Account.ID
	w.addContact(o.id, contact.Email, o.email)
	w.setPassword(o.id, o.password)
	w.later(time.Hour) // what was asked for so far is no longer in the way
	return o
}

func hasAct(t testing.TB, acts []audit.Kind, kind audit.Kind, want int) {
	t.Helper()
	n := 0
	for _, a := range acts {
		if a == kind {
			n++
		}
	}
	if n != want {
		t.Errorf("%d of %s in %v; want %d", n, kind, acts, want)
	}
}

// later moves the clock once everything that was posted has gone out: what is
// still on its way would find its lease or its life over.
func (w *town) later(d time.Duration) {
	w.t.Helper()
	w.post.settle()
	w.clock.Advance(d)
}
