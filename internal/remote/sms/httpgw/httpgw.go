// Package httpgw holds the carrier that is reached by HTTP and described by
// configuration alone: where to post, what the body looks like, where the answer
// has its id, what its words mean, how it signs its reports. Its default dialect
// is docs/protocols/http-carrier.md. It must never follow a redirect, use the
// environment's proxies or credentials, or show an address, a number or a text in an error.
package httpgw

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// Config describes a carrier.
type Config struct {
	Name     string            // of the route: it stands in the callback's address
	Base     string            // "https://carrier.example.com/v1"
	Token    string            // bearer token; or
	User     string            // basic authentication
	Password string            //
	Header   map[string]string // further headers
	From     string            // the sender shown
	Callback string            // our public address for reports, "" for none
	Secrets  []string          // that sign reports, any one; none: every report is refused
	WaitFor  time.Duration     // for an answer; 0 is 10 s
	Conns    int               // at once; 0 is 64
	Dialect  Dialect           // zero: Default()
	// Transport reaches a carrier in the same process; nil dials.
	Transport http.RoundTripper
}

// Carrier is a carrier behind HTTP. It is an sms.Carrier.
type Carrier struct {
	cfg    Config
	d      Dialect
	clock  *clock.Clock
	client *http.Client
	traced bool // the transport is net/http's, which tells when a connection is there
}

var _ sms.Carrier = (*Carrier)(nil)

// answerMost bounds what is read of an answer, in bytes.
const answerMost = 64 << 10

// New is a carrier by cfg. The error lists everything that is wrong with it.
func New(cfg Config, c *clock.Clock) (*Carrier, error) {
	if cfg.Dialect.Body == "" {
		cfg.Dialect = Default()
	}
	if cfg.WaitFor == 0 {
		cfg.WaitFor = 10 * time.Second
	}
	if cfg.Conns == 0 {
		cfg.Conns = 64
	}
	var faults []error
	if cfg.Name == "" || cfg.Name != url.PathEscape(cfg.Name) {
		faults = append(faults, fmt.Errorf("name %q cannot stand in an address", cfg.Name))
	}
	if u, err := url.Parse(cfg.Base); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		faults = append(faults, errors.New("base is not an http or https address without credentials"))
	}
	if strings.ContainsAny(cfg.From+cfg.Token+cfg.User+cfg.Callback, "\r\n") {
		faults = append(faults, errors.New("from, token, user and callback take no line breaks"))
	}
	if err := errors.Join(append(faults, cfg.Dialect.check())...); err != nil {
		return nil, fmt.Errorf("the carrier %q: %w", cfg.Name, err)
	}
	if cfg.Transport == nil {
		cfg.Transport = transport(cfg.Conns)
	}
	_, traced := cfg.Transport.(*http.Transport)
	return &Carrier{cfg: cfg, d: cfg.Dialect, clock: c, traced: traced, client: &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func transport(conns int) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxConnsPerHost:     conns,
		MaxIdleConnsPerHost: conns,
		IdleConnTimeout:     60 * time.Second,
		ForceAttemptHTTP2:   true,
	}
}

// Name is the route's name.
func (c *Carrier) Name() string { return c.cfg.Name }

// SafeToRepeat tells whether the carrier knows a repetition by its id.
func (c *Carrier) SafeToRepeat() bool { return c.d.KeyHeader != "" }

