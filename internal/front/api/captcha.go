package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Pictures answers the picture or sound of a journey's captcha.
type Pictures struct {
	Find   func(ctx context.Context, journey, nonce string) (captcha.Secrets, string, error)
	Studio *captcha.Studio
}

// serve answers GET /captcha/{journey}/{nonce}.png and .wav: the addresses that
// a captcha step carries. The nonce is random and used once; the address tells
// nothing of the answer (S-179).
func (p Pictures) serve(w http.ResponseWriter, r *http.Request) error {
	nonce, kind, _ := strings.Cut(r.PathValue("file"), ".")
	secrets, tag, err := p.Find(r.Context(), r.PathValue("journey"), nonce)
	if err != nil {
		return err
	}
	var data []byte
	switch kind {
	case "png":
		data, err = p.Studio.Image(r.Context(), secrets)
		w.Header().Set("Content-Type", "image/png")
	case "wav":
		data, err = p.Studio.Audio(r.Context(), secrets, tag)
		w.Header().Set("Content-Type", "audio/wav")
	default:
		return fault.NotFound
	}
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
