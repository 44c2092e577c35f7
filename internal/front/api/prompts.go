package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type promptView struct {
	ID        string    `json:"id"`
	Purpose   string    `json:"purpose" doc:"What it is asked for: sign_in, recover, set_password ..."`
	Choices   []string  `json:"choices" doc:"Three numbers; the right one stands on the device that asks."`
	Device    string    `json:"device,omitempty" doc:"The device that asks, as it calls itself."`
	Kind      string    `json:"kind,omitempty" doc:"phone, tablet, computer, browser, tv, other."`
	Place     string    `json:"place,omitempty" doc:"Approximate."`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

type promptsView struct {
	Prompts []promptView `json:"prompts" doc:"None or one: an account has one question at a time."`
}

type answerPrompt struct {
	Answer string `json:"answer" enum:"approve,deny"`
	Number string `json:"number,omitempty" maxLength:"2" doc:"The number that stands on the device that asks, to approve. There is one try: a wrong one is a refusal."`
}

type promptAnsweredView struct {
	State string `json:"state" enum:"approved,denied" doc:"denied also after a wrong number."`
}

func (a *api) prompts() {
	const tag, path = "Prompts", "/api/v1/prompts"
	ask(a, call{id: "list-prompts", method: http.MethodGet, path: path, tag: tag, session: true,
		summary: "The question that this device is asked",
		about: "Somebody proves elsewhere that the account is theirs, and chose to confirm it here. Only sessions are asked that are older than that journey, " +
			"on devices that the account has known for three days, and never the device that asks.", examples: promptsExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*promptsView, error) { return a.pending(ctx, l) })
	ask(a, call{id: "answer-prompt", method: http.MethodPost, path: path + "/{id}", tag: tag, session: true,
		summary: "Answer it",
		about:   "The right number approves. Anything else refuses: the one who asks has to wait, and every contact of the account is told.",
		repeat:  "Answers prompt_answered: the first answer stands.",
		refuses: []*fault.Fault{fault.NotFound, fault.InvalidInput, proof.PromptAnswered, proof.PromptExpired}, examples: promptAnswerExamples},
		func(ctx context.Context, l *session.Live, in *struct {
			ID string `path:"id" doc:"The prompt's id."`
			body[answerPrompt]
		}) (*promptAnsweredView, error) {
			if !isName(in.ID) {
				return nil, fault.NotFound
			}
			if in.Sent.Answer != "approve" && in.Sent.Answer != "deny" {
				return nil, fault.InvalidInput.On("answer")
			}
			approve := in.Sent.Answer == "approve"
			if approve != (in.Sent.Number != "") || len(in.Sent.Number) > 2 {
				return nil, fault.InvalidInput.On("number") // an app's mistake is not the person's refusal
			}
			state, err := a.Settings.AnswerPrompt(ctx, l, in.ID, in.Sent.Number, approve)
			return &promptAnsweredView{string(state)}, err
		})
	register(a, call{id: "watch-prompts", method: http.MethodGet, path: path + "/events", tag: tag, session: true, sends: eventStream,
		summary: "Hear of questions at once",
		about: "Server-sent events (HTML section 9.2): \"prompts\" with what list-prompts answers, at the beginning and whenever it changes; a comment every 15 seconds; " +
			"\"end\" when the session is over. An account has ten streams at once on a node.",
		refuses: []*fault.Fault{fault.RateLimited}}, a.watchPrompts)
}

func (a *api) pending(ctx context.Context, l *session.Live) (*promptsView, error) {
	v := &promptsView{Prompts: []promptView{}}
	p, err := a.Settings.Prompt(ctx, l)
	if err != nil || p == nil {
		return v, err
	}
	v.Prompts = append(v.Prompts, promptView{p.ID, p.Purpose, p.Choices, p.Device, p.Kind, p.Place, p.CreatedAt, p.ExpiresAt})
	return v, nil
}

// watchPrompts streams what changes until the session, the connection or the
// server ends.
func (a *api) watchPrompts(ctx context.Context, l *session.Live, _ *none) (*huma.StreamResponse, error) {
	first, err := a.pending(ctx, l)
	if err != nil {
		return nil, err
	}
	heard, err := a.Settings.Watching.Join(l)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer heard.Leave()
		r, w := humago.Unwrap(hc)
		w.Header()["Content-Type"] = []string{eventStream}
		w.Header()["X-Accel-Buffering"] = []string{"no"} // proxies let it through
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodHead {
			return
		}
		err := errors.Join(httpd.Send(w, "retry: 3000\n\n"), sendEvent(w, "prompts", first))
		for err == nil {
			select {
			case <-r.Context().Done():
				return
			case <-heard.Over:
				_ = sendEvent(w, "end", none{}) // nobody may be left to hear it
				return
			case <-heard.Beat:
				err = httpd.Send(w, ":\n\n")
			case <-heard.Changed:
				var now *promptsView
				if now, err = a.pending(r.Context(), l); err == nil {
					err = sendEvent(w, "prompts", now)
				}
			}
		} // it comes again, and is told then
	}}, nil
}

// sendEvent sends one event of a stream.
func sendEvent(w http.ResponseWriter, name string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return httpd.Send(w, "event: "+name+"\ndata: "+string(b)+"\n\n")
}
