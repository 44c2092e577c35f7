// Package httpd holds the frame of every door: one Router with one fixed order
// of guards, one place that renders errors, the cookies, the form token, strict
// JSON, the parser of return paths, and the server with its limits. It must
// never know a page, a journey or a table, and it dials nowhere.
//
// The order in which a request passes: panic guard and request id; client
// address; security headers; method, Host, path, header, cookie and query caps;
// deadline; route; body cap and content type; cross-origin guard; form token;
// handler; error face; access log and metrics.
package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
)

// Handler answers a request or returns an error. A handler that returns an
// error must not have written anything; the face of its path renders the error.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Config is what a Router needs. Only PublicURL, Key, Words and Clock are required.
type Config struct {
	PublicURL      *url.URL
	Local          bool           // the demo: localhost, 127.0.0.1 and [::1] with the same port are the public host too
	TrustedProxies []netip.Prefix // none by default (S-151)
	Key            []byte         // 32 bytes that the form tokens are made with
	Words          *locale.Book
	Zone           *time.Location // for times in sentences; nil is UTC, and the times say so
	Clock          *clock.Clock
	Log            *slog.Logger // nil discards
	// Observe is asked once a route for the function that counts its answers; nil counts nothing.
	Observe    func(route string) func(status int, took time.Duration)
	CountFault func(code string) // counts refusals; nil counts nothing
	// Translate may turn an error of a kit (a busy database) into a fault; nil leaves it.
	Translate func(error) error
	Tracer    trace.Tracer  // nil traces nothing
	Deadline  time.Duration // per request; 0 is 10 s
}

// Router is the public http.Handler.
type Router struct {
	cfg    Config
	mux    *http.ServeMux
	faces  []prefixed
	pages  *Face
	hosts  map[string]bool
	origin originGuard
	https  bool
	names  cookieNames
	langs  languages
	missed *route
}

type prefixed struct {
	prefix string
	face   *Face
}

// New makes a Router. pages is the face of every path that FaceAt does not give to another.
func New(cfg Config, pages *Face) *Router {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 10 * time.Second
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string) func(int, time.Duration) { return func(int, time.Duration) {} }
	}
	https := cfg.PublicURL.Scheme == "https"
	rt := &Router{
		cfg: cfg, mux: http.NewServeMux(), pages: pages,
		hosts: hostsOf(cfg.PublicURL, cfg.Local),
		https: https,
		names: newCookieNames(https),
		langs: languages{book: cfg.Words, known: map[string]locale.Tag{}},
	}
	rt.origin = newOriginGuard(cfg.PublicURL, cfg.Local)
	rt.missed = &route{name: "unmatched", cap: defaultBody, observe: cfg.Observe("unmatched")}
	rt.mux.HandleFunc("/", rt.miss)
	return rt
}

// FaceAt gives all paths below prefix ("/api/") to a face.
func (rt *Router) FaceAt(prefix string, f *Face) {
	rt.faces = append(rt.faces, prefixed{prefix, f})
}

func (rt *Router) faceOf(p string) *Face {
	face, best := rt.pages, 0
	for _, f := range rt.faces {
		if len(f.prefix) > best && (strings.HasPrefix(p, f.prefix) || p+"/" == f.prefix) {
			face, best = f.face, len(f.prefix)
		}
	}
	return face
}

// route is one registered pattern.
type route struct {
	name      string
	face      *Face // nil: by path
	handler   Handler
	cap       int64
	files     bool
	foreign   bool
	immutable bool
	streams   bool
	observe   func(status int, took time.Duration)
}

// Option changes what the guards ask of one route.
type Option func(*route)

// Body raises or lowers the cap of the request body, in bytes; 64 KiB by default.
func Body(bytes int64) Option { return func(r *route) { r.cap = bytes } }

// Files lets multipart bodies in (S-153: only where files are).
func Files(bytes int64) Option {
	return func(r *route) { r.cap, r.files = bytes, true }
}

// Foreign lets other sites post here, as the authorization endpoint must (S-119):
// no cross-origin guard, no form token.
func Foreign() Option { return func(r *route) { r.foreign = true } }

// Immutable marks assets whose name changes with their content.
func Immutable() Option { return func(r *route) { r.immutable = true } }

// As gives the route another face than its path has.
func As(f *Face) Option { return func(r *route) { r.face = f } }

// Handle registers a handler under a pattern of net/http.ServeMux, which must
// name its method ("POST /signin"). GET serves HEAD too.
func (rt *Router) Handle(pattern string, h Handler, options ...Option) {
	if method, _, ok := strings.Cut(pattern, " "); !ok || method != strings.ToUpper(method) {
		panic("httpd: the pattern " + pattern + " names no method")
	}
	ro := &route{name: pattern, handler: h, cap: defaultBody, observe: rt.cfg.Observe(pattern)}
	for _, o := range options {
		o(ro)
	}
	rt.mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
		x := From(r.Context()).x
		x.route = ro
		if ro.face != nil && ro.face != x.face {
			x.face = ro.face
			x.setHeaders()
		}
		if ro.streams {
			ctx, cancel := x.endless()
			defer cancel()
			r = r.WithContext(ctx)
		}
		if err := rt.serve(x, r, ro); err != nil {
			x.fail(r, err)
		}
	})
}

// HandleHTTP registers a plain http.Handler, for libraries that write their own
// answers (the API's adapter). Its body is capped and its origin guarded like any other.
func (rt *Router) HandleHTTP(pattern string, h http.Handler, options ...Option) {
	rt.Handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}, options...)
}

