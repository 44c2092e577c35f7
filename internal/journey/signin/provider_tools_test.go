package signin_test

import (
	"context"
	"net/url"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Ada at a provider, with the address that her account here has too.
var adaThere = towntest.Somebody("g-ada", "Ada Lovelace", adaMail)

func surface(name string) func(*flow.Visitor) {
	return func(v *flow.Visitor) { v.Surface = name }
}

// provider begins a visit.
func (v *visit) provider(name string) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "provider", Provider: name})
}

// nonce is the one that the present step shows for a provider.
func (v *visit) nonce(name string) string {
	v.t.Helper()
	s, at := v.step.(step.Identify)
	if !at {
		v.t.Fatalf("at %s, which shows no nonce", v.step.StepType())
	}
	for _, p := range s.Providers {
		if p.Provider == name {
			return p.Nonce
		}
	}
	v.t.Fatalf("%s is not among %+v", name, s.Providers)
	return ""
}

// hands gives what an app got from a provider's SDK, as a token for the step's nonce.
func (v *visit) hands(at *towntest.Vendor, who provider.Identity) *visit {
	v.t.Helper()
	return v.give(flow.Input{Input: "provider", Provider: at.Name(), Token: at.Slip(who, v.nonce(at.Name()))})
}

// comes is a browser that goes to the provider and comes back with an answer.
func (v *visit) comes(answer url.Values) {
	v.t.Helper()
	out := towntest.GoesOut(v.t, v.house.Desk, v.step)
	if a, err := out.ComesBack(v.t, v.house.Desk, v.handle, v.visitor.Addr, answer); err != nil || a.Confirm != "" {
		v.t.Fatalf("it came back to %+v, %v", a, err)
	}
}

// visits goes to a provider as somebody, and comes back.
func (v *visit) visits(at *towntest.Vendor, who provider.Identity) *visit {
	v.t.Helper()
	v.provider(at.Name()).want(step.TypeRedirect, "")
	v.comes(url.Values{"code": {at.Slip(who, "")}})
	return v.do("check")
}

// linkTo links who somebody is at a provider to an account, as another journey would.
func (w *town) linkTo(id string, at *towntest.Vendor, who provider.Identity) {
	w.t.Helper()
	n, _ := account.ReadID(id)
	l := link.Link{Provider: at.Name(), Name: who.Name, Email: who.Email}
	for _, s := range who.Subjects {
		l.Subjects = append(l.Subjects, link.Subject{Scope: s.Scope, Value: s.Value})
	}
	err := w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error {
		if won, err := w.house.Links.Claim(w.t.Context(), tx, l.Provider, l.Subjects, n); err != nil || !won {
			w.t.Fatalf("claiming: %v, %v", won, err)
		}
		return w.house.Links.Add(w.t.Context(), tx, n, l)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// linked lists what is linked to an account: provider and first subject.
func (w *town) linked(id string) (out []string) {
	w.t.Helper()
	n, _ := account.ReadID(id)
	list, err := w.house.Links.List(w.t.Context(), w.db, n)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range list {
		out = append(out, l.Provider+" "+l.Subjects[0].Value)
	}
	return out
}

// unlink takes a link away, as another journey would.
func (w *town) unlink(id, name string) {
	w.t.Helper()
	n, _ := account.ReadID(id)
	err := w.db.InTx(w.t.Context(), func(tx *sqldb.Tx) error {
		_, err := w.house.Links.Remove(w.t.Context(), tx, n, name)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// proved are the methods that a session of a token rests on.
func (w *town) proved(token string) (out []string) {
	w.t.Helper()
	l, err := w.house.Sessions.Check(w.t.Context(), w.db, token)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range l.Proved {
		out = append(out, p.Method+p.Key)
	}
	return out
}

// contactsOf are the addresses of an account.
func (w *town) contactsOf(t testing.TB, id string) (out []string) {
	t.Helper()
	n, _ := account.ReadID(id)
	list, err := w.house.Contacts.List(context.WithoutCancel(t.Context()), w.db, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		out = append(out, c.Address)
	}
	slices.Sort(out)
	return out
}
