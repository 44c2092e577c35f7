package signin_test

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// takeover is one way in which what a provider says could touch an account that is
// there. The town has a victim: an account with phone, e-mail and password, to which
// Google's g-ada is linked. play answers the thief's visit where it ends; every
// account that was made on the way is the thief's or belongs to who is named in it.
type takeover struct {
	rule, what string
	play       func(w *town, o owner) *visit
}

// mallory is the thief at a provider, who there says to be Ada.
func mallory(subject string) provider.Identity {
	return towntest.Somebody(subject, "Ada Lovelace", adaMail)
}

// stranger begins as one at a provider, and must be asked whether there is an account.
func (w *town) stranger(at *towntest.Vendor, who provider.Identity) *visit {
	w.t.Helper()
	return w.begin("intl", from("198.51.100.66")).visits(at, who).want(step.TypeLinkOrCreate, "")
}

// creates takes the account of one's own.
func (v *visit) creates() *visit {
	v.t.Helper()
	v.do("create").want(step.TypeAddContact, "").do("skip").done()
	return v
}

var takeovers = []takeover{
	{"S-42", "the victim's e-mail, verified as the provider says, with another subject", func(w *town, o owner) *visit {
		return w.stranger(w.google, mallory("g-mallory")).creates()
	}},
	{"S-42", "the same, not verified", func(w *town, o owner) *visit {
		who := mallory("g-mallory")
		who.EmailVerified = false
		return w.stranger(w.google, who).creates()
	}},
	{"S-42", "the same by a relay of the provider", func(w *town, o owner) *visit {
		who := mallory("g-mallory")
		who.Relay = true
		return w.stranger(w.google, who).creates()
	}},
	{"S-42", "the victim's subject at another provider", func(w *town, o owner) *visit {
		return w.stranger(w.wechat, mallory("g-ada")).creates()
	}},
	{"S-42", "the victim's subject in another scope of the same provider", func(w *town, o owner) *visit {
		who := mallory("g-ada")
		who.Subjects[0].Scope = "openid:another"
		return w.stranger(w.google, who).creates()
	}},
	{"S-42", "scope and subject that read alike when they are written in one", func(w *town, o owner) *visit {
		who := mallory("ada")
		who.Subjects[0].Scope = "global g-"
		return w.stranger(w.google, who).creates()
	}},
	{"S-42", "the victim's subject in capitals", func(w *town, o owner) *visit {
		return w.stranger(w.google, mallory("G-ADA")).creates()
	}},
	{"S-42", "the victim's subject with a blank", func(w *town, o owner) *visit {
		return w.begin("intl").visits(w.google, mallory("g-ada ")).want(step.TypeIdentify, "provider_failed")
	}},
	{"S-42", "the victim's account ID, phone or e-mail as subject", func(w *town, o owner) *visit {
		w.stranger(w.google, mallory(o.id)).creates()
		w.stranger(w.google, mallory(o.phone)).creates()
		return w.stranger(w.google, mallory(o.email)).creates()
	}},
	{"S-42", "no subject at all", func(w *town, o owner) *visit {
		who := mallory("")
		who.Subjects = nil
		return w.begin("intl").visits(w.google, who).want(step.TypeIdentify, "provider_failed")
	}},
	{"S-42", "the address of one's own known account there is changed to the victim's (nOAuth)", func(w *town, o owner) *visit {
		first := w.stranger(w.google, towntest.Somebody("g-mallory", "Mallory", "mallory@example.net")).creates().done()
		w.later(time.Hour)
		v := w.begin("intl").visits(w.google, mallory("g-mallory")).want(step.TypeAddContact, "").do("skip")
		if v.done().Account.ID != first.Account.ID {
			w.t.Error("in another account than before")
		}
		return v
	}},
	{"S-43", "the hint is taken for the contact: it is asked for its code, which goes to the victim", func(w *town, o owner) *visit {
		v := w.stranger(w.google, mallory("g-mallory")).do("create").want(step.TypeAddContact, "")
		v.email(v.step.(step.AddContact).Hint).want(step.TypeCode, "")
		code := w.post.code(o.email)
		v.code(other(code)).want(step.TypeCode, "code_wrong")
		return v.code(code).want(step.TypeAddContact, "contact_in_use").do("skip") // not even with the code
	}},
	{"S-43", "linking, and the victim is named with a wrong password", func(w *town, o owner) *visit {
		v := w.stranger(w.google, mallory("g-mallory")).do("link").want(step.TypeIdentify, "")
		v.username(o.email).password("wrong").want(step.TypePassword, "credentials_invalid")
		return v
	}},
	{"S-43", "linking with the victim's password alone", func(w *town, o owner) *visit {
		v := w.stranger(w.google, mallory("g-mallory")).do("link")
		return v.username(o.email).password(o.password).want(step.TypeCode, "")
	}},
	{"S-43", "linking, the victim is named, and then one's own account is proved", func(w *town, o owner) *visit {
		w.signUp(bob)
		w.later(time.Hour)
		v := w.stranger(w.wechat, mallory("w-mallory")).do("link").username(o.id).want(step.TypePassword, "")
		v.do("back").want(step.TypeIdentify, "").phone(bob)
		return v.code(w.post.code(bob)).want(step.TypeAddContact, "").do("skip")
	}},
	{"S-43", "linking, one's own account is proved, and the victim is named in the middle", func(w *town, o owner) *visit {
		w.signUp(bob)
		w.later(time.Hour)
		v := w.stranger(w.wechat, mallory("w-mallory")).do("link").phone(bob)
		v.username(o.id).want(step.TypeCode, "journey_step")
		return v.code(w.post.code(bob)).want(step.TypeAddContact, "").do("skip")
	}},
	{"S-43", "linking, proved by a third-party account whose address is the victim's", func(w *town, o owner) *visit {
		return w.stranger(w.google, mallory("g-mallory")).do("link").visits(w.wechat, mallory("w-mallory")).want(step.TypeIdentify, "method_unavailable")
	}},
	{"S-43", "the victim's own third-party account proves the account of whoever holds it, and links nothing of others", func(w *town, o owner) *visit {
		w.stranger(w.google, mallory("g-mallory")).creates() // its own account now
		w.later(time.Hour)
		v := w.begin("intl").visits(w.wechat, mallory("w-mallory")).do("link").visits(w.google, mallory("g-mallory"))
		if at := v.step.StepType(); at == step.TypeAddContact {
			v.do("skip")
		}
		if got := w.linked(v.done().Account.ID); !slices.Contains(got, "wechat w-mallory") || !slices.Contains(got, "google g-mallory") {
			w.t.Errorf("linked %v", got)
		}
		return v
	}},
	{"S-44", "verified, with an address that only looks like the victim's", func(w *town, o owner) *visit {
		for i, address := range []string{strings.ToUpper(o.email), " " + o.email, "ada.lovelace+x@example.com", "ada.lovelace@example.com.", "ada.lovelace@EXAMPLE.com", "<" + o.email + ">"} {
			w.stranger(w.google, towntest.Somebody("g-like-"+string(rune('a'+i)), "", address)).creates()
		}
		return w.stranger(w.google, mallory("g-mallory")).creates()
	}},
	{"S-49", "the result of a visit is used twice", func(w *town, o owner) *visit {
		v := w.begin("intl").provider("google")
		v.comes(url.Values{"code": {w.google.Slip(mallory("g-mallory"), "")}})
		v.do("check").want(step.TypeLinkOrCreate, "").do("back").want(step.TypeIdentify, "")
		return v.do("check").want(step.TypeIdentify, "journey_step")
	}},
	{"S-49", "the result of the victim's visit is asked for by another journey", func(w *town, o owner) *visit {
		v := w.begin("intl", from("198.51.100.66")).provider("google").want(step.TypeRedirect, "")
		hers := w.begin("intl", on(o.device)).provider("google").want(step.TypeRedirect, "")
		hers.comes(url.Values{"code": {w.google.Slip(adaThere, "")}})
		return v.do("check").want(step.TypeRedirect, "")
	}},
	{"S-49", "the code of the victim is brought to another journey, by another browser", func(w *town, o owner) *visit {
		hers := w.begin("intl", on(o.device), surface("page")).provider("google").want(step.TypeRedirect, "")
		out := towntest.GoesOut(w.t, w.house.Desk, hers.step)
		out.Browser = strings.Repeat("A", 42) + "E"
		v := w.begin("intl", surface("page"))
		_, err := out.ComesBack(w.t, w.house.Desk, v.handle, v.visitor.Addr, url.Values{"code": {w.google.Slip(adaThere, "")}})
		if f := fault.From(err); f == nil || f.Args["reason"] != "other_browser" {
			w.t.Errorf("the callback says %v", err)
		}
		hers.do("check").want(step.TypeRedirect, "")
		return v
	}},
	{"S-45", "the victim is sent the address of the thief's journey in an app, and says that it was not her", func(w *town, o owner) *visit {
		v := w.begin("intl", from("198.51.100.66")).provider("google").want(step.TypeRedirect, "")
		out := towntest.GoesOut(w.t, w.house.Desk, v.step)
		a, err := out.ComesBack(w.t, w.house.Desk, flow.Handle{}, netip.MustParseAddr("203.0.113.9"), url.Values{"code": {w.google.Slip(adaThere, "")}})
		if err != nil || a.Confirm == "" {
			w.t.Fatalf("it counts without her word: %+v, %v", a, err)
		}
		v.do("check").want(step.TypeRedirect, "")
		if _, err := w.house.Desk.Confirm(w.t.Context(), a.Confirm, out.Browser, false); err != nil {
			w.t.Fatal(err)
		}
		return v.do("check").want(step.TypeIdentify, "provider_denied")
	}},
	{"S-45", "a token that another app, or another journey, got for the victim", func(w *town, o owner) *visit {
		hers := w.begin("intl", on(o.device))
		token := w.google.Slip(adaThere, hers.nonce("google"))
		return w.begin("intl").give(flow.Input{Input: "provider", Provider: "google", Token: token}).want(step.TypeIdentify, "provider_failed")
	}},
	{"S-48", "a token that nobody signed", func(w *town, o owner) *visit {
		return w.begin("intl").give(flow.Input{Input: "provider", Provider: "google", Token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJnLWFkYSJ9."}).want(step.TypeIdentify, "provider_failed")
	}},
	{"S-43", "what the victim unlinked opens her account no more", func(w *town, o owner) *visit {
		w.linkTo(o.id, w.wechat, towntest.Somebody("w-ada", "", adaMail))
		w.unlink(o.id, "wechat")
		return w.stranger(w.wechat, towntest.Somebody("w-ada", "", adaMail)).creates()
	}},
	{"pre-hijacking 1", "an account was made with the victim's other address before she came: it is not merged with hers", func(w *town, o owner) *visit {
		hers := towntest.Somebody("g-eve", "Eve", "eve@example.com")
		pending := w.begin("intl", from("198.51.100.66")).email("eve@example.com").want(step.TypeCode, "") // as far as it goes without her mailbox
		eve := w.stranger(w.google, hers).creates().done()
		if got := w.contactsOf(w.t, eve.Account.ID); len(got) != 0 {
			w.t.Errorf("she has %v", got)
		}
		return pending
	}},
	{"pre-hijacking 2", "a session of the thief's account outlives her first sign-in, and is of his account", func(w *town, o owner) *visit {
		thief := w.begin("intl", from("198.51.100.66")).phone(bob)
		d := thief.code(w.post.code(bob)).done()
		eve := w.stranger(w.google, towntest.Somebody("g-eve", "Eve", "eve@example.com")).creates().done()
		l, err := w.house.Sessions.Check(w.t.Context(), w.db, d.Session.Token)
		if err != nil || l.AccountID.String() == eve.Account.ID {
			w.t.Errorf("the thief's session is %+v, %v", l, err)
		}
		return thief
	}},
	{"pre-hijacking 3", "the thief leaves his third-party account on an account that she takes over: it is hers to see, and alone opens nothing new for him", func(w *town, o owner) *visit {
		n, _ := account.ReadID(o.id)
		w.linkTo(o.id, w.wechat, towntest.Somebody("w-mallory", "", "")) // he was at her phone for a minute
		w.later(time.Hour)
		v := w.begin("intl", from("198.51.100.66")).visits(w.wechat, towntest.Somebody("w-mallory", "", "")).want(step.TypeChooseMethod, "")
		if who, err := w.house.Accounts.Load(w.t.Context(), w.db, n); err != nil || who.State != account.Active {
			w.t.Errorf("%v, %v", who.State, err)
		}
		w.unlink(o.id, "wechat")
		return v
	}},
	{"pre-hijacking 4", "the thief asked for her address before she had an account, and has the code page open still", func(w *town, o owner) *visit {
		thief := w.stranger(w.google, mallory("g-mallory")).do("create").email("eve@example.com").want(step.TypeCode, "")
		thiefs := w.post.code("eve@example.com")
		w.later(2 * time.Minute)
		eve := w.begin("intl").visits(w.google, towntest.Somebody("g-eve", "Eve", "eve@example.com")).do("create").email("eve@example.com").want(step.TypeCode, "")
		eve.code(w.post.code("eve@example.com")).done()
		thief.code(thiefs).want(step.TypeAddContact, "contact_in_use") // were it read over her shoulder
		return thief.do("skip")
	}},
	{"pre-hijacking 5", "a careless provider says the victim's address of whoever asks", func(w *town, o owner) *visit {
		return w.stranger(w.wechat, towntest.Somebody("w-careless", "Ada", o.email)).creates()
	}},
}

// TestTakeover plays every row and holds the victim's account against what it was:
// nobody is in it, nothing is on it, nothing is off it.
func TestTakeover(t *testing.T) {
	for _, tt := range takeovers {
		t.Run(strings.ReplaceAll(tt.rule+": "+tt.what, "/", " "), func(t *testing.T) {
			each(t, func(w *town) {
				o := w.owner()
				w.linkTo(o.id, w.google, adaThere)
				w.later(80 * time.Hour)
				before := w.estate(o.id)
				v := tt.play(w, o)
				if d, in := v.step.(step.Done); in && d.Account.ID == o.id {
					t.Error("the thief is in the victim's account")
				}
				if after := w.estate(o.id); !maps.Equal(before, after) {
					t.Errorf("the victim's account was\n%v\nand is\n%v", before, after)
				}
				for _, address := range []string{o.phone, o.email} {
					kind := contact.Phone
					if strings.Contains(address, "@") {
						kind = contact.Email
					}
					if id, err := w.house.Contacts.Holder(t.Context(), w.db, kind, address); err != nil || id.String() != o.id {
						t.Errorf("her %s leads to %v, %v", kind, id, err)
					}
				}
				// And she gets in as ever.
				if d := w.begin("intl", on(o.device)).visits(w.google, adaThere).done(); d.Account.ID != o.id {
					t.Errorf("she is in %s", d.Account.ID)
				}
			})
		})
	}
}

// estate is what an account has: contacts, links, password, sessions and their proofs.
func (w *town) estate(id string) map[string]string {
	w.t.Helper()
	n, _ := account.ReadID(id)
	out := map[string]string{"contacts": strings.Join(w.contactsOf(w.t, id), " "), "links": strings.Join(w.linked(id), " ")}
	password, err := w.house.Passwords.Load(w.t.Context(), w.db, n)
	if err != nil {
		w.t.Fatal(err)
	}
	out["password"] = password.SetAt().String()
	who, err := w.house.Accounts.Load(w.t.Context(), w.db, n)
	if err != nil {
		w.t.Fatal(err)
	}
	out["name"] = who.Nickname
	list, err := w.house.Sessions.Devices(w.t.Context(), w.db, n)
	if err != nil {
		w.t.Fatal(err)
	}
	out["devices"] = strings.Join(slices.Sorted(maps.Keys(list)), " ")
	return out
}