// ServeHTTP takes a request through all guards.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	took := clock.Stopwatch()
	x := &exchange{ResponseWriter: w, rt: rt, route: rt.missed, face: rt.faceOf(r.URL.Path)}
	x.info = Info{
		ID: randid.ID(rt.cfg.Clock.Now()), Addr: clientAddress(r, rt.cfg.TrustedProxies), Zone: rt.cfg.Zone, x: x,
	}
	x.conn = context.WithValue(r.Context(), infoKey{}, &x.info)
	ctx, cancel := context.WithTimeout(x.conn, rt.cfg.Deadline)
	defer cancel()
	if rt.cfg.Tracer != nil {
		var span trace.Span
		ctx, span = rt.cfg.Tracer.Start(ctx, "http", trace.WithSpanKind(trace.SpanKindServer), trace.WithNewRoot())
		defer func() {
			span.SetName(x.route.name)
			span.SetAttributes(attribute.String("http.route", x.route.name), attribute.Int("http.response.status_code", x.status))
			span.End()
		}()
	}
	r = r.WithContext(ctx)
	x.req = r
	defer rt.finish(x, r, took)
	x.setHeaders()
	if err := rt.admit(r); err != nil {
		x.info.Locale = rt.langs.fallback()
		if MethodNotAllowed.Is(err) && cleanPath(r.URL.Path) {
			x.allow(rt.methods(r)) // RFC 9110 section 15.5.6
		}
		x.fail(r, err)
		return
	}
	x.info.Locale = rt.language(x, r)
	rt.mux.ServeHTTP(x, r)
}

// finish answers for a panic and writes the access log, which holds the
// route's pattern and no address, path or query (S-124, S-157).
func (rt *Router) finish(x *exchange, r *http.Request, took func() time.Duration) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		x.panicked(r, p)
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	d := took()
	x.route.observe(x.status, d)
	rt.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("id", x.info.ID), slog.String("method", methodName(r.Method)), slog.String("route", x.route.name),
		slog.Int("status", x.status), slog.Int64("bytes", x.bytes),
		slog.Float64("ms", float64(d.Microseconds())/1000))
}

// methodName keeps invented methods out of the log.
func methodName(m string) string {
	if allowedMethods[m] {
		return m
	}
	return "other"
}

func (x *exchange) panicked(r *http.Request, p any) {
	x.rt.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "panic",
		slog.String("id", x.info.ID), slog.String("route", x.route.name), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	if x.status != 0 {
		panic(http.ErrAbortHandler) // half an answer is out: cut the connection
	}
	x.quiet = true
	x.fail(r, fault.Internal)
}

var allowedMethods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true,
}

// admit holds the guards that need no route.
func (rt *Router) admit(r *http.Request) error {
	if !allowedMethods[r.Method] || r.RequestURI == "*" {
		return MethodNotAllowed
	}
	if !rt.hosts[r.Host] && !rt.hosts[strings.ToLower(r.Host)] {
		return Misdirected
	}
	if err := capHeaders(r); err != nil {
		return err
	}
	if !cleanPath(r.URL.Path) {
		return fault.NotFound
	}
	return nil
}

// cleanPath refuses what ServeMux would redirect: an address has one spelling.
func cleanPath(p string) bool {
	if p == "/" {
		return true
	}
	return strings.HasPrefix(p, "/") && path.Clean(p) == strings.TrimSuffix(p, "/")
}

// serve holds the guards that depend on the route, then runs its handler.
func (rt *Router) serve(x *exchange, r *http.Request, ro *route) error {
	if ro.immutable {
		x.Header()["Cache-Control"] = headerImmutable
	}
	if safe := r.Method == http.MethodGet || r.Method == http.MethodHead; !safe {
		if err := rt.guardWrite(x, r, ro); err != nil {
			return err
		}
	}
	return ro.handler(x, r)
}

func (rt *Router) guardWrite(x *exchange, r *http.Request, ro *route) error {
	if err := capBody(x, r, ro); err != nil {
		return err
	}
	if ro.foreign {
		return nil
	}
	if err := rt.origin.check(x, r); err != nil {
		return err
	}
	if x.face.page {
		return CheckForm(r)
	}
	return nil
}

// miss answers paths that no route has: 405 with Allow if another method would, else 404 (S-131).
func (rt *Router) miss(_ http.ResponseWriter, r *http.Request) {
	x := From(r.Context()).x
	methods := rt.methods(r)
	if methods == nil {
		x.fail(r, fault.NotFound)
		return
	}
	x.allow(methods)
	x.fail(r, MethodNotAllowed)
}

// methods are those that the path of a request has; nil if it is no path of ours.
func (rt *Router) methods(r *http.Request) (allow []string) {
	for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if _, pattern := rt.mux.Handler(&http.Request{Method: m, URL: r.URL, Host: r.Host}); pattern != "/" && pattern != "" {
			allow = append(allow, m)
			if m == "GET" {
				allow = append(allow, "HEAD")
			}
		}
	}
	return allow
}

func (x *exchange) allow(methods []string) {
	x.Header()["Allow"] = []string{strings.Join(methods, ", ")}
}

// hostsOf lists the spellings of the public host.
func hostsOf(u *url.URL, local bool) map[string]bool {
	host := strings.ToLower(u.Host)
	hosts := map[string]bool{host: true}
	port := u.Port()
	switch {
	case port == "" && u.Scheme == "https":
		hosts[host+":443"] = true
	case port == "" && u.Scheme == "http":
		hosts[host+":80"] = true
	}
	if local {
		for _, name := range []string{"localhost", "127.0.0.1", "[::1]"} {
			if port != "" {
				name += ":" + port
			}
			hosts[name] = true
		}
	}
	return hosts
}
