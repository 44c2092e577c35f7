package hooks

import (
	"context"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
)

// Notified takes what a third-party provider tells by itself, and says what it is to
// hear. *linking.House is one.
type Notified interface {
	Receive(ctx context.Context, provider string, m linking.Message) (*linking.Reply, error)
}

// MountFederation registers /hooks/federation/{provider}: POST for messages, GET for
// providers that first ask whether the address is ours (WeChat) or tell by it (Weibo).
func MountFederation(rt *httpd.Router, n Notified) {
	rt.FaceAt("/hooks/", httpd.API())
	handle := func(w http.ResponseWriter, req *http.Request) error {
		body, err := raw(req)
		if err != nil {
			return err
		}
		reply, err := n.Receive(req.Context(), req.PathValue("provider"), linking.Message{Method: req.Method, Query: req.URL.Query(), Header: req.Header, Body: body})
		if err != nil {
			return err
		}
		if reply == nil {
			w.WriteHeader(http.StatusOK)
			return nil
		}
		if reply.Type != "" {
			w.Header().Set("Content-Type", reply.Type)
		}
		w.WriteHeader(reply.Status)
		_, _ = w.Write(reply.Body) // who is gone comes again
		return nil
	}
	rt.Handle("POST /hooks/federation/{provider}", handle, httpd.Foreign())
	rt.Handle("GET /hooks/federation/{provider}", handle, httpd.Foreign())
}
