package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// call is one operation as the router, the document, the page and the tests
// know it. What it says of sessions and bodies is enforced by register.
type call struct {
	id, method, path, tag string
	summary               string // one line
	about                 string // what else to know
	repeat                string // what it does if it is sent again because the answer was lost
	status                int    // of success; 0 is 200
	session               bool   // needs a session
	maybe                 bool   // takes one, for those journeys that need it
	key                   bool   // needs the key of its journey
	refuses               []*fault.Fault
	cap                   int64    // of the body in bytes; 0 is the router's 64 KiB
	media                 []string // of a body that is no JSON
	sends                 string   // media type of an answer that is no JSON
	examples              []example
	target                any // of its JSON body; nil for none
}

// example is a body that may be sent, and one that may come back.
type example struct {
	name, summary string
	body          string // "" for none
	answer        string // "" for none
}

func (c call) pattern() string { return c.method + " " + c.path }
func (c call) writes() bool    { return c.method != http.MethodGet }

// eventStream is the media type of answers that go on (HTML section 9.2).
const eventStream = "text/event-stream"

// body is an input with a JSON body, which the decoder of httpd reads.
type body[T any] struct{ Sent T }

func (b *body[T]) target() any { return &b.Sent }

type bodied interface{ target() any }

// none is an input without parameters, or an answer without a body.
type none = struct{}

// answer is what the library writes: a JSON body.
type answer[T any] struct{ Body *T }

// ask registers a call that answers with a T. The session is nil but where the
// call needs one.
func ask[I, T any](a *api, c call, f func(ctx context.Context, l *session.Live, in *I) (*T, error)) {
	register(a, c, func(ctx context.Context, l *session.Live, in *I) (*answer[T], error) {
		out, err := f(ctx, l, in)
		if err != nil {
			return nil, err
		}
		return &answer[T]{out}, nil
	})
}

// do registers a call that answers with 204 and nothing else.
func do[I any](a *api, c call, f func(ctx context.Context, l *session.Live, in *I) error) {
	c.status = http.StatusNoContent
	register(a, c, func(ctx context.Context, l *session.Live, in *I) (*none, error) {
		return nil, f(ctx, l, in)
	})
}

// register takes a call through what nobody may forget: its session, its query,
// its body. The library only binds the path and the query, and writes.
func register[I, O any](a *api, c call, f func(ctx context.Context, l *session.Live, in *I) (*O, error)) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if b, ok := any(new(I)).(bodied); ok {
		c.target = b.target()
	}
	if c.sends == eventStream {
		a.mux.options[c.pattern()] = append(a.mux.options[c.pattern()], httpd.Streams())
	}
	if c.cap != 0 {
		a.mux.options[c.pattern()] = append(a.mux.options[c.pattern()], httpd.Body(c.cap))
	}
	a.calls = append(a.calls, c)
	huma.Register(a.huma, a.describe(c), func(ctx context.Context, in *I) (*O, error) {
		l, err := a.admit(ctx, c, in)
		if err == nil {
			var out *O
			if out, err = f(ctx, l, in); err == nil {
				return out, nil
			}
		}
		return nil, fail(ctx, err)
	})
}

// admit finds the session that the call needs, then reads its body into in.
func (a *api) admit(ctx context.Context, c call, in any) (l *session.Live, err error) {
	r := requestOf(ctx).Request
	if c.session {
		if l, err = a.live(ctx); err != nil {
			return nil, err
		}
	}
	if err := checkQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	switch b, ok := in.(bodied); {
	case ok:
		return l, decode(r, b.target())
	case c.writes() && c.media == nil:
		return l, checkEmpty(r)
	}
	return l, nil
}

// live finds the session of a request: the bearer token, else the cookie.
func (a *api) live(ctx context.Context) (*session.Live, error) {
	token := httpd.SessionToken(requestOf(ctx).Request)
	if token == "" {
		return nil, session.Required
	}
	l, err := a.Settings.Live(ctx, token)
	if err == nil {
		l.Addr = httpd.From(ctx).Addr
	}
	return l, err
}

// checkQuery refuses a query that two readers could read in two ways (S-130).
func checkQuery(raw string) error {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return fault.InvalidInput // the text of the error quotes the query
	}
	for _, v := range values {
		if len(v) > 1 {
			return fault.InvalidInput
		}
	}
	return nil
}

// readAll reads a body within the cap of its route.
func readAll(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, httpd.TooLarge.Because(err)
	}
	if err != nil {
		return nil, httpd.InvalidJSON.Because(err) // cut off, or chunks that are none
	}
	return data, nil
}

// decode reads a JSON body strictly. null is refused as well: no field of ours
// means anything by it, and the decoder takes it for "left out".
func decode(r *http.Request, v any) error {
	data, err := readAll(r)
	if err != nil {
		return err
	}
	return decodeBytes(r, data, v)
}

func decodeBytes(r *http.Request, data []byte, v any) error {
	if err := httpd.DecodeBody(r, data, v); err != nil {
		return err
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil // the end: the decoder has read the same text to it
		}
		if token.Kind() == 'n' {
			field := strings.ReplaceAll(strings.TrimPrefix(string(d.StackPointer()), "/"), "/", ".")
			return fault.InvalidInput.On(field) // the names are ours, or the decoder had refused them
		}
	}
}

// checkEmpty lets a call without a body come with none, or with the empty object
// that some clients send; a field that is ignored would be taken for granted (S-127).
func checkEmpty(r *http.Request) error {
	data, err := readAll(r)
	if err != nil || len(data) == 0 {
		return err
	}
	return decodeBytes(r, data, &none{})
}

// isName tells whether text may be an id or a secret of ours: up to 64 letters,
// digits, "-" and "_". Whatever else stands in an address names nothing, and
// does not reach the store.
func isName(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
