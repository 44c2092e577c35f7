package main

import (
	"context"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
)

// vitals are what the process has before its house.
type vitals struct {
	Clock   *clock.Clock
	Log     *slog.Logger
	Metrics *telemetry.Metrics
	Tracer  trace.Tracer // nil traces nothing
	Version string
}

// house is one wired process, as the commands use it. build makes it.
type house struct {
	Public http.Handler                    // pages and API
	Admin  http.Handler                    // /livez, /readyz, /metrics
	Ready  *telemetry.Readiness            // what /readyz answers
	Run    func(ctx context.Context) error // jobs and watchers, until ctx ends
	Close  func() error                    // after Run has ended

	Senders []telemetry.Check // the ways out, each checked by asking it
	Try     []string          // what the demo proposes, a line each

	ShowAccount func(ctx context.Context, id string) (accountShown, error)
	SignOut     func(ctx context.Context, id string) (ended int, err error)
	ChangeState func(ctx context.Context, id string, c account.Cause) error
	Seed        func(ctx context.Context, n int, tell func(made int)) error
	// Reseal puts everything under the primary keys; left is what is not there yet.
	Reseal func(ctx context.Context) (changed, left int, err error)
}

// accountShown is an account as support sees it: contacts masked (S-141).
type accountShown struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Region    string `json:"region"`
	Nickname  string `json:"nickname"`
	CreatedAt string `json:"created_at"` // RFC 3339, UTC
	Phone     string `json:"phone,omitempty"`
	Email     string `json:"email,omitempty"`
	Password  bool   `json:"password"`
	Sessions  int    `json:"sessions"`
}
