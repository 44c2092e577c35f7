package providertest

import (
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	lab "github.com/selfsame-id/selfsame/lab/provider"
)

// hostile is a name that would break out of wherever it is put (S-50).
const hostile = "Eve\u202e\x00\r\n<script>alert(1)</script> & \"friends\" \ue000 a name that goes on and on and on"

func (c Case) pageSuccess(t *testing.T) {
	w := c.world(t, Patience)
	sign := func(person string) provider.Identity {
		t.Helper()
		a := w.attempt(c)
		back := w.visit(c, a, person, "allow")
		if back == nil {
			t.Fatalf("%s did not come back", person)
		}
		before := w.wire.sent()
		who, err := w.made.Exchange(t.Context(), a, back)
		if err != nil {
			t.Fatalf("Exchange for %s: %v", person, err)
		}
		w.checkSent("", before, c.Calls)
		return who
	}
	c.succeeds(w, sign)
}

func (c Case) nativeSuccess(t *testing.T) {
	w := c.world(t, Patience)
	c.Nameless = c.Nameless || c.NativeNameless
	sign := func(person string) provider.Identity {
		t.Helper()
		h := w.hand(person)
		before := w.wire.sent()
		who, err := w.native.Redeem(t.Context(), h)
		if err != nil {
			t.Fatalf("Redeem for %s: %v", person, err)
		}
		w.checkSent("", before, c.NativeCalls)
		return who
	}
	c.succeeds(w, sign)
}

// succeeds: one person has the same subjects each time, two people share none, and
// what a vendor says of them is only text.
func (c Case) succeeds(w *world, sign func(person string) provider.Identity) {
	t := w.t
	t.Helper()
	eve := w.vendor.Desk().Add(lab.Person{Name: hostile, Email: "eve@example.com"})
	owners := map[provider.Subject]string{}
	for _, person := range []string{"lilei", "ana", eve.ID, "sam"} {
		known, _ := w.vendor.Desk().Person(person)
		first, again := sign(person), sign(person)
		if diff := cmp.Diff(first.Subjects, again.Subjects); diff != "" {
			t.Errorf("S-42: %s comes again as another (-first +again):\n%s", person, diff)
		}
		if len(first.Subjects) == 0 {
			t.Errorf("S-42: %s has no subject", person)
		}
		scopes := map[string]bool{}
		for _, s := range first.Subjects {
			if owner, taken := owners[s]; taken && owner != person {
				t.Errorf("S-42: %s and %s are both %+v", owner, person, s)
			}
			owners[s] = person
			if !provider.CheckSubject(s.Value) || !provider.CheckSubject(s.Scope) || scopes[s.Scope] {
				t.Errorf("S-42: a subject of %s: %+v", person, s)
			}
			scopes[s.Scope] = true
			if s.Value == known.Email || s.Value == known.Name {
				t.Errorf("S-42: %s is known by %q", person, s.Value)
			}
		}
		checkName(t, first.Name, known.Name, c.Nameless)
		if first.EmailVerified && first.Email == "" {
			t.Errorf("S-44: an address that is not there was verified for %s", person)
		}
	}
	w.checkSecrets(c.Secrets)
}

// checkName: S-50, a name is one short line of text.
func checkName(t *testing.T, got, real string, nameless bool) {
	t.Helper()
	for _, r := range got {
		if unicode.IsControl(r) || r == '\u202e' || r == '\ue000' {
			t.Errorf("S-50: the name %+q", got)
		}
	}
	switch want := provider.CleanName(real); {
	case nameless && got != "":
		t.Errorf("the name %q from where none is", got)
	case !nameless && got != want:
		t.Errorf("S-50: the name is %q, want %q", got, want)
	}
}
