package httpd

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// Streams lets the answer of a route last as long as its connection: it has no
// deadline, and its context ends with the connection or when the server begins to
// end. The handler writes with Send.
func Streams() Option { return func(r *route) { r.streams = true } }

// endingKey finds, in the context of a request, the context that is over when the
// server begins to end: Shutdown waits for requests in flight and cuts none, and
// one that streams would be in flight for ever.
type endingKey struct{}

// endless is the context of a request whose answer streams.
func (x *exchange) endless() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(x.conn)
	ending, served := ctx.Value(endingKey{}).(context.Context)
	if !served {
		return ctx, cancel
	}
	stop := context.AfterFunc(ending, cancel)
	return ctx, func() { stop(); cancel() }
}

// sendFor is how long one piece of a stream may take to leave: a client that does
// not read is cut (S-153).
const sendFor = 10 * time.Second

// Send writes a piece of a stream and lets it go at once.
func Send(w http.ResponseWriter, text string) error {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(clock.System().Now().Add(sendFor)) // a recorder of the tests has none
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return rc.Flush()
}
