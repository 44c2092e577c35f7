package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Failure is a refusal in the reader's words, ready for any face. Nothing in it
// echoes what was sent (S-122).
type Failure struct {
	Status  int
	Code    string
	Title   string
	Detail  string
	Topic   string         // address of the help article
	Field   string         // the input that it is about, or ""
	RetryAt time.Time      // zero when waiting does not help
	Args    map[string]any // members of the problem document
	Step    any            // the step that the journey stands at, or nil
	ID      string         // of the request; set on internal failures only, to quote
}

// Face renders failures for one kind of reader.
type Face struct {
	page   bool
	render func(w http.ResponseWriter, r *http.Request, f Failure) error
}

// Pages is the face of people: render writes a page with the status of the failure.
func Pages(render func(w http.ResponseWriter, r *http.Request, f Failure) error) *Face {
	return &Face{page: true, render: render}
}

// API is the face of programs: application/problem+json (RFC 9457).
func API() *Face { return &Face{render: writeProblem} }

func writeProblem(w http.ResponseWriter, _ *http.Request, f Failure) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{"application/problem+json"}
	w.WriteHeader(f.Status)
	_, err = w.Write(append(body, '\n'))
	return err
}

// withStep carries the step at which a journey stands beside its refusal.
type withStep struct {
	error
	step any
}

func (e withStep) Unwrap() error { return e.error }

// WithStep adds the step that the journey stands at; a face of programs shows it beside the refusal.
func WithStep(err error, step any) error {
	if err == nil || step == nil {
		return err
	}
	return withStep{err, step}
}

// Fail makes a Failure of an error and logs it whole if it is internal. Faces of
// libraries that write their own answers use it; handlers just return the error.
func (rt *Router) Fail(ctx context.Context, err error) Failure {
	i := From(ctx)
	if rt.cfg.Translate != nil {
		err = rt.cfg.Translate(err)
	}
	f := fault.From(err)
	switch {
	case f != nil:
	case errors.Is(err, context.DeadlineExceeded):
		f = fault.Unavailable.Until(rt.cfg.Clock.Now().Add(5 * time.Second)).Because(err)
	default:
		f = fault.Internal.Because(err)
	}
	rt.logFault(ctx, i, f, err)
	if rt.cfg.CountFault != nil {
		rt.cfg.CountFault(f.Code)
	}
	out := Failure{
		Status: f.Status, Code: f.Code, Topic: "/help/" + f.Topic, Field: f.Field, RetryAt: f.RetryAt.UTC(), Args: f.Args,
	}
	if f.RetryAt.IsZero() {
		out.RetryAt = time.Time{}
	}
	if f.Code == fault.Internal.Code {
		out.ID, out.Args, out.Field = i.ID, nil, ""
	}
	if s, ok := errors.AsType[withStep](err); ok {
		out.Step = s.step
	}
	said := f
	if out.ID != "" {
		said = fault.Internal.With("id", i.ID)
	}
	out.Title, out.Detail = rt.cfg.Words.In(i.Locale, i.Zone, rt.cfg.Clock.Now()).Fault(said)
	return out
}

func (rt *Router) logFault(ctx context.Context, i *Info, f *fault.Fault, err error) {
	if i.x != nil && i.x.quiet {
		return
	}
	level := slog.LevelDebug
	switch {
	case f.Status == http.StatusBadGateway:
		level = slog.LevelWarn // somebody else's, and told to the person
	case f.Status >= 500:
		level = slog.LevelError
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		level = slog.LevelDebug // the client went away
	}
	rt.cfg.Log.LogAttrs(ctx, level, "failure", slog.String("id", i.ID), slog.String("fault", f.Code), slog.Any("error", err))
}

// RetryAfter is the Retry-After header in whole seconds, rounded up; "" without RetryAt.
func (f Failure) RetryAfter(now time.Time) string {
	if f.RetryAt.IsZero() {
		return ""
	}
	wait := f.RetryAt.Sub(now)
	return strconv.FormatInt(max(1, int64((wait+time.Second-1)/time.Second)), 10)
}

// MarshalJSON writes the problem document (RFC 9457).
func (f Failure) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	member := func(name string, v any) error {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(name) + ":")
		b.Write(text)
		return nil
	}
	type pair struct {
		name string
		v    any
		on   bool
	}
	pairs := []pair{
		{"type", f.Topic, true}, {"title", f.Title, true}, {"status", f.Status, true}, {"code", f.Code, true},
		{"detail", f.Detail, true}, {"field", f.Field, f.Field != ""},
		{"retry_at", f.RetryAt.Format(time.RFC3339Nano), !f.RetryAt.IsZero()},
	}
	for _, name := range slices.Sorted(maps.Keys(f.Args)) {
		pairs = append(pairs, pair{name, inJSON(f.Args[name]), !reserved[name]})
	}
	pairs = append(pairs, pair{"step", f.Step, f.Step != nil}, pair{"id", f.ID, f.ID != ""})
	for _, p := range pairs {
		if !p.on {
			continue
		}
		if err := member(p.name, p.v); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

var reserved = map[string]bool{
	"type": true, "title": true, "status": true, "code": true, "detail": true, "field": true, "retry_at": true, "step": true, "id": true,
}

// inJSON writes durations as whole seconds; times are RFC 3339 by themselves.
func inJSON(v any) any {
	if d, ok := v.(time.Duration); ok {
		return int64(d / time.Second)
	}
	return v
}

// fail renders an error on the face of the request.
func (x *exchange) fail(r *http.Request, err error) {
	if x.status != 0 {
		x.rt.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "failure after the answer began",
			slog.String("id", x.info.ID), slog.String("route", x.route.name), slog.Any("error", err))
		return
	}
	f := x.rt.Fail(r.Context(), err)
	h := x.Header()
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Disposition", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	h["Cache-Control"] = headerNoStore
	if after := f.RetryAfter(x.rt.cfg.Clock.Now()); after != "" {
		h["Retry-After"] = []string{after}
	}
	if f.Status >= 413 && f.Status <= 431 && x.req.ProtoMajor == 1 && r.ContentLength != 0 {
		h["Connection"] = []string{"close"} // an unread body is not worth draining
	}
	if renderErr := x.face.render(x, r, f); renderErr != nil && x.status == 0 {
		x.rt.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "the error page failed", slog.String("id", x.info.ID), slog.Any("error", renderErr))
		h["Content-Type"] = []string{"text/plain; charset=utf-8"}
		x.WriteHeader(f.Status)
		_, _ = x.Write([]byte(f.Title + "\n" + f.Detail + "\n" + x.info.ID + "\n"))
	}
}
