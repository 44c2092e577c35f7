package region_test

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

func TestBook(t *testing.T) {
	b := region.New(region.Region{Name: "intl", SignUp: []string{"phone", "email"}}, region.Region{Name: "cn", SignUp: []string{"phone"}})
	for name, want := range map[string]string{"": "intl", "intl": "intl", "cn": "cn"} {
		if r, err := b.Get(name); err != nil || r.Name != want {
			t.Errorf("%q: %s, %v; want %s", name, r.Name, err, want)
		}
	}
	for _, name := range []string{"CN", "atlantis", "cn\x00", " "} {
		if _, err := b.Get(name); !fault.InvalidInput.Is(err) || fault.From(err).Field != "region" {
			t.Errorf("%q: %v; want invalid_input on region", name, err)
		}
	}
	cn, _ := b.Get("cn")
	if !cn.MaySignUp("phone") || cn.MaySignUp("email") || cn.MaySignUp("") {
		t.Error("cn signs up by phone only")
	}
	if len(b.All()) != 2 || b.All()[0].Name != "intl" {
		t.Errorf("all: %+v", b.All())
	}
}
