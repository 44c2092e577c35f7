package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// journeyView is a journey and its present step.
type journeyView struct {
	ID        string    `json:"id" doc:"Names the journey. It may stand in logs; by itself it opens nothing."`
	Key       string    `json:"key,omitempty" doc:"The secret of the journey, given once. Send it as the header Journey-Key with every further call, and write it to no log."`
	Kind      string    `json:"kind" enum:"signin,signup,recover,unfreeze,freeze,prove,change_phone,change_email,remove_phone,remove_email,dispute_phone,dispute_email,link" doc:"What the journey is for."`
	ExpiresAt time.Time `json:"expires_at" doc:"When the journey ends if it is not finished."`
	Step      anyStep   `json:"step" doc:"The present step."`
}

// anyStep is a step in an answer: one of the typed steps.
type anyStep struct{ step.Step }

// MarshalJSON writes the step itself.
func (s anyStep) MarshalJSON() ([]byte, error) { return json.Marshal(s.Step) }

type beginJourney struct {
	Kind     string       `json:"kind" enum:"signin,signup,recover,unfreeze,freeze,prove,change_phone,change_email,remove_phone,remove_email,dispute_phone,dispute_email" doc:"What the journey is for. signin creates the account where nobody has the proved contact and the region allows it. recover gets an owner back in with a new password, and undoes what somebody else changed; unfreeze lifts a freeze; freeze shuts everybody out. None of these needs a session. prove gives the session of the call more proof, for the action named in for; it ends with a new session token. change_phone and change_email give the signed-in account another contact in the place of the old one, or the one that it lacks; remove_phone and remove_email take one away; dispute_phone and dispute_email ask for one that another account has. These need a session, and ask for the proofs that they need."`
	For      string       `json:"for,omitempty" enum:"find,set_password,view_contacts,add_contact,change_phone,change_email,replace_phone,replace_email,remove_phone,remove_email,add_method,remove_method,recovery_codes,two_step_on,two_step_off,trust_device,link,unlink,export,delete" doc:"Of prove: the action, as a refusal proof_required named it. Of recover: find, if the account ID is all that is wanted."`
	Region   string       `json:"region,omitempty" doc:"Policy set, such as intl or cn; the server's first one if left out."`
	Locale   string       `json:"locale,omitempty" maxLength:"35" doc:"BCP 47 tag of the language of messages and refusals; Accept-Language if left out."`
	Country  string       `json:"country,omitempty" pattern:"^[A-Za-z]{2}$" doc:"ISO 3166-1 alpha-2 code of phone numbers typed without a country code; the region's if left out."`
	Surface  string       `json:"surface,omitempty" enum:"app,setup" doc:"Where the person is: app, a native app; setup, the set-up of a device. It says which third-party accounts are offered; app if left out."`
	ReturnTo string       `json:"return_to,omitempty" maxLength:"1024" doc:"Path on this server where hosted pages lead afterwards."`
	Device   *beginDevice `json:"device,omitempty" doc:"The device that begins the journey."`
}

type beginDevice struct {
	Name  string `json:"name,omitempty" maxLength:"60" doc:"As its owner would call it."`
	Kind  string `json:"kind,omitempty" enum:"phone,tablet,computer,browser,tv,other" doc:"other if left out."`
	Token string `json:"token,omitempty" minLength:"43" maxLength:"43" doc:"What the last step of an earlier journey gave as device.token: the account then knows the device."`
}

// Handle names a journey in its address; its key comes as a header. It is
// exported because the library binds only what is.
type Handle struct {
	ID string `path:"id" doc:"The journey's id."`
}

func (a *api) journeys() {
	const tag = "Journeys"
	ask(a, call{id: "begin-journey", method: http.MethodPost, path: "/api/v1/journeys", tag: tag, status: http.StatusCreated, maybe: true,
		summary: "Begin a journey",
		about:   "Answers the first step and the key of the journey. Nothing is sent and nobody is told. prove, change_phone and change_email need a session, here and at every step.",
		repeat:  "Begins another journey; the first one ends by itself and had no effect.",
		refuses: []*fault.Fault{fault.InvalidInput, session.ProofRequired}, examples: beginExamples}, a.begin)
	ask(a, call{id: "answer-step", method: http.MethodPost, path: "/api/v1/journeys/{id}", tag: tag, key: true, maybe: true,
		summary: "Answer the present step",
		about:   "Gives one of the inputs that the step lists. A refusal carries the step on which the journey goes on. A finished journey repeats its session for two minutes.",
		repeat:  "Has no second effect: an input that was taken answers journey_step, a code that was taken code_used, a resend codes_limited, each with the present step.",
		refuses: inputFaults(), examples: answerExamples}, a.answer)
	ask(a, call{id: "show-step", method: http.MethodGet, path: "/api/v1/journeys/{id}", tag: tag, key: true, maybe: true,
		summary: "Show the present step again",
		about:   "A journey that was begun in a session is shown in that session only. Ask every two seconds at most while a code is on its way: delivery says how far it has come.",
		refuses: []*fault.Fault{fault.NotFound, flow.JourneyExpired, session.Required}, examples: showExamples}, a.show)
}

