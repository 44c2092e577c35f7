package provider

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Request is one request that a vendor got, as tests look at it.
type Request struct {
	At     time.Time           `json:"at"`
	Method string              `json:"method"`
	Path   string              `json:"path"`
	Fields map[string][]string `json:"fields"` // query and form together; any other body is "body"
	Header http.Header         `json:"header"`
}

const (
	keepRequests = 500
	maxRequest   = 1 << 20
)

// Note writes r into the record. It parses the form, so r.Form and r.PostForm can be
// read afterwards; any other body can be read again.
func (d *Desk) Note(r *http.Request) {
	q := Request{At: d.Now(), Method: r.Method, Path: r.URL.Path, Fields: map[string][]string{}, Header: r.Header.Clone()}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); { // unreadable: no form
	case kind == "application/x-www-form-urlencoded" || r.Body == nil:
		r.Body = limited(r.Body)
		_ = r.ParseForm() // what could be read is in r.Form
		add(q.Fields, r.Form)
	case kind == "multipart/form-data":
		r.Body = limited(r.Body)
		_ = r.ParseMultipartForm(maxRequest)
		add(q.Fields, r.Form)
	default:
		body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest)) // a broken body is noted as far as it came
		r.Body = io.NopCloser(bytes.NewReader(body))
		add(q.Fields, r.URL.Query())
		if len(body) > 0 {
			q.Fields["body"] = []string{string(body)}
		}
		_ = r.ParseForm() // the query only
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	if len(d.requests) >= keepRequests {
		d.requests = slices.Delete(d.requests, 0, len(d.requests)-keepRequests+1)
	}
	d.requests = append(d.requests, q)
}

func limited(body io.ReadCloser) io.ReadCloser {
	if body == nil {
		return http.NoBody
	}
	return http.MaxBytesReader(nil, body, maxRequest)
}

func add(to map[string][]string, from url.Values) {
	for name, values := range from {
		to[name] = slices.Clone(values)
	}
}

// Requests are the last 500 that came, oldest first.
func (d *Desk) Requests() []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}
