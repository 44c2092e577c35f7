package httpd

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Info is what the frame knows of a request.
type Info struct {
	ID     string         // of the request, also in the answer's Request-Id header
	Addr   netip.Addr     // of the client, IPv4 never mapped into IPv6 (S-151)
	Nonce  string         // of the content security policy; empty on faces that are no pages
	Locale locale.Tag     // from the cookie "lang", then Accept-Language
	Zone   *time.Location // for times in sentences; nil is UTC, and the times say so
	x      *exchange
}

type infoKey struct{}

// From answers the Info of a request's context. Outside a Router it is an empty one.
func From(ctx context.Context) *Info {
	if i, ok := ctx.Value(infoKey{}).(*Info); ok {
		return i
	}
	return &Info{}
}

// exchange is one request and its answer under way.
type exchange struct {
	http.ResponseWriter
	info   Info
	rt     *Router
	req    *http.Request
	conn   context.Context // of the connection, without the deadline
	route  *route
	face   *Face
	status int
	bytes  int64
	quiet  bool // the failure is logged already
	jar    jar
	form   url.Values
}

// WriteHeader notes the status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 || x.status < 200 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(b)
	x.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the copy of a file cheap.
func (x *exchange) ReadFrom(r io.Reader) (int64, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := io.Copy(x.ResponseWriter, r)
	x.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteBuffer answers 200 with what was rendered: pages are made whole before a byte of them leaves.
func WriteBuffer(w http.ResponseWriter, contentType string, b *bytes.Buffer) error {
	w.Header()["Content-Type"] = []string{contentType}
	_, err := w.Write(b.Bytes())
	return err
}
