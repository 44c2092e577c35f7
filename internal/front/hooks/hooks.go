// Package hooks holds the doors for machines that call back: carriers with
// receipts and texts that people sent, third-party providers with what happened
// there. It hands the raw body on, because the signature is over it (S-150);
// whether to believe it is the receiver's. It must never read what it hands on,
// answers nothing but a status and what the receiver wants said, and owns no
// table.
package hooks

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
)

// Receiver takes what came for a route, and refuses what is not signed.
type Receiver interface {
	Callback(ctx context.Context, route string, header map[string][]string, query url.Values, body []byte) error
}

// Mount registers POST /hooks/sms/{route} (docs/protocols/http-carrier.md).
func Mount(rt *httpd.Router, r Receiver) {
	rt.FaceAt("/hooks/", httpd.API())
	rt.Handle("POST /hooks/sms/{route}", func(w http.ResponseWriter, req *http.Request) error {
		body, err := raw(req)
		if err != nil {
			return err
		}
		if err := r.Callback(req.Context(), req.PathValue("route"), req.Header, req.URL.Query(), body); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}, httpd.Foreign())
}

// raw reads a body within the cap of its route, 64 KiB.
func raw(req *http.Request) ([]byte, error) {
	body, err := io.ReadAll(req.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, httpd.TooLarge.Because(err)
	}
	if err != nil {
		return nil, httpd.InvalidJSON.Because(err) // cut off on the way: 400, so that it comes again
	}
	return body, nil
}
