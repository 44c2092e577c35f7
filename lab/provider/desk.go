package provider

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/lab/agenda"
)

// Options are what a vendor's desk is made of.
type Options struct {
	Clock     agenda.Clock
	Title     string            // the vendor's name as people know it: "WeChat 微信"
	NoticeURL string            // where its messages go: the product's /hooks/federation/{provider}
	Transport http.RoundTripper // brings them; nil: a plain one
	Log       *slog.Logger      // nil: slog.Default()
}

// Desk is a vendor's people, failures, codes and record. Its methods may be called
// from many goroutines.
type Desk struct {
	Options
	mu       sync.Mutex
	people   []Person
	failure  Failure
	codes    map[string]*issued
	requests []Request
}

type issued struct {
	what any
	ends time.Time
	used bool
}

// Request is one request that a vendor got, as tests look at it.
type Request struct {
	At     time.Time           `json:"at"`
	Method string              `json:"method"`
	Path   string              `json:"path"`
	Fields map[string][]string `json:"fields"` // query and form together
	Header http.Header         `json:"header"`
}
