package federation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// What is offered is what the region names and the operator has configured, in the
// region's order; where an app may hand something over, with a nonce.
func TestOffered(t *testing.T) {
	each(t, func(o *office) {
		for surface, want := range map[string][]string{"page": {"google", "apple"}, "app": {"apple", "google"}, "setup": nil, "": nil} {
			if diff := cmp.Diff(want, o.Offered("intl", surface)); diff != "" {
				o.t.Errorf("%s: %s", surface, diff)
			}
		}
		if o.Offered("nowhere", "page") != nil || !o.Knows("intl", "apple") || o.Knows("intl", "weibo") || o.Offers("intl", "setup", "apple") {
			o.t.Error("a region that there is not, or a provider without credentials, is offered")
		}
		now := o.DB.Now()
		want := []step.Provider{{Provider: "apple", Nonce: "n", Takes: []string{"token"}}, {Provider: "google", Nonce: "n", Takes: []string{"token", "code"}}}
		if diff := cmp.Diff(want, o.Choices("intl", "app", "n", now)); diff != "" {
			o.t.Error(diff)
		}
		if diff := cmp.Diff([]step.Provider{{Provider: "google"}, {Provider: "apple"}}, o.Choices("intl", "page", "n", now)); diff != "" {
			o.t.Errorf("a page is given what is for apps: %s", diff)
		}
		o.Providers = provider.NewBook(preparing{o.google}, plain{o.apple})
		want = []step.Provider{{Provider: "apple"}, {Provider: "google", Nonce: "n", Takes: []string{"token", "code"}, Prepared: "login?n"}}
		if diff := cmp.Diff(want, o.Choices("intl", "app", "n", now)); diff != "" {
			o.t.Error(diff)
		}
		o.Providers = provider.NewBook(placed{o.google, provider.App}, o.apple)
		if page, app := o.Offered("intl", "page"), o.Offered("intl", "app"); len(page) != 1 || page[0] != "apple" || len(app) != 2 || !o.Knows("intl", "google") {
			o.t.Errorf("a provider without credentials for pages is offered at %v and %v", page, app)
		}
		o.Providers = provider.NewBook(preparing{o.google}, plain{o.apple})
		o.google.err = errors.New("no key")
		if diff := cmp.Diff(step.Provider{Provider: "google"}, o.Choice("app", "google", "n", now)); diff != "" {
			o.t.Errorf("what cannot be prepared is offered: %s", diff)
		}
		if a, b := o.Fresh(), o.Fresh(); a == b || len(a) != 43 {
			o.t.Errorf("%q and %q", a, b)
		}
	})
}

// placed is a provider with credentials for one surface only.
type placed struct {
	provider.Provider
	at provider.Surface
}

func (p placed) Offers(s provider.Surface) bool { return s == p.at }

func TestRedeem(t *testing.T) {
	each(t, func(o *office) {
		o.Providers = provider.NewBook(o.google, o.apple, plain{&vendor{name: "weibo", takes: provider.Takes{Token: true}}})
		for _, tt := range []struct {
			h    federation.Handed
			want string
		}{
			{federation.Handed{Provider: "google", Token: "t", Nonce: "n"}, ""},
			{federation.Handed{Provider: "google", Code: "c", Nonce: "n"}, ""},
			{federation.Handed{Provider: "google", Token: "t"}, "invalid_input"},
			{federation.Handed{Provider: "google", Nonce: "n"}, "invalid_input"},
			{federation.Handed{Provider: "google", Token: "t", Code: "c", Nonce: "n"}, "invalid_input"},
			{federation.Handed{Provider: "apple", Code: "c", Nonce: "n"}, "invalid_input"},
			{federation.Handed{Provider: "weibo", Token: "t", Nonce: "n"}, "invalid_input"},
			{federation.Handed{Provider: "", Token: "t", Nonce: "n"}, "provider_not_offered"},
		} {
			who, err := o.Redeem(o.t.Context(), tt.h)
			if why(err) != tt.want || err == nil && who.Subjects[0].Value != "1" {
				o.t.Errorf("%+v: %+v, %v", tt.h, who, err)
			}
		}
		if diff := cmp.Diff([]provider.Handed{{Token: "t", Nonce: "n"}, {Code: "c", Nonce: "n"}}, o.google.handed); diff != "" {
			o.t.Error(diff)
		}
	})
}

