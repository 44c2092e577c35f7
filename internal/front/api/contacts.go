package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type changeView struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind" enum:"replace_phone,replace_email,dispute_phone,dispute_email,claim_phone,claim_email,recover,unfreeze,sign_in" doc:"What waits. replace: a change without the old contact. dispute: somebody else showed that a contact of this account is theirs. claim: this account asked for a contact of another."`
	Contact string    `json:"contact,omitempty" doc:"The masked contact that is to come or, of a dispute, to go."`
	BegunAt time.Time `json:"begun_at"`
	ReadyAt time.Time `json:"ready_at" doc:"When it happens, unless it is stopped."`
}

type changesView struct {
	Changes []changeView `json:"changes" doc:"The newest first."`
}

type changeHandle struct {
	ID string `path:"id" doc:"The change's id."`
}

type objectionBody struct {
	Token string `json:"token" maxLength:"200" doc:"What stands in the link of the notice."`
}

type objectionView struct {
	Kind   string    `json:"kind" doc:"What was objected to, such as change_phone."`
	Before string    `json:"before,omitempty" doc:"The masked contact that is the account's again, or stays it."`
	After  string    `json:"after,omitempty" doc:"The masked contact that left the account, or does not come to it."`
	Frozen bool      `json:"frozen" doc:"Whether the account is frozen now."`
	At     time.Time `json:"at" doc:"When what was objected to was begun."`
}

func (a *api) contactChanges() {
	const tag = "Contacts"
	ask(a, call{id: "list-changes", method: http.MethodGet, path: "/api/v1/account/changes", tag: tag, session: true,
		summary:  "What waits to happen to the account",
		about:    "Changes of contacts without the old one, disputes over contacts in both directions, and waits before a recovery. The journeys change_phone, change_email, remove_phone, remove_email, dispute_phone and dispute_email begin the former.",
		examples: changesExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*changesView, error) {
			list, err := a.Contacts.Waiting(ctx, l)
			v := &changesView{Changes: []changeView{}}
			for _, p := range list {
				v.Changes = append(v.Changes, changeView{p.ID, string(p.Kind), p.Shown, p.BegunAt, p.ReadyAt})
			}
			return v, err
		})
	do(a, call{id: "withdraw-change", method: http.MethodDelete, path: "/api/v1/account/changes/{id}", tag: tag, session: true,
		summary: "Stop something that waits",
		about:   "What the owner began is withdrawn; what others began, a dispute or a recovery, is objected to.",
		repeat:  "Answers not_found: it waits no more.",
		refuses: []*fault.Fault{fault.NotFound}},
		func(ctx context.Context, l *session.Live, in *changeHandle) error {
			if !isName(in.ID) {
				return fault.NotFound
			}
			return a.Contacts.Withdraw(ctx, l, in.ID)
		})
	ask(a, call{id: "object", method: http.MethodPost, path: "/api/v1/objections", tag: tag,
		summary: "Object to a change, by the token of its notice",
		about:   "Undoes it and, unless it is a dispute, freezes the account. Needs no session: whoever reads a contact of the account may do this and nothing else.",
		repeat:  "Answers objection_used: it was undone the first time.",
		refuses: []*fault.Fault{fault.NotFound, contacts.ObjectionUsed, contacts.ObjectionExpired}, examples: objectionExamples}, a.object)
}

func (a *api) object(ctx context.Context, _ *session.Live, in *struct{ body[objectionBody] }) (*objectionView, error) {
	v, err := a.visitor(ctx, nil)
	if err != nil {
		return nil, err
	}
	o, err := a.Contacts.Object(ctx, in.Sent.Token, v)
	if err != nil {
		return nil, err
	}
	return &objectionView{string(o.Kind), o.Before, o.After, o.Freezes, o.BegunAt}, nil
}

var (
	changesExamples = []example{{name: "waiting", answer: `{"changes":[{"id":"` + exampleID + `","kind":"replace_phone","contact":"+86 139 **** 9000",` +
		`"begun_at":"2026-11-22T10:00:00Z","ready_at":"2026-11-25T10:00:00Z"}]}`}}
	objectionExamples = []example{{name: "undone", summary: "A changed phone", body: `{"token":"sso_AABwP9YsmC1pB0x3Yk4v7uH2sQ9tJ6nW8rE5aZ0fLdGiOoTyKxU"}`,
		answer: `{"kind":"change_phone","before":"+86 138 **** 8000","after":"+86 139 **** 9000","frozen":true,"at":"2026-11-22T10:00:00Z"}`}}
)
