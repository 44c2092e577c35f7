package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type noticeView struct {
	ID       string    `json:"id"`
	Notice   string    `json:"notice" doc:"What was told, such as notice_device; more kinds may come."`
	At       time.Time `json:"at"`
	Channel  string    `json:"channel" enum:"sms,email"`
	To       string    `json:"to" doc:"The masked contact."`
	Delivery string    `json:"delivery" enum:"queued,sent,delivered,failed,unknown" doc:"How far the message came; unknown once that is too long ago."`
	Reason   string    `json:"reason,omitempty" doc:"Why it failed, as in the step code."`
}

type noticesView struct {
	Notices []noticeView `json:"notices" doc:"Newest first, at most 50, of the last 90 days."`
	Next    string       `json:"next,omitempty" doc:"Give as before to read on; missing at the end."`
}

var noticesExamples = []example{{name: "notices", answer: `{"notices":[{"id":"AZqfK2x0c8w2u4i6o8p0aQ","notice":"notice_device","at":"2026-11-22T10:01:00Z",` +
	`"channel":"sms","to":"+86 138 **** 8000","delivery":"delivered"}]}`}}

func (a *api) notices() {
	ask(a, call{id: "list-notices", method: http.MethodGet, path: "/api/v1/notices", tag: "Account", session: true,
		summary: "What the owner was told",
		about:   "Every safety notice of the last 90 days: when, to which contact, and whether it arrived. They go to all contacts and cannot be switched off.",
		refuses: []*fault.Fault{fault.InvalidInput}, examples: noticesExamples}, a.listNotices)
}

func (a *api) listNotices(ctx context.Context, l *session.Live, in *activityQuery) (*noticesView, error) {
	before, ok := a.readCursor(l.AccountID, in.Before)
	if !ok {
		return nil, fault.InvalidInput.On("before")
	}
	list, err := a.Settings.Told(ctx, l, before, activityMost+1)
	if err != nil {
		return nil, err
	}
	v := &noticesView{Notices: make([]noticeView, 0, len(list))}
	for i, n := range list {
		if i == activityMost {
			v.Next = a.cursor(l.AccountID, list[i-1].At)
			break
		}
		state := n.State
		if state == "" {
			state = "unknown"
		}
		v.Notices = append(v.Notices, noticeView{n.ID, n.Purpose, n.At, n.Channel, n.To, state, n.Reason})
	}
	return v, nil
}
