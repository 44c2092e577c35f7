package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Pictures answers the picture or sound of a journey's captcha.
type Pictures struct {
	Find   func(ctx context.Context, journey, nonce string) (captcha.Secrets, string, error)
	Studio *captcha.Studio
}

// file is an answer that is no JSON.
type file struct {
	Type string `header:"Content-Type"`
	Body []byte
}

// pictureName is the address of a picture. The library takes the whole of a
// segment for a parameter, so the ending is part of it.
type pictureName struct {
	Journey string `path:"journey" doc:"The journey's id."`
	File    string `path:"file" doc:"The name that the step gives: .png is the picture, .wav its spoken alternative."`
}

func (a *api) captcha() {
	register(a, call{id: "get-captcha", method: http.MethodGet, path: "/captcha/{journey}/{file}", tag: "Journeys", sends: "image/png",
		summary: "The picture or sound of a captcha",
		about:   "The addresses that a captcha step carries as image and audio. They need no key, tell nothing of the answer, and end with the captcha.",
		refuses: []*fault.Fault{fault.NotFound, fault.Unavailable}},
		func(ctx context.Context, _ *session.Live, in *pictureName) (*file, error) {
			return a.Pictures.render(ctx, in.Journey, in.File)
		})
}

// render draws or speaks the captcha that name means. The nonce in it is random
// and used once; the address tells nothing of the answer (S-179).
func (p Pictures) render(ctx context.Context, journey, name string) (*file, error) {
	nonce, kind, _ := strings.Cut(name, ".")
	if !isName(journey) || !isName(nonce) || kind != "png" && kind != "wav" {
		return nil, fault.NotFound
	}
	secrets, tag, err := p.Find(ctx, journey, nonce)
	if err != nil {
		return nil, err
	}
	if kind == "png" {
		data, err := p.Studio.Image(ctx, secrets)
		return &file{"image/png", data}, err
	}
	data, err := p.Studio.Audio(ctx, secrets, tag)
	return &file{"audio/wav", data}, err
}
