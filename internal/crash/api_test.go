package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// reply is what the API answers: a journey with its step, an account, a refusal.
type reply struct {
	status int
	ID     string `json:"id"`
	Key    string `json:"key"`
	Step   stage  `json:"step"`

	Code    string    `json:"code"` // of a refusal
	RetryAt time.Time `json:"retry_at"`

	Account  struct{ ID string }
	Nickname string `json:"nickname"`
	Methods  []struct {
		Method string
		On     bool
	}
	Devices  []struct{ ID string }
	Activity []struct{ Kind string }
	Next     string `json:"next"`
	Ended    int    `json:"ended"`
}

// stage is the step of a journey.
type stage struct {
	Type      string
	Inputs    []string
	Sends     int
	TriesLeft int `json:"tries_left"`
	Created   bool
	Account   *struct{ ID string }
	Session   *struct{ Token string }
	Device    *struct{ ID, Token string }
}

type body map[string]any

// ask is one call.
type ask struct {
	method, path string
	token        string // of a session
	key          string // of a journey
	from         string // the address that a proxy would tell
	body         body
}

// errUnsure is a call without an answer, or with one that says to come again: the
// act is whole or absent, and it is not known which.
var errUnsure = errors.New("no answer")

var caller = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 5 * time.Second},
}

func (a ask) request(ctx context.Context, base string) (*http.Request, error) {
	var content io.Reader
	if a.body != nil {
		text, err := json.Marshal(a.body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, a.method, base+a.path, content)
	if err != nil {
		return nil, err
	}
	r.Host = "id.example.com"
	r.Header.Set("X-Forwarded-For", a.from)
	if a.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if a.key != "" {
		r.Header.Set("Journey-Key", a.key)
	}
	return r, nil
}

// at makes the call at a node. The error is a broken connection or a half answer.
func (a ask) at(ctx context.Context, n *node) (reply, error) {
	r, err := a.request(ctx, n.api)
	if err != nil {
		return reply{}, err
	}
	resp, err := caller.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: resp.StatusCode}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			return out, fmt.Errorf("%s %s answers %d with %.200q: %w", a.method, a.path, resp.StatusCode, text, err)
		}
	}
	return out, nil
}

// ask makes the call at a node that serves. Whatever it answers below 500 is an
// answer; 503 with retry_at is one only while the database is away.
func (w *town) ask(ctx context.Context, a ask) (reply, error) {
	r, err := a.at(ctx, w.pick())
	switch {
	case err != nil:
		return r, fmt.Errorf("%w: %w", errUnsure, err)
	case r.status == http.StatusServiceUnavailable && w.away.Load():
		if r.Code != "unavailable" || r.RetryAt.IsZero() {
			w.t.Errorf("R-06: 503 with code %q and retry_at %v", r.Code, r.RetryAt)
		}
		return r, fmt.Errorf("%w: 503", errUnsure)
	case r.status >= 500:
		w.t.Errorf("%s %s answers %d %s", a.method, a.path, r.status, r.Code)
		return r, fmt.Errorf("%w: %d", errUnsure, r.status)
	}
	return r, nil
}
