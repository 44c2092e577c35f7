package pages

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
)

// withProviders is the first step of a region that offers these.
func withProviders(kind, refusal, linking string, names ...string) func(s *stage) (view, error) {
	return func(s *stage) (view, error) {
		inputs := append([]string{"provider"}, bothInputs...)
		if linking != "" {
			inputs = append(inputs, "back")
		}
		present := step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: inputs}, Country: "CN", Link: linking}
		for _, name := range names {
			present.Providers = append(present.Providers, step.Provider{Provider: name})
		}
		if refusal == "" {
			return s.play(kind, present, nil, "", nil)
		}
		return s.play(kind, present, nil, "", s.declared(refusal))
	}
}

// federationStories are the way to a provider and back.
func federationStories() []story {
	head := func(t step.Type, inputs ...string) step.Head { return step.Head{Type: t, Inputs: inputs} }
	away := func(query string, why ...string) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			s.r = s.r.Clone(s.r.Context())
			s.r.URL.RawQuery = query
			return s.play("signin", step.Redirect{Head: head(step.TypeRedirect, "check", "back", "other_way"), Provider: "wechat",
				URL: "https://account.example.com" + goPath + "sample", ExpiresAt: s.f.now.Add(9 * time.Minute), Why: why}, nil, "", nil)
		}
	}
	first := func(provider, name string, inputs ...string) func(s *stage) (view, error) {
		return proving("signin", func(*stage) step.Step {
			return step.LinkOrCreate{Head: head(step.TypeLinkOrCreate, inputs...), Provider: provider, Name: name}
		}, "", "")
	}
	all := []story{
		{name: "federation.signin_intl", make: withProviders("signin", "", "", "google", "facebook", "apple")},
		{name: "federation.signin_cn", make: withProviders("signin", "", "", "wechat", "weibo", "qq", "alipay", "apple")},
		{name: "federation.signup", make: withProviders("signup", "", "", "wechat", "weibo", "qq", "alipay", "apple", "google", "facebook")},
		{name: "federation.denied", status: 403, make: withProviders("signin", "provider_denied", "", "google", "facebook", "apple")},
		{name: "federation.linking", make: withProviders("signin", "", "google", "google", "facebook", "apple")},
		{name: "federation.redirect", make: away("")},
		{name: "federation.redirect_waiting", make: away("waiting=1", "new_device")},
		{name: "federation.redirect_choice", make: func(s *stage) (view, error) {
			return s.play("change_phone", step.Redirect{Head: head(step.TypeRedirect, "check", "provider", "other_way"), Provider: "google", URL: goPath + "sample",
				ExpiresAt: s.f.now.Add(9 * time.Minute), Providers: []step.Provider{{Provider: "google"}, {Provider: "apple"}}, Why: []string{"two_kinds"}}, nil, "", nil)
		}},
		{name: "federation.redirect_again", status: 403, make: proving("link", func(*stage) step.Step {
			return step.Identify{Head: head(step.TypeIdentify, "provider"), Providers: []step.Provider{{Provider: "google"}}}
		}, "provider_denied", "")},
		{name: "federation.move", status: 409, make: proving("link", func(*stage) step.Step {
			return step.Confirm{Head: head(step.TypeConfirm, "confirm", "back"), Action: "move_link",
				Effects: []step.Effect{{Effect: "link_proved"}, {Effect: "link_leaves"}, {Effect: "link_comes"}, {Effect: "link_told"}}}
		}, "linked_elsewhere", "")},
		{name: "federation.link_or_create", make: first("google", "Lin Yue", "link", "create", "back")},
		{name: "federation.link_or_create_nameless", make: first("qq", "", "link", "create", "back")},
		{name: "federation.link_only", make: first("apple", "Lin Yue", "link", "back")},
		{name: "federation.add_contact", make: proving("signin", func(*stage) step.Step {
			return step.AddContact{Head: head(step.TypeAddContact, "email", "skip"), Kind: "email", Hint: "lin.yue@example.com"}
		}, "", "")},
	}
	return append(all, doorStories()...)
}

