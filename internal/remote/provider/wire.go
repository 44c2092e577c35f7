package provider

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How long a vendor may take: to answer a connection, and altogether; and how much
// it may answer.
const (
	dialFor  = 3 * time.Second
	WaitFor  = 8 * time.Second
	spareFor = 3 * time.Second
	bodyMost = 1 << 20 // bytes
)

// Wire is the way to a vendor: no redirects, no cookies, no proxies of the
// environment, a deadline, at most 1 MiB, nothing is sent twice. An error of it never
// holds an address, because vendors want secrets in the query.
type Wire struct {
	// Transport carries the requests; nil: a plain one. The demo's ends in the lab.
	Transport http.RoundTripper
	// For is how long one call may take; 0: WaitFor.
	For time.Duration
}

// Spare is the way for a call that brings no more than a name, once it is known who
// it was: it takes 3 s at most.
func (w Wire) Spare() Wire {
	if w.For == 0 || w.For > spareFor {
		w.For = spareFor
	}
	return w
}

// Answer is what a vendor answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

var plain = &http.Transport{
	DialContext:         (&net.Dialer{Timeout: dialFor, KeepAlive: 30 * time.Second}).DialContext,
	TLSHandshakeTimeout: dialFor, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
	Proxy: nil, DisableCompression: true,
}

// Get asks for an address with a query.
func (w Wire) Get(ctx context.Context, base string, query url.Values, header ...string) (Answer, error) {
	if len(query) > 0 {
		sep := "?"
		if strings.Contains(base, "?") {
			sep = "&"
		}
		base += sep + query.Encode()
	}
	return w.Do(ctx, http.MethodGet, base, "", nil, header...)
}

// Post sends a form.
func (w Wire) Post(ctx context.Context, to string, form url.Values, header ...string) (Answer, error) {
	return w.Do(ctx, http.MethodPost, to, "application/x-www-form-urlencoded;charset=utf-8", []byte(form.Encode()), header...)
}

// Do makes one request; header are names and values in turn. It fails with a
// *Failure: Temporary if nothing came, Malformed if too much came.
func (w Wire) Do(ctx context.Context, method, to, kind string, body []byte, header ...string) (Answer, error) {
	wait := w.For
	if wait == 0 {
		wait = WaitFor
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(string(body)))
	if err != nil {
		return Answer{}, Fail(Config, "address")
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "selfsame")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	var carry http.RoundTripper = plain
	if w.Transport != nil {
		carry = w.Transport
	}
	resp, err := carry.RoundTrip(r)
	if err != nil {
		return Answer{}, Fail(Temporary, "").Because(bare(err))
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(io.LimitReader(resp.Body, bodyMost+1))
	switch {
	case err != nil:
		return Answer{}, Fail(Temporary, "").Because(bare(err))
	case len(read) > bodyMost:
		return Answer{}, Fail(Malformed, "oversized")
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: read}, nil
}

// bare is an error without the address that it is about.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return errors.New("cannot be reached (" + op.Op + ")")
	}
	return errors.New("no answer")
}