// TestS049_SeenOnce: what an app handed over counts once, for as long as it could be good, in whatever
// journey; nothing of it is kept.
func TestS049_SeenOnce(t *testing.T) {
	each(t, func(o *office) {
		h := federation.Handed{Provider: "qq", Token: "a token of a person"}
		seen := func(h federation.Handed) (first bool) {
			o.tx(func(ctx context.Context, tx *sqldb.Tx) (err error) {
				before := tx.Writes()
				first, err = o.Seen(ctx, tx, h.Text(), h.Until(tx.Now()))
				if !first && tx.Writes() != before {
					o.t.Error("a refusal has written")
				}
				return err
			})
			return first
		}
		if !seen(h) || seen(h) || !seen(federation.Handed{Provider: "weibo", Token: h.Token}) || !seen(federation.Handed{Provider: "qq", Token: h.Token + "."}) {
			o.t.Error("it is told apart wrongly")
		}
		if bound := (federation.Handed{Provider: "google", Token: "eyJh.eyJz.c2ln"}); !bound.Until(o.clock.Now()).Equal(o.clock.Now().Add(24 * time.Hour)) {
			o.t.Error("what is bound to a nonce is remembered longer than it needs")
		}
		o.clock.Advance(100*24*time.Hour - time.Second)
		for _, want := range []bool{false, true} {
			if err := o.Sweep(o.t.Context()); err != nil {
				o.t.Fatal(err)
			}
			if seen(h) != want {
				o.t.Errorf("after %s: want %v", o.DB.Now(), want)
			}
			o.clock.Advance(2 * time.Second)
		}
	})
}

// TestS050_WhatAProviderSays: an identity is read as if an attacker had written it.
func TestS050_WhatAProviderSays(t *testing.T) {
	one := []provider.Subject{{Scope: "global", Value: "1"}}
	each(t, func(o *office) {
		for name, tt := range map[string]struct {
			who  provider.Identity
			want *federation.Person // nil: provider_failed refused
		}{
			"a script for a name": {provider.Identity{Subjects: one, Name: "<script>\u202ealert(1)\x00\r\n  Ada"}, &federation.Person{Name: "<script>alert(1) Ada"}},
			"a name of 10 KiB":    {provider.Identity{Subjects: one, Name: strings.Repeat("李", 10<<10)}, &federation.Person{Name: strings.Repeat("李", 40)}},
			"an e-mail":           {provider.Identity{Subjects: one, Email: " Ada@Example.com"}, &federation.Person{Email: "Ada@example.com"}},
			"no e-mail":           {provider.Identity{Subjects: one, Email: "ada@example.com, eve@example.com", EmailVerified: true}, &federation.Person{}},
			"a grant": {provider.Identity{Subjects: one, Grant: provider.Grant{Token: "r", Client: "app"}},
				&federation.Person{Grant: []byte(`{"token":"r","client":"app"}`)}},
			"nobody":                      {provider.Identity{Name: "Ada"}, nil},
			"an empty subject":            {provider.Identity{Subjects: []provider.Subject{{Scope: "global"}}}, nil},
			"no scope":                    {provider.Identity{Subjects: []provider.Subject{{Value: "1"}}}, nil},
			"a subject of 10 KiB":         {provider.Identity{Subjects: []provider.Subject{{Scope: "global", Value: strings.Repeat("1", 10<<10)}}}, nil},
			"256 bytes":                   {provider.Identity{Subjects: []provider.Subject{{Scope: "global", Value: strings.Repeat("1", 256)}}}, nil},
			"a control character":         {provider.Identity{Subjects: []provider.Subject{{Scope: "global", Value: "1\x00"}}}, nil},
			"a second that is no subject": {provider.Identity{Subjects: []provider.Subject{one[0], {Scope: "team", Value: "李雷"}}}, nil},
			"nine subjects":               {provider.Identity{Subjects: slicesOf(9)}, nil},
			"eight":                       {provider.Identity{Subjects: slicesOf(8)}, &federation.Person{}},
		} {
			o.google.who = tt.who
			who, err := o.Redeem(o.t.Context(), federation.Handed{Provider: "google", Token: "t", Nonce: "n"})
			if tt.want == nil {
				if why(err) != "provider_failed refused" {
					o.t.Errorf("%s: %+v, %v", name, who, err)
				}
				continue
			}
			for _, s := range tt.who.Subjects {
				tt.want.Subjects = append(tt.want.Subjects, link.Subject{Scope: s.Scope, Value: s.Value})
			}
			tt.want.Provider, tt.want.At = "google", o.DB.Now()
			if diff := cmp.Diff(tt.want, who); err != nil || diff != "" {
				o.t.Errorf("%s: %v, %s", name, err, diff)
			}
		}
	})
}

