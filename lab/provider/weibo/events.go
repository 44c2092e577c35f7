package weibo

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// Event sends "cancel": the person took the permission back. It is a GET with source
// (the App Key), uid and auth_end (seconds), which nobody signs. Variants:
//
//	valid           and the person's tokens of that app end
//	forged          by somebody else: the tokens go on (also bad_signature)
//	replay          the last one about this person once more
//	wrong_audience  source is another app, and nothing happened
func (s *Sim) Event(kind, person, variant string) (int, error) {
	if kind != "cancel" {
		return 0, provider.ErrNoEvent
	}
	p, ok := s.Desk().Person(person)
	if !ok {
		return 0, provider.ErrNobody
	}
	app, ok := s.about(p)
	if !ok {
		return 0, provider.ErrNoEvent // no app, no message
	}
	to := app.Cancel
	if to == "" {
		to = s.Desk().NoticeURL
	}
	query, again := s.sent.Get(p.ID)
	if variant != "replay" || !again {
		source := app.ID
		if variant == "wrong_audience" {
			source = Foreign
		}
		query = url.Values{
			"source": {source}, "uid": {uid(p.ID)}, "auth_end": {strconv.FormatInt(s.Desk().Now().Unix(), 10)},
		}.Encode()
		if variant == "valid" || variant == "replay" {
			s.happened(app, p, query)
		}
	}
	r, err := http.NewRequest(http.MethodGet, to+"?"+query, nil)
	if err != nil {
		return 0, err
	}
	return s.Desk().Deliver(r)
}

func (s *Sim) happened(app App, p provider.Person, query string) {
	s.end(app.ID, p.ID)
	s.sent.Put(p.ID, query)
}

// about is the app that p allowed last, else the first of all.
func (s *Sim) about(p provider.Person) (App, bool) {
	last, _ := s.last.Get(p.ID)
	if app, ok := s.app(last); ok {
		return app, true
	}
	return provider.Pick(s.Settings().Apps, func(App) bool { return true })
}