func (a *api) begin(ctx context.Context, _ *session.Live, in *struct{ body[beginJourney] }) (*journeyView, error) {
	b := in.Sent
	v, err := a.visitor(ctx, b.Device)
	if err != nil {
		return nil, err
	}
	switch b.Surface {
	case "app", "setup":
		v.Surface = b.Surface
	case "":
	default:
		return nil, fault.InvalidInput.On("surface")
	}
	begin := flow.Begin{Kind: b.Kind, For: b.For, Region: b.Region, Country: strings.ToUpper(b.Country)}
	if begin.Country != "" && (len(b.Country) != 2 || strings.Trim(begin.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return nil, fault.InvalidInput.On("country")
	}
	if len(b.Locale) > 35 { // RFC 5646 section 4.4.1
		return nil, fault.InvalidInput.On("locale")
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

func (a *api) answer(ctx context.Context, _ *session.Live, in *struct {
	Handle
	body[flow.Input]
}) (*journeyView, error) {
	h, err := in.open(ctx)
	if err != nil {
		return nil, err
	}
	v, err := a.visitor(ctx, nil)
	if err != nil {
		return nil, err
	}
	t, err := a.Runner.Answer(ctx, v, h, in.Sent)
	return out(ctx, t, err)
}

func (a *api) show(ctx context.Context, _ *session.Live, in *Handle) (*journeyView, error) {
	h, err := in.open(ctx)
	if err != nil {
		return nil, err
	}
	v, err := a.visitor(ctx, nil)
	if err != nil {
		return nil, err
	}
	t, err := a.Runner.Show(ctx, v, h)
	return out(ctx, t, err)
}

// keyHeader carries the key of a journey.
const keyHeader = "Journey-Key"

// open joins the id of the address with the key of the header. A key that is
// missing, came twice or can be none of ours finds nothing.
func (h Handle) open(ctx context.Context) (flow.Handle, error) {
	keys := requestOf(ctx).Header[keyHeader]
	if len(keys) != 1 || !isName(keys[0]) || !isName(h.ID) {
		return flow.Handle{}, fault.NotFound
	}
	return flow.Handle{ID: h.ID, Key: keys[0]}, nil
}

// out renders a ticket, or the refusal with the step on which the journey goes
// on, in the language of the journey.
func out(ctx context.Context, t flow.Ticket, err error) (*journeyView, error) {
	if t.Locale != "" {
		httpd.From(ctx).Locale = t.Locale
	}
	if err != nil {
		if t.Step == nil {
			return nil, err
		}
		return nil, httpd.WithStep(err, t.Step)
	}
	return &journeyView{ID: t.ID, Key: t.Key, Kind: t.Kind, ExpiresAt: t.ExpiresAt, Step: anyStep{t.Step}}, nil
}

// secretLength is that of every secret of ours (randid.Secret).
const secretLength = 43

// visitor describes who is asking.
func (a *api) visitor(ctx context.Context, d *beginDevice) (flow.Visitor, error) {
	i := httpd.From(ctx)
	v := flow.Visitor{Addr: i.Addr, Locale: i.Locale, Place: a.Place(ctx), DeviceKind: "other", Surface: "app"}
	if l, err := a.live(ctx); err == nil { // whoever is signed in, for the journeys that need it
		v.Session = l
	} else if fault.From(err) == nil {
		return v, err
	}
	if d == nil {
		return v, nil
	}
	name, ok := deviceName(d.Name)
	if !ok {
		return v, fault.InvalidInput.On("device.name")
	}
	if d.Token != "" && (!isName(d.Token) || len(d.Token) != secretLength) {
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

// deviceName reads the name an app gives its device: one line of at most 60
// characters without anything that could deceive its reader (S-07).
func deviceName(text string) (string, bool) {
	if len(text) > 240 || !utf8.ValidString(text) {
		return "", false
	}
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || r == utf8.RuneError {
			return "", false
		}
	}
	name := strings.Join(strings.Fields(text), " ")
	return name, utf8.RuneCountInString(name) <= 60
}
