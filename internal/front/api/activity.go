package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type actView struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind" doc:"What happened, such as signed_in; more kinds may come."`
	At       time.Time         `json:"at"`
	DeviceID string            `json:"device_id,omitempty"`
	Details  map[string]string `json:"details" doc:"device, place, method, kind: what is known of it."`
}

type activityView struct {
	Activity []actView `json:"activity" doc:"Newest first, at most 50."`
	Next     string    `json:"next,omitempty" doc:"Give as before to read on; missing at the end."`
}

// activityMost is how many acts one answer holds.
const activityMost = 50

type activityQuery struct {
	Before string `query:"before" doc:"Read on from here: next of the last answer."`
}

func (a *api) activity() {
	ask(a, call{id: "list-activity", method: http.MethodGet, path: "/api/v1/activity", tag: "Account", session: true,
		summary: "Recent activity", refuses: []*fault.Fault{fault.InvalidInput}, examples: activityExamples}, a.listActivity)
}

func (a *api) listActivity(ctx context.Context, l *session.Live, in *activityQuery) (*activityView, error) {
	before, ok := a.readCursor(l.AccountID, in.Before)
	if !ok {
		return nil, fault.InvalidInput.On("before")
	}
	list, err := a.Settings.Activity(ctx, l, before, activityMost+1)
	if err != nil {
		return nil, err
	}
	v := &activityView{Activity: make([]actView, 0, len(list))}
	for i, e := range list {
		if i == activityMost {
			v.Next = a.cursor(l.AccountID, list[i-1].At)
			break
		}
		if e.Details == nil {
			e.Details = map[string]string{}
		}
		v.Activity = append(v.Activity, actView{e.ID, string(e.Kind), e.At, e.DeviceID, e.Details})
	}
	return v, nil
}

// cursor names a place in an account's activity. It is signed and good for this
// account only, so that nobody can make one (S-114).
func (a *api) cursor(id account.ID, at time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(b, a.Ring.MAC("cursor", []byte(id.String()), b)...))
}

// readCursor answers the time of a cursor; of none, the zero time.
func (a *api) readCursor(id account.ID, text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	if !isName(text) {
		return time.Time{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) <= 8 || !a.Ring.VerifyMAC("cursor", b[8:], []byte(id.String()), b[:8]) {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(b[:8]))), true
}