// Send hands one text over.
func (c *Carrier) Send(ctx context.Context, t sms.Text) (sms.Accepted, error) {
	if !sms.ValidID(t.ID) || !sms.ValidNumber(t.To) || t.Body == "" {
		return sms.Accepted{}, attempt.Fail(attempt.Permanent, attempt.Unknown, errors.New("the id, the number or the text is not one"))
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.WaitFor)
	defer cancel()
	var connected atomic.Bool // until then nothing can have been sent
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := c.request(ctx, t)
	if err != nil {
		return sms.Accepted{}, attempt.Fail(attempt.Temporary, attempt.Service, errors.New("the request cannot be built"))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		if c.traced && !connected.Load() {
			return sms.Accepted{}, attempt.Fail(attempt.Temporary, attempt.Service, cause(err))
		}
		return sms.Accepted{}, attempt.Fail(attempt.Ambiguous, attempt.Service, cause(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	if err != nil {
		return sms.Accepted{}, attempt.Fail(attempt.Ambiguous, attempt.Service, cause(err))
	}
	return c.judge(t, resp, body)
}

// cause drops the outer error of net/http, which shows the carrier's address.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Carrier) request(ctx context.Context, t sms.Text) (*http.Request, error) {
	expires := t.ExpiresAt
	if expires.IsZero() {
		expires = c.clock.Now().Add(24 * time.Hour)
	}
	values := map[string]string{
		"{id}": t.ID, "{to}": t.To, "{to_digits}": t.To[1:], "{from}": c.cfg.From, "{text}": t.Body,
		"{callback}": c.cfg.Callback, "{expires_at}": expires.UTC().Format(time.RFC3339),
	}
	body := c.d.fill(func(place string) string { return c.d.escape(values[place]) })
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.cfg.Base, "/")+c.d.Path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	for name, value := range c.cfg.Header {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", c.d.ContentType)
	req.Header.Set("Accept", jsonType)
	if c.d.KeyHeader != "" {
		req.Header.Set(c.d.KeyHeader, t.ID)
	}
	switch {
	case c.cfg.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	case c.cfg.User != "":
		req.SetBasicAuth(c.cfg.User, c.cfg.Password)
	}
	return req, nil
}

// judge reads an answer.
func (c *Carrier) judge(t sms.Text, resp *http.Response, body []byte) (sms.Accepted, error) {
	answer, readable := decode(body)
	status := fmt.Errorf("status %d", resp.StatusCode)
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		f := attempt.Fail(attempt.Temporary, attempt.Service, status)
		f.RetryAfter = retryAfter(resp.Header.Get("Retry-After"))
		return sms.Accepted{}, f
	case code >= 500 || code == http.StatusRequestTimeout:
		return sms.Accepted{}, attempt.Fail(attempt.Ambiguous, attempt.Service, status)
	case code == http.StatusUnauthorized || code >= 300 && code < 400:
		return sms.Accepted{}, attempt.Fail(attempt.Elsewhere, attempt.Service, status)
	case code >= 400:
		return sms.Accepted{}, c.refusal(answer, status)
	case !readable && (c.d.ID != "" || c.d.Status != ""):
		return sms.Accepted{}, attempt.Fail(attempt.Ambiguous, attempt.Service, errors.New("taken, with an answer that cannot be read"))
	case c.d.Status != "" && !contains(c.d.OK, at(answer, c.d.Status)):
		return sms.Accepted{}, c.refusal(answer, status)
	}
	id := t.ID
	if c.d.ID != "" {
		id = at(answer, c.d.ID)
	}
	if !validPeerID(id) {
		return sms.Accepted{}, attempt.Fail(attempt.Ambiguous, attempt.Service, errors.New("taken, without an id"))
	}
	return sms.Accepted{ProviderID: id}, nil
}

// refusal reads the word that says why; a word that is not known is taken for
// trouble with the carrier, because calling it the person's would be a guess.
func (c *Carrier) refusal(answer any, status error) error {
	word := at(answer, c.d.Error)
	if m, ok := c.d.Errors[word]; ok {
		return attempt.Fail(m.Class, m.Reason, status)
	}
	return attempt.Fail(attempt.Elsewhere, attempt.Service, status)
}

// retryAfter reads seconds; dates are not worth the trust in another's clock.
func retryAfter(header string) time.Duration {
	n, err := strconv.Atoi(header)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 3600)) * time.Second
}

func decode(body []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	return v, true
}

// validPeerID takes 1 to 128 printable ASCII characters.
func validPeerID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}