// doorStories are what stands at the way itself, outside any journey.
func doorStories() []story {
	deleted := func(result string) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			return s.deletionView(s.f, linking.Deletion{Provider: "facebook", Result: result, At: s.f.now.Add(-50 * time.Hour)}), nil
		}
	}
	failed := func(reason string) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			return s.errorView(s.f, s.failure(federation.ProviderFailed.With("provider", "apple").With("reason", reason)), "/"), nil
		}
	}
	all := []story{
		{name: "federation.confirm", make: func(s *stage) (view, error) {
			return s.confirmArrivalView(s.f, federation.Arrival{Confirm: "sample", Provider: "google", Device: "Pixel 9", Place: "Shanghai, China"}), nil
		}},
		{name: "federation.confirm_unknown", make: func(s *stage) (view, error) {
			return s.confirmArrivalView(s.f, federation.Arrival{Confirm: "sample", Provider: "wechat"}), nil
		}},
		{name: "federation.back", make: func(s *stage) (view, error) { return s.backAtAppView(s.f, "google", false), nil }},
		{name: "federation.back_unknown", make: func(s *stage) (view, error) { return s.backAtAppView(s.f, "<b>", false), nil }},
		{name: "federation.deleted", make: deleted("deleted")},
		{name: "federation.deletion_kept", make: deleted("kept")},
		{name: "federation.deletion_nothing", make: deleted("nothing")},
		{name: "federation.stopped", make: func(s *stage) (view, error) { return s.backAtAppView(s.f, "", true), nil }},
	}
	for _, reason := range []string{"timeout", "unavailable", "expired", "refused", "replayed", "state_unknown", "state_used", "other_browser", "other_provider", "other_account"} {
		all = append(all, story{name: "federation.failed_" + reason, status: 502, make: failed(reason)})
	}
	return all
}

func (s *stage) sampleLinked() []link.Link {
	ago := func(d time.Duration) time.Time { return s.f.now.Add(-d) }
	return []link.Link{
		{Provider: "wechat", Name: "Lin Yue", LinkedAt: ago(300 * 24 * time.Hour), UsedAt: ago(3 * time.Hour)},
		{Provider: "google", LinkedAt: ago(60 * 24 * time.Hour), UsedAt: ago(20 * 24 * time.Hour), SuspendedAt: ago(24 * time.Hour)},
	}
}

// linkedStories are the pages of linked accounts.
func linkedStories() []story {
	in := func(make func(s *stage) view) func(s *stage) (view, error) {
		return func(s *stage) (view, error) { s.signIn(); return make(s), nil }
	}
	cn := []string{"wechat", "weibo", "qq", "alipay", "apple"}
	refused := func(code string) func(s *stage) (view, error) {
		return in(func(s *stage) view { s.refuse(s.declared(code)); return s.linkedView(s.f, s.sampleLinked(), cn) })
	}
	return []story{
		{name: "linked.list", make: in(func(s *stage) view { return s.linkedView(s.f, s.sampleLinked(), cn) })},
		{name: "linked.none", make: in(func(s *stage) view {
			s.f.Notice = s.f.T("page.notice.unlinked")
			return s.linkedView(s.f, nil, []string{"google", "facebook", "apple"})
		})},
		{name: "linked.elsewhere", status: 409, make: refused("linked_elsewhere")},
		{name: "linked.already", status: 409, make: refused("linked_already")},
		{name: "linked.one", make: in(func(s *stage) view { return s.oneLinkedView(s.f, s.sampleLinked()[0]) })},
		{name: "linked.last_way_in", status: 409, make: in(func(s *stage) view {
			s.f.Fault = s.f.refusal(s.failure(s.declared("last_way_in")), s.f.unlinkWays("last_way_in")...)
			return s.oneLinkedView(s.f, s.sampleLinked()[0])
		})},
	}
}
