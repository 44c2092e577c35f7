// Package api holds the JSON face of the journeys and of the account (CONTRACT
// "Journeys over JSON"), its OpenAPI 3.1 document and a page to read it. A
// handler parses, makes one call into a journey package and renders; it decides
// nothing. Bodies are read by httpd's strict decoder, and errors are written by
// the one renderer, because the library's own echo rejected values.
package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Config is what the API needs.
type Config struct {
	Router   *httpd.Router
	Runner   *flow.Runner
	Settings *settings.House
	Words    *locale.Book
	Place    func(ctx context.Context) string // where a request comes from, approximately
	Pictures Pictures
	Version  string
	Brand    string
	Server   string // the public URL
}

type api struct {
	Config
	huma huma.API
}

// Mount registers the API below /api/ on the router.
func Mount(cfg Config) {
	a := &api{Config: cfg}
	cfg.Router.FaceAt("/api/", httpd.API())
	c := huma.DefaultConfig(cfg.Brand+" account API", cfg.Version)
	c.CreateHooks = nil // no $schema member and no link to it in answers
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	format := huma.Format{
		Marshal:   huma.DefaultJSONFormat.Marshal,
		Unmarshal: func([]byte, any) error { return nil }, // op reads bodies itself
	}
	c.Formats = map[string]huma.Format{"application/json": format, "application/problem+json": format}
	c.Servers = []*huma.Server{{URL: cfg.Server}}
	c.Info.Description = "Every step of a journey is handed out as one typed object; every refusal is application/problem+json (RFC 9457) with a stable code."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "http", Scheme: "bearer", Description: "The session token of a journey's last step."},
	}
	huma.NewErrorWithContext = problemOf
	a.huma = humago.New(&mux{rt: cfg.Router}, c)
	a.journeys()
	a.session()
	a.account()
	a.devices()
	a.documents()
	cfg.Router.Handle("GET /captcha/{journey}/{file}", cfg.Pictures.serve)
}

// mux lets the library register its operations on the router.
type mux struct{ rt *httpd.Router }

type requestKey struct{}

// request is what op needs of the HTTP request, and the router that renders its failure.
type request struct {
	r  *http.Request
	rt *httpd.Router
}

func (m *mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.rt.Handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		ctx := context.WithValue(r.Context(), requestKey{}, &request{r, m.rt})
		h(w, r.WithContext(ctx))
		return nil
	})
}

func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.rt.ServeHTTP(w, r) }

// problem is a failure in the form that the library writes.
type problem struct {
	httpd.Failure
	after string
}

func (p *problem) Error() string                { return p.Code }
func (p *problem) GetStatus() int               { return p.Status }
func (p *problem) ContentType(string) string    { return "application/problem+json" }
func (p *problem) MarshalJSON() ([]byte, error) { return p.Failure.MarshalJSON() }

// GetHeaders adds Retry-After.
func (p *problem) GetHeaders() http.Header {
	if p.after == "" {
		return nil
	}
	return http.Header{"Retry-After": {p.after}}
}

// fail renders an error for the library.
func fail(ctx context.Context, err error) error {
	rt := ctx.Value(requestKey{}).(*request).rt
	f := rt.Fail(ctx, err)
	return &problem{f, f.RetryAfter(rt.Now())}
}

// problemOf replaces the library's own errors, which would echo what was sent.
func problemOf(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
	var err error = fault.InvalidInput
	switch {
	case status >= 500:
		err = fault.Internal
		if len(errs) > 0 {
			err = errs[0]
		}
	case status == http.StatusRequestEntityTooLarge:
		err = httpd.TooLarge
	case status == http.StatusUnsupportedMediaType:
		err = httpd.UnsupportedMedia
	case status == http.StatusBadRequest:
		err = httpd.InvalidJSON
	}
	if p, ok := fail(ctx.Context(), err).(*problem); ok {
		return p
	}
	return nil
}

// body is an input with a JSON body, which the decoder of httpd reads.
type body[T any] struct {
	RawBody []byte `contentType:"application/json"`
	Body    T
}

func (b *body[T]) read(ctx context.Context) error {
	return httpd.DecodeBody(ctx.Value(requestKey{}).(*request).r, b.RawBody, &b.Body)
}

type reader interface {
	read(ctx context.Context) error
}

// op registers an operation.
func op[I, O any](a *api, o huma.Operation, f func(ctx context.Context, in *I) (*O, error)) {
	o.SkipValidateBody = true
	o.Errors = append(o.Errors, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		if b, ok := any(in).(reader); ok {
			if err := b.read(ctx); err != nil {
				return nil, fail(ctx, err)
			}
		}
		out, err := f(ctx, in)
		if err != nil {
			return nil, fail(ctx, err)
		}
		return out, nil
	})
}

// live finds the session of a request: the bearer token, else the cookie.
func (a *api) live(ctx context.Context) (*session.Live, error) {
	token := httpd.SessionToken(ctx.Value(requestKey{}).(*request).r)
	if token == "" {
		return nil, settings.SessionRequired
	}
	return a.Settings.Live(ctx, token)
}

// withSession makes an operation need a session.
func withSession(o huma.Operation) huma.Operation {
	o.Security = []map[string][]string{{"session": {}}}
	o.Errors = append(o.Errors, http.StatusUnauthorized)
	return o
}
