package apple

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// noticeLife is how old a notification may be; Apple's expire after a day.
const noticeLife = 24 * time.Hour

// kinds are the types of events ("Processing changes for Sign in with Apple
// accounts"). The page prints account-deleted, the wire account-delete.
var kinds = map[string]provider.NoticeKind{
	"email-disabled":  provider.MailOff,
	"email-enabled":   provider.MailOn,
	"consent-revoked": provider.Revoked,
	"account-delete":  provider.Deleted,
	"account-deleted": provider.Deleted,
}

// event is what happened. Apple documents it as JSON inside of a string.
type event struct {
	Type string        `json:"type"`
	Sub  string        `json:"sub"`
	Time provider.Text `json:"event_time"` // milliseconds
}

func (e *event) UnmarshalJSON(raw []byte) error {
	if jsontext.Value(raw).Kind() == '"' {
		var inner string
		if err := json.Unmarshal(raw, &inner); err != nil {
			return err
		}
		raw = []byte(inner)
	}
	type plain event
	return provider.ReadObject(raw, (*plain)(e))
}

// Receive reads a server-to-server notification.
func (a *Apple) Receive(ctx context.Context, m provider.Message) (provider.Received, error) {
	if m.Method != http.MethodPost {
		return provider.Received{}, provider.Fail(provider.Malformed, "method")
	}
	var body struct {
		Payload string `json:"payload"`
	}
	if err := provider.ReadObject(m.Body, &body); err != nil {
		return provider.Received{}, err
	}
	claims, err := a.tokens.Notice(ctx, body.Payload, a.clients(), m.Now, noticeLife, true)
	if err != nil {
		return provider.Received{}, err
	}
	var c struct {
		Events event `json:"events"`
	}
	if err := claims.Into(&c); err != nil {
		return provider.Received{}, provider.Fail(provider.Malformed, "events")
	}
	n := provider.Notice{ID: claims.ID, Kind: provider.Unknown, At: claims.IssuedAt, Raw: rawName(c.Events.Type)}
	if kind, known := kinds[c.Events.Type]; known {
		if !provider.CheckSubject(c.Events.Sub) {
			return provider.Received{}, provider.Fail(provider.Malformed, "sub")
		}
		n.Kind = kind
	}
	if provider.CheckSubject(c.Events.Sub) {
		n.Subjects = []provider.Subject{{Scope: "team:" + a.c.TeamID, Value: c.Events.Sub}}
	}
	if ms, ok := c.Events.Time.Int(); ok && ms > 0 && !time.UnixMilli(ms).After(m.Now) {
		n.At = time.UnixMilli(ms).UTC()
	}
	return provider.Received{Notices: []provider.Notice{n}}, nil
}

// rawName is a type of event as the log shows it: a name, never more.
func rawName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s[:min(len(s), 64)])
}
