package api

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// journey is a journey and its present step.
type journey struct {
	ID        string    `json:"id" doc:"Names the journey; it may stand in logs."`
	Key       string    `json:"key,omitempty" doc:"The secret of the journey, given once; send it as the header Journey-Key."`
	Kind      string    `json:"kind"`
	ExpiresAt time.Time `json:"expires_at"`
	Step      anyStep   `json:"step" doc:"The present step."`
}

type journeyOut struct{ Body journey }

type beginBody struct {
	Kind     string       `json:"kind" enum:"signin,signup" doc:"What the journey is for."`
	Region   string       `json:"region,omitempty" doc:"Policy set; the default one if left out."`
	Locale   string       `json:"locale,omitempty" doc:"BCP 47 tag of the language of messages and refusals; Accept-Language if left out."`
	Country  string       `json:"country,omitempty" doc:"ISO 3166-1 alpha-2 of phone numbers typed without a country code; the region's if left out."`
	ReturnTo string       `json:"return_to,omitempty" doc:"Path on this server where hosted pages lead afterwards."`
	Device   *beginDevice `json:"device,omitempty" doc:"The device that begins the journey."`
}

type beginDevice struct {
	Name  string `json:"name,omitempty" doc:"As its owner would call it: Pixel 9."`
	Kind  string `json:"kind,omitempty" enum:"phone,tablet,computer,browser,tv,other"`
	Token string `json:"token,omitempty" doc:"What the last step of an earlier journey gave as device.token: the account then knows the device."`
}

// Handle names a journey in its address and opens it by a header.
type Handle struct {
	ID  string `path:"id" maxLength:"64"`
	Key string `header:"Journey-Key" doc:"The key of the journey."`
}

func (a *api) journeys() {
	op(a, huma.Operation{OperationID: "begin-journey", Method: http.MethodPost, Path: "/api/v1/journeys", Tags: []string{"Journeys"},
		Summary: "Begin a journey", DefaultStatus: http.StatusCreated}, a.begin)
	op(a, huma.Operation{OperationID: "answer-step", Method: http.MethodPost, Path: "/api/v1/journeys/{id}", Tags: []string{"Journeys"},
		Summary: "Answer the present step", Description: "Gives one input to the present step. A refusal carries the step on which the journey goes on.",
		Errors: []int{401, 403, 404, 409, 410}}, a.answer)
	op(a, huma.Operation{OperationID: "show-step", Method: http.MethodGet, Path: "/api/v1/journeys/{id}", Tags: []string{"Journeys"},
		Summary: "Show the present step again", Errors: []int{404, 410}}, a.show)
}

func (a *api) begin(ctx context.Context, in *struct{ body[beginBody] }) (*journeyOut, error) {
	b := in.Body
	v, err := a.visitor(ctx, b.Device)
	if err != nil {
		return nil, err
	}
	begin := flow.Begin{Kind: b.Kind, Region: b.Region, Country: strings.ToUpper(b.Country)}
	if len(begin.Country) > 2 {
		return nil, fault.InvalidInput.On("country")
	}
	if b.Locale != "" {
		begin.Locale = a.Words.Match(b.Locale)
	}
	if b.ReturnTo != "" {
		path, ok := httpd.ReturnPath(b.ReturnTo)
		if !ok {
			return nil, fault.InvalidInput.On("return_to")
		}
		begin.ReturnTo = path
	}
	t, err := a.Runner.Begin(ctx, v, begin)
	return out(ctx, t, err)
}

func (a *api) answer(ctx context.Context, in *struct {
	Handle
	body[flow.Input]
}) (*journeyOut, error) {
	v, err := a.visitor(ctx, nil)
	if err != nil {
		return nil, err
	}
	t, err := a.Runner.Answer(ctx, v, flow.Handle(in.Handle), in.Body)
	return out(ctx, t, err)
}

func (a *api) show(ctx context.Context, in *Handle) (*journeyOut, error) {
	v, err := a.visitor(ctx, nil)
	if err != nil {
		return nil, err
	}
	t, err := a.Runner.Show(ctx, v, flow.Handle(*in))
	return out(ctx, t, err)
}

// out renders a ticket, or the refusal with the step on which the journey goes
// on, in the language of the journey.
func out(ctx context.Context, t flow.Ticket, err error) (*journeyOut, error) {
	if t.Locale != "" {
		httpd.From(ctx).Locale = t.Locale
	}
	if err != nil {
		if t.Step == nil {
			return nil, err
		}
		return nil, httpd.WithStep(err, t.Step)
	}
	return &journeyOut{journey{ID: t.ID, Key: t.Key, Kind: t.Kind, ExpiresAt: t.ExpiresAt, Step: anyStep{t.Step}}}, nil
}

// visitor describes who is asking.
func (a *api) visitor(ctx context.Context, d *beginDevice) (flow.Visitor, error) {
	i := httpd.From(ctx)
	v := flow.Visitor{Addr: i.Addr, Locale: i.Locale, Place: a.Place(ctx), DeviceKind: "other"}
	if d == nil {
		return v, nil
	}
	name, ok := DeviceName(d.Name)
	if !ok {
		return v, fault.InvalidInput.On("device.name")
	}
	if d.Token != "" && len(d.Token) != 43 {
		return v, fault.InvalidInput.On("device.token")
	}
	v.DeviceName, v.DeviceSecret = name, d.Token
	if d.Kind != "" {
		v.DeviceKind = d.Kind
	}
	switch v.DeviceKind {
	case "phone", "tablet", "computer", "browser", "tv", "other":
		return v, nil
	}
	return v, fault.InvalidInput.On("device.kind")
}

// DeviceName reads the name an app gives its device: one line of at most 60
// characters without anything that could deceive its reader (S-07).
func DeviceName(text string) (string, bool) {
	if len(text) > 240 || !utf8.ValidString(text) {
		return "", false
	}
	name := strings.Join(strings.Fields(text), " ")
	for _, r := range name {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return "", false
		}
	}
	return name, utf8.RuneCountInString(name) <= 60
}
