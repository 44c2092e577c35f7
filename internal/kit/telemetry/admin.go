package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkWait bounds one readiness check.
const checkWait = 2 * time.Second

// Readiness says whether this process should get requests: until it is turned
// off, while its checks pass (R-31: its own database; a carrier or mail server
// that is down is no reason).
type Readiness struct {
	checks []Check
	log    *slog.Logger
	off    atomic.Bool
}

// Check is one thing that a process cannot do without.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}

// NewReadiness makes a Readiness of its checks.
func NewReadiness(log *slog.Logger, checks ...Check) *Readiness {
	return &Readiness{checks: checks, log: log}
}

// Off says no from now on: the process is about to end.
func (r *Readiness) Off() { r.off.Store(true) }

// failing names the first check that fails, "" if all pass.
func (r *Readiness) failing(ctx context.Context) string {
	if r.off.Load() {
		return "shutting down"
	}
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	for _, c := range r.checks {
		if err := c.Run(ctx); err != nil {
			r.log.WarnContext(ctx, "not ready", "check", c.Name, "error", err)
			return c.Name
		}
	}
	return ""
}

// Admin serves /livez, /readyz and /metrics. It belongs on a listener that
// strangers cannot reach (S-160).
func Admin(m *Metrics, ready *Readiness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if name := ready.failing(r.Context()); name != "" {
			say(w, http.StatusServiceUnavailable, "not ready: "+name)
			return
		}
		say(w, http.StatusOK, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
