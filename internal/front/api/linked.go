package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type linkedBrief struct {
	Provider string    `json:"provider" doc:"wechat, weibo, qq, alipay, apple, google, facebook, or one of the operator's."`
	Name     string    `json:"name,omitempty" doc:"As the provider calls the person."`
	LinkedAt time.Time `json:"linked_at"`
}

type linkedView struct {
	Provider  string    `json:"provider"`
	Name      string    `json:"name,omitempty" doc:"As the provider calls the person."`
	LinkedAt  time.Time `json:"linked_at"`
	UsedAt    time.Time `json:"used_at" doc:"The last sign-in or proof by it."`
	State     string    `json:"state" enum:"on,suspended" doc:"suspended: the provider disabled the account there, so it opens nothing until it is enabled again."`
	Removable bool      `json:"removable" doc:"Whether it can be removed, after a proof."`
	Reason    string    `json:"reason,omitempty" enum:"last_way_in,last_second_step" doc:"Why it cannot."`
}

type linkableView struct {
	Provider string `json:"provider"`
	Linkable bool   `json:"linkable" doc:"Whether an account there can be linked, after a proof."`
	Reason   string `json:"reason,omitempty" enum:"linked_already,provider_not_offered" doc:"Why none can. That one is linked elsewhere shows only once it was signed in to: linked_elsewhere."`
}

type linkedListView struct {
	Linked    []linkedView   `json:"linked" doc:"The oldest first."`
	Providers []linkableView `json:"providers" doc:"Those that the account's region offers to apps in the operator's order, then the others of this server."`
}

type linkedHandle struct {
	Provider string `path:"provider" maxLength:"64" doc:"The provider's name."`
}

func (a *api) linked() {
	const tag, path = "Linked accounts", "/api/v1/linked"
	if a.Linking == nil { // no third-party accounts here
		return
	}
	ask(a, call{id: "list-linked", method: http.MethodGet, path: path, tag: tag, session: true,
		summary: "The accounts at third-party providers that open this one", examples: linkedExamples}, a.listLinked)
	ask(a, call{id: "link", method: http.MethodPost, path: path + "/{provider}", tag: tag, session: true, status: http.StatusCreated,
		summary: "Begin to link an account",
		about: "Begins the journey link, which goes on like any other, in the session that began it. Where the session has not proved enough for link just now, the account is proved first. " +
			"The step redirect then leads to the provider, or takes what the provider's SDK gave to the app for the nonce that it shows. " +
			"Where another account has that link, linked_elsewhere comes with the step confirm: the link moves here once that account is proved too. Every contact of each account is told.",
		repeat:  "Begins another journey; the first one ends by itself and had no effect.",
		refuses: []*fault.Fault{federation.ProviderNotOffered, federation.LinkedAlready, fault.RateLimited}, examples: linkExamples}, a.link)
	do(a, call{id: "unlink", method: http.MethodDelete, path: path + "/{provider}", tag: tag, session: true,
		summary: "Remove a linked account",
		about:   "Needs a proof for unlink. Sessions that it alone opened end at once on every node, every contact of the account is told, and the permission is given back at the provider where it has a way for that.",
		repeat:  "Answers not_found: it is gone.",
		refuses: []*fault.Fault{session.ProofRequired, fault.NotFound, proof.LastWayIn, proof.LastSecondStep, fault.RateLimited}},
		func(ctx context.Context, l *session.Live, in *linkedHandle) error {
			return a.Linking.Unlink(ctx, l, in.Provider)
		})
}

func (a *api) listLinked(ctx context.Context, l *session.Live, _ *none) (*linkedListView, error) {
	o, err := a.Linking.Overview(ctx, l, "app")
	if err != nil {
		return nil, err
	}
	v := &linkedListView{[]linkedView{}, []linkableView{}}
	for _, x := range o.Linked {
		one := linkedView{x.Provider, x.Name, x.LinkedAt, x.UsedAt, "on", x.Kept == nil, ""}
		if !x.SuspendedAt.IsZero() {
			one.State = "suspended"
		}
		if x.Kept != nil {
			one.Reason = x.Kept.Code
		}
		v.Linked = append(v.Linked, one)
	}
	for _, c := range o.Choices {
		one := linkableView{c.Provider, c.Refused == nil, ""}
		if c.Refused != nil {
			one.Reason = c.Refused.Code
		}
		v.Providers = append(v.Providers, one)
	}
	return v, nil
}

func (a *api) link(ctx context.Context, _ *session.Live, in *linkedHandle) (*journeyView, error) {
	v, err := a.visitor(ctx, nil)
	if err != nil {
		return nil, err
	}
	v.Surface = "app"
	t, err := a.Runner.Begin(ctx, v, flow.Begin{Kind: linking.Kind, For: in.Provider})
	return out(ctx, t, err)
}

// ownLinked are the links of an account in brief.
func (a *api) ownLinked(ctx context.Context, l *session.Live) ([]linkedBrief, error) {
	v := []linkedBrief{}
	if a.Linking == nil {
		return v, nil
	}
	list, err := a.Linking.List(ctx, l)
	for _, x := range list {
		v = append(v, linkedBrief{x.Provider, x.Name, x.LinkedAt})
	}
	return v, err
}

var (
	linkedExamples = []example{{name: "linked", answer: `{"linked":[{"provider":"apple","name":"Lin","linked_at":"2026-11-22T10:01:00Z","used_at":"2026-11-22T10:01:00Z","state":"on","removable":true}],` +
		`"providers":[{"provider":"google","linkable":true},{"provider":"apple","linkable":false,"reason":"linked_already"},{"provider":"wechat","linkable":false,"reason":"provider_not_offered"}]}`}}
	linkExamples = []example{{name: "google", summary: "Proved enough: to the provider",
		answer: `{"id":"` + exampleID + `","key":"` + exampleKey + `","kind":"link","expires_at":"2026-11-22T10:30:00Z","step":{"type":"redirect","inputs":["check","provider"],"provider":"google",` +
			`"url":"https://id.example.com/federation/go/mC1pB0x3Yk4v7uH2sQ9tJ6nW8rE5aZ0fLdGiOoTyKxU","expires_at":"2026-11-22T10:10:00Z",` +
			`"providers":[{"provider":"google","nonce":"w9Vb3Xz7Kq1Lm5Np8Rt2Yc4Uf6Hj0Gs9Da1Eo3Ik5Pw","takes":["token"]}]}}`}}
)
