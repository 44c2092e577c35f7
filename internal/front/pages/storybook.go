package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// story is one page with sample data. The stories serve the storybook, the
// tests, and the check of an operator's own templates.
type story struct {
	name   string // "step.code.failed": the part before the first dot is its group
	status int
	make   func(s *stage) (view, error)
}

// stage is where a story is played.
type stage struct {
	*Pages
	f *Frame
	r *http.Request
}

type storybookPage struct {
	*Frame
	Groups []storyGroup
}

func (storybookPage) file() string { return "storybook" }

type storyGroup struct {
	Name    string
	Stories []string
}

// storybook lists all stories.
func (p *Pages) storybook(w http.ResponseWriter, r *http.Request) error {
	f := p.frame(r, nil)
	f.Shape = "broad"
	f.titled(f.T("page.storybook.title"))
	v := storybookPage{Frame: f}
	for _, s := range stories() {
		group, _, _ := strings.Cut(s.name, ".")
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Name != group {
			v.Groups = append(v.Groups, storyGroup{Name: group})
		}
		last := &v.Groups[len(v.Groups)-1]
		last.Stories = append(last.Stories, s.name)
	}
	return p.write(w, http.StatusOK, v)
}

// story shows one; "?language=" and "?dir=rtl" change how, for those who look.
func (p *Pages) story(w http.ResponseWriter, r *http.Request) error {
	i := httpd.From(r.Context())
	if l := locale.Tag(r.URL.Query().Get("language")); slices.Contains(p.cfg.Words.Tags(), l) {
		i.Locale = l
	}
	f := p.frame(r, nil)
	if r.URL.Query().Get("dir") == "rtl" {
		f.Dir = "rtl"
	}
	name := r.PathValue("name")
	for _, s := range stories() {
		if s.name == name {
			v, err := s.make(&stage{p, f, r})
			if err != nil {
				return err
			}
			return p.write(w, http.StatusOK, v)
		}
	}
	return fault.NotFound
}

// tryAll renders every story in every language.
func (p *Pages) tryAll() error {
	var faults []error
	for _, l := range p.cfg.Words.Tags() {
		for _, s := range stories() {
			v, err := s.make(&stage{p, p.newFrame(l, nil), &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}}})
			if err == nil {
				_, err = p.render(v)
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("%s in %s: %w", s.name, l, err))
			}
		}
	}
	return errors.Join(faults...)
}

// refuse puts a refusal on the page.
func (s *stage) refuse(refused *fault.Fault) { s.f.Fault = s.f.refusal(s.failure(refused)) }

// failure is a fault in words, as the router would make it.
func (s *stage) failure(f *fault.Fault) httpd.Failure {
	title, detail := s.f.voice.Fault(f)
	return httpd.Failure{Status: f.Status, Code: f.Code, Title: title, Detail: detail, Topic: "/help/" + f.Topic, Field: f.Field, RetryAt: f.RetryAt, Args: f.Args}
}

// declared finds a fault by its code, wherever it was declared, with samples of
// the arguments that its sentences use.
func (s *stage) declared(code string) *fault.Fault {
	for _, f := range fault.All() {
		if f.Code == code {
			return s.withSamples(f)
		}
	}
	return s.withSamples(&fault.Fault{Code: code, Status: 422, Topic: "signing-in/why-cant-i-sign-in"})
}

var sampleArgs = map[string]any{
	"provider": "google", "tries_left": 3, "min": 8, "max": 256, "max_megabytes": 4, "id": "AZqfK2x0b1y5c7d9e1f3gA", "length": 6, "reason": "2026-17",
}

func (s *stage) withSamples(f *fault.Fault) *fault.Fault {
	at := s.f.now.Add(7 * time.Minute)
	for _, part := range []string{"title", "detail"} {
		key := "fault." + f.Code + "." + part
		for _, place := range s.f.book.Places("en", key) {
			switch sample, ok := sampleArgs[place]; {
			case ok:
				f = f.With(place, sample)
			case place == "retry_at" || place == "wait":
				f = f.Until(at)
			case place == "time" || strings.HasSuffix(place, "_at"):
				f = f.With(place, s.f.now.Add(-2*time.Minute))
			default:
				f = f.With(place, place)
			}
		}
	}
	return f
}

// play makes the page of a step, as the journey's address would.
func (s *stage) play(kind string, present step.Step, form url.Values, with string, refused *fault.Fault) (view, error) {
	v := &visit{journeyPage: &journeyPage{Pages: s.Pages, path: "/" + kind, kind: kind}, r: s.r, form: form, with: with}
	v.region = s.cfg.Regions.All()[0]
	v.ticket = flow.Ticket{Step: present}
	b := stepBuilder{Frame: s.f, v: v}
	if refused != nil {
		s.f.Fault = s.f.refusal(s.failure(refused), b.waysOut(refused.Code)...)
		b.elsewhere(s.failure(refused))
	}
	return b.build()
}

// failed is a story of an error page.
func failed(code string) story {
	return story{name: "error." + code, status: 0, make: func(s *stage) (view, error) {
		return s.errorView(s.f, s.failure(s.declared(code)), "/"), nil
	}}
}
