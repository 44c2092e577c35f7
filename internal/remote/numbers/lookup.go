package numbers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// Lookup asks somebody outside what line a number is. The answer has three
// values: a line that the policy takes, a line that it refuses, and no answer,
// which is Unknown or an error. No answer never refuses a number.
type Lookup interface {
	Line(ctx context.Context, e164 string) (Line, error)
}

// History is what a look-up knows of who holds a number. A zero time is not known,
// which is never "it did not happen" (S-80).
type History struct {
	SIMSwappedAt time.Time // when the SIM was last changed
	ReassignedAt time.Time // when the number came to its present subscriber
}

// Historian is a Lookup that knows the history of numbers too.
type Historian interface {
	History(ctx context.Context, e164 string) (History, error)
}

// ErrNoAnswer means that the look-up did not say.
var ErrNoAnswer = errors.New("numbers: the line look-up gave no answer")

// HTTPConfig describes a look-up that speaks docs/protocols/line-lookup.md.
type HTTPConfig struct {
	Base    string // "https://lines.example.com/v1", set by the operator
	Token   string // bearer token
	WaitFor time.Duration
	KeepFor time.Duration // how long an answer is used again; 0 is 10 minutes, less is never
	// Transport reaches a look-up in the same process; nil dials.
	Transport http.RoundTripper
}

// HTTPLookup is the look-up over HTTP. It is safe for concurrent use.
type HTTPLookup struct {
	cfg    HTTPConfig
	clock  *clock.Clock
	client *http.Client

	mu   sync.Mutex
	kept map[string]keptLine
}

type keptLine struct {
	answer answer
	until  time.Time
}

// answer is what a look-up says of a number.
type answer struct {
	Line         Line      `json:"line"`
	SIMSwappedAt time.Time `json:"sim_swapped_at"`
	ReassignedAt time.Time `json:"reassigned_at"`
}

const (
	lookupBody = 16 << 10
	lookupKept = 10_000 // answers kept in memory, about 1 MB
)

// NewHTTPLookup is a look-up by cfg. Redirects are not followed, the
// environment's proxies and credentials are not used (S-148), and an answer
// takes at most cfg.WaitFor.
func NewHTTPLookup(cfg HTTPConfig, c *clock.Clock) *HTTPLookup {
	if cfg.WaitFor == 0 {
		cfg.WaitFor = 2 * time.Second
	}
	if cfg.KeepFor == 0 {
		cfg.KeepFor = 10 * time.Minute
	}
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true}
	}
	return &HTTPLookup{cfg: cfg, clock: c, kept: map[string]keptLine{}, client: &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Line asks, or answers from memory.
func (l *HTTPLookup) Line(ctx context.Context, e164 string) (Line, error) {
	a, err := l.find(ctx, e164)
	return a.Line, err
}

// History asks, or answers from memory. The line-type look-up answers both.
func (l *HTTPLookup) History(ctx context.Context, e164 string) (History, error) {
	a, err := l.find(ctx, e164)
	return History{a.SIMSwappedAt, a.ReassignedAt}, err
}

func (l *HTTPLookup) find(ctx context.Context, e164 string) (answer, error) {
	now := l.clock.Now()
	if a, ok := l.recall(e164, now); ok {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.WaitFor)
	defer cancel()
	a, err := l.ask(ctx, e164)
	if err != nil {
		return a, err
	}
	l.keep(e164, keptLine{a, now.Add(l.cfg.KeepFor)}, now)
	return a, nil
}

func (l *HTTPLookup) ask(ctx context.Context, e164 string) (answer, error) {
	unknown := answer{Line: Unknown}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		strings.TrimRight(l.cfg.Base, "/")+"/lines/"+url.PathEscape(e164), nil)
	if err != nil {
		return unknown, ErrNoAnswer
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+l.cfg.Token)
	resp, err := l.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the outer error shows the address, which holds the number
		}
		return unknown, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, lookupBody+1))
	if err != nil || len(body) > lookupBody {
		return unknown, fmt.Errorf("%w: the body broke off or is too large", ErrNoAnswer)
	}
	if resp.StatusCode != http.StatusOK {
		return unknown, fmt.Errorf("%w: status %d", ErrNoAnswer, resp.StatusCode)
	}
	var said answer
	if json.Unmarshal(body, &said) != nil {
		return unknown, fmt.Errorf("%w: no JSON object", ErrNoAnswer)
	}
	switch said.Line {
	case Mobile, Fixed, VoIP, Premium, IoT:
	default:
		said.Line = Unknown
	}
	return said, nil
}

func (l *HTTPLookup) recall(e164 string, now time.Time) (answer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.kept[e164]
	return k.answer, ok && now.Before(k.until)
}

func (l *HTTPLookup) keep(e164 string, k keptLine, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) >= lookupKept {
		for number, old := range l.kept {
			if !now.Before(old.until) {
				delete(l.kept, number)
			}
		}
		if len(l.kept) >= lookupKept {
			clear(l.kept) // under a flood, forgetting costs a question, no more
		}
	}
	l.kept[e164] = k
}
