package idtokentest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// To carries every request to a handler, without a network.
type To struct{ Handler http.Handler }

// RoundTrip serves one request.
func (t To) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	kept := r.Clone(r.Context())
	kept.RequestURI = r.URL.RequestURI()
	if kept.Body == nil {
		kept.Body = http.NoBody // as a server gives it
	}
	t.Handler.ServeHTTP(w, kept)
	return w.Result(), nil
}

// Inbox carries what a vendor sends by itself to an adapter, and keeps what the
// adapter made of it.
type Inbox struct {
	To  provider.Notifier
	Now func() time.Time
	// Got and Err are of the last message.
	Got provider.Received
	Err error
}

// RoundTrip reads one message; the answer's status is that of a door.
func (i *Inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	i.Got, i.Err = i.To.Receive(context.WithoutCancel(r.Context()), provider.Message{
		Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body, Now: i.Now(),
	})
	status := http.StatusOK
	if i.Err != nil {
		status = http.StatusBadRequest
	} else if i.Got.Reply != nil {
		status = i.Got.Reply.Status
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}
