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
	p, ok := s.desk.Person(person)
	if !ok {
		return 0, provider.ErrNobody
	}
	app, ok := s.about(p)
	if !ok {
		return 0, provider.ErrNoEvent // no app, no message
	}
	to := app.Cancel
	if to == "" {
		to = s.desk.NoticeURL
	}
	query, again := s.before(p)
	if variant != "replay" || !again {
		source := app.ID
		if variant == "wrong_audience" {
			source = Foreign
		}
		query = url.Values{
			"source": {source}, "uid": {uid(p.ID)}, "auth_end": {strconv.FormatInt(s.desk.Now().Unix(), 10)},
		}.Encode()
		if variant == "valid" || variant == "replay" {
			s.happened(app, p, query)
		}
	}
	r, err := http.NewRequest(http.MethodGet, to+"?"+query, nil)
	if err != nil {
		return 0, err
	}
	return s.desk.Deliver(r)
}

func (s *Sim) before(p provider.Person) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query, ok := s.sent[p.ID]
	return query, ok
}

func (s *Sim) happened(app App, p provider.Person, query string) {
	s.end(app.ID, p.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[p.ID] = query
}

// about is the app that p allowed last, else the first of all.
func (s *Sim) about(p provider.Person) (App, bool) {
	s.mu.Lock()
	last := s.last[p.ID]
	s.mu.Unlock()
	if app, ok := s.app(last); ok {
		return app, true
	}
	apps := s.settings().Apps
	if len(apps) == 0 {
		return App{}, false
	}
	return apps[0], true
}