func slicesOf(n int) (out []provider.Subject) {
	for i := range n {
		out = append(out, provider.Subject{Scope: fmt.Sprint("app:", i), Value: "1"})
	}
	return out
}

// TestS054_FailuresInOurWords: whatever a provider does, people read a sentence of
// ours; its own text is nowhere in it.
func TestS054_FailuresInOurWords(t *testing.T) {
	each(t, func(o *office) {
		var heard []error
		o.Observe = func(_ context.Context, name string, err error) { heard = append(heard, err) }
		again := o.DB.Now().Add(time.Minute)
		limited := provider.Fail(provider.RateLimited, "45011")
		limited.RetryAt = again
		for _, tt := range []struct {
			err  error
			want string
		}{
			{provider.Fail(provider.Denied, "access_denied"), "provider_denied"},
			{provider.Fail(provider.InvalidCode, "40029"), "provider_failed refused"},
			{provider.Fail(provider.Expired, ""), "provider_failed expired"},
			{provider.Fail(provider.Replayed, ""), "provider_failed replayed"},
			{provider.Fail(provider.Config, "40125"), "provider_failed unavailable"},
			{limited, "provider_failed unavailable"},
			{provider.Fail(provider.Temporary, ""), "provider_failed unavailable"},
			{provider.Fail(provider.Temporary, "").Because(context.DeadlineExceeded), "provider_failed timeout"},
			{provider.Fail(provider.Malformed, ""), "provider_failed refused"},
			{provider.Fail(provider.Untrusted, "aud"), "provider_failed refused"},
			{errors.New("<html>secret=1</html>"), "provider_failed unavailable"},
		} {
			o.google.err = tt.err
			w := o.leaves("app", "google")
			if _, err := w.arrives(w.with("code", "c")); err != nil {
				o.t.Fatal(err)
			}
			_, err := w.ends()
			f := fault.From(err)
			if why(err) != tt.want || !errors.Is(err, tt.err) {
				o.t.Errorf("%v: %v", tt.err, err)
			}
			if f.Args["provider"] != "google" || strings.Contains(mustJSON(o.t, f.Args), "secret") || f.RetryAt.Equal(again) != (tt.err == limited) {
				o.t.Errorf("%v: people are told %v, %v", tt.err, f.Args, f.RetryAt)
			}
			if heard[len(heard)-1] != tt.err {
				o.t.Errorf("heard was %v", heard)
			}
		}
	})
}

// One network has us ask providers so often and no more; what came back is still
// there when it may again.
func TestExchangesAreBounded(t *testing.T) {
	each(t, func(o *office) {
		charge := func(v flow.Visitor) (refused error) {
			o.tx(func(ctx context.Context, tx *sqldb.Tx) error {
				if refused = o.Charge(ctx, tx, v); fault.From(refused) == nil {
					return refused
				}
				return nil
			})
			return refused
		}
		w := o.leaves("app", "google")
		if _, err := w.arrives(w.with("code", "c")); err != nil {
			o.t.Fatal(err)
		}
		for i := range 60 {
			if err := charge(flow.Visitor{Addr: o.mine}); err != nil {
				o.t.Fatalf("the %dth: %v", i+1, err)
			}
		}
		if err := charge(flow.Visitor{Addr: o.mine}); why(err) != "rate_limited" {
			o.t.Errorf("one more: %v", err)
		}
		if err := charge(flow.Visitor{Addr: o.faraway}); err != nil {
			o.t.Errorf("another network: %v", err)
		}
		if _, err := w.ends(); why(err) != "rate_limited" {
			o.t.Errorf("a visit: %v", err)
		}
		o.clock.Advance(time.Minute)
		if who, err := w.ends(); err != nil || who == nil {
			o.t.Errorf("a minute later: %v, %v", who, err)
		}
	})
}
