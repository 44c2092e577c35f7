// Package api holds the JSON face of the journeys and of the account,
// its OpenAPI 3.1 document and a page to read it. A
// handler parses, makes one call into a journey package and renders; it must
// never decide anything. Bodies are read by httpd's strict decoder, and errors
// are written by the one renderer, because the library's own echo rejected
// values. It owns no table.
package api

import (
	"context"
	"html/template"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

// Config is what the API needs.
type Config struct {
	Router   *httpd.Router
	Runner   *flow.Runner
	Settings *settings.House
	Contacts *contacts.House
	Linking  *linking.House // nil: no third-party accounts here
	Words    *locale.Book
	Ring     *seal.Ring                       // signs the cursors of lists
	Place    func(ctx context.Context) string // where a request comes from, approximately
	Pictures Pictures
	Brand    string
	Server   string // the public URL

	// Page is the face of the API's page for people; Show puts its body into the
	// site's layout. Without them there is no page.
	Page *httpd.Face
	Show func(w http.ResponseWriter, r *http.Request, title string, body template.HTML) error
	// HasArticle tells whether the help center has "section/slug"; nil: all.
	HasArticle func(topic string) bool
}

// version is that of the interface. The program's own version is nobody's
// business outside (ASVS 13.4.6).
const version = "1"

type api struct {
	Config
	huma  huma.API
	mux   *mux
	calls []call
}

// The library reads these two where it renders and describes, so they are set
// once for the process: failures in our form, and lists that are never null.
func init() {
	huma.NewErrorWithContext = problemOf
	huma.DefaultArrayNullable = false
}

// Mount registers the API below /api/ on the router, and the pictures of captchas.
func Mount(cfg Config) {
	a := &api{Config: cfg, mux: &mux{rt: cfg.Router, options: map[string][]httpd.Option{}}}
	for _, prefix := range []string{"/api/", "/captcha/"} {
		cfg.Router.FaceAt(prefix, httpd.API())
	}
	c := huma.DefaultConfig(cfg.Brand+" account API", version)
	c.CreateHooks = nil // no $schema member and no link to it in answers
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	format := huma.Format{
		Marshal:   huma.DefaultJSONFormat.Marshal,
		Unmarshal: func([]byte, any) error { return nil }, // op reads bodies itself
	}
	c.Formats = map[string]huma.Format{"application/json": format, "application/problem+json": format}
	a.huma = humago.New(a.mux, c)
	a.journeys()
	a.captcha()
	a.session()
	a.account()
	a.contactChanges()
	a.methods()
	a.twoStep()
	a.passkeys()
	a.factors()
	a.linked()
	a.devices()
	a.prompts()
	a.activity()
	a.notices()
	doc := a.document()
	a.serveDocument(doc)
	a.serveDocs(doc)
}

// mux lets the library register its operations on the router.
type mux struct {
	rt      *httpd.Router
	options map[string][]httpd.Option
}

type requestKey struct{}

// request is what op needs of the HTTP request, and the router that renders its failure.
type request struct {
	*http.Request
	rt *httpd.Router
}

// requestOf finds the request that a handler of ours runs for.
func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

func (m *mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.rt.Handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		h(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{r, m.rt})))
		return nil
	}, m.options[pattern]...)
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

// GetHeaders adds Retry-After, and how to come with a session where one is
// missing (RFC 6750 section 3).
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.after != "" {
		h.Set("Retry-After", p.after)
	}
	if p.Code == session.Required.Code {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// fail renders an error for the library.
func fail(ctx context.Context, err error) *problem {
	rt := requestOf(ctx).rt
	f := rt.Fail(ctx, err)
	return &problem{f, f.RetryAfter(rt.Now())}
}

// problemOf replaces the library's own errors, which would echo what was sent.
// op leaves the library nothing to refuse, so one of them is a mistake of ours.
func problemOf(ctx huma.Context, _ int, _ string, errs ...error) huma.StatusError {
	var err error = fault.Internal
	if len(errs) > 0 {
		err = errs[0]
	}
	return fail(ctx.Context(), err)
}
