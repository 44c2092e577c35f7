package pages

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// questionsPage is the security questions: whether they are set, and the form that
// sets them.
type questionsPage struct {
	accountFrame
	Since time.Time // zero: they are not set
	Asks  []questionAsk
	Can   bool
	Why   string // why they cannot be set now; empty: they can, or the refusal above says it
	Until any    // markup; empty: waiting does not help
	Min   int
	Count int
}

func (questionsPage) file() string { return "security_questions" }

// questionAsk is one of the three questions of the form.
type questionAsk struct {
	N       int    // from 1
	Field   string // as the refusal calls the answer
	Chosen  string // as the refusal calls the question
	Choices []questionChoice
	Answer  string
}

type questionChoice struct {
	Name, Text string
	Selected   bool
}

func (p *Pages) questions(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.questionsPage(w, r, me, http.StatusOK, p.noticed(r, me), nil)
}

func (p *Pages) questionsPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame, form url.Values) error {
	have, err := p.cfg.Factors.Factors(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.questionsView(f, have, form))
}

func (p *Pages) questionsView(f *Frame, have settings.Factors, form url.Values) view {
	v := questionsPage{accountFrame: p.accountFrame(f, "/account/security"), Since: have.Questions, Can: have.QuestionsRefused == nil, Min: question.MinLetters, Count: question.Count}
	if no := have.QuestionsRefused; no != nil && f.Fault == nil {
		_, v.Why = f.voice.Fault(no)
	}
	for i := range question.Count {
		n := strconv.Itoa(i + 1)
		ask := questionAsk{N: i + 1, Field: "questions." + strconv.Itoa(i) + ".answer", Chosen: "questions." + strconv.Itoa(i) + ".question", Answer: form.Get("answer" + n)}
		chosen := form.Get("question" + n)
		if form == nil {
			chosen = question.Names[i]
		}
		for _, name := range question.Names {
			ask.Choices = append(ask.Choices, questionChoice{name, f.T("question." + name), name == chosen})
		}
		v.Asks = append(v.Asks, ask)
	}
	f.titled(f.T("page.questions.title"))
	return v
}

func (p *Pages) questionsAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	done := ""
	switch form.Get("input") {
	case "set":
		var answers []question.Answer
		for i := range question.Count {
			n := strconv.Itoa(i + 1)
			answers = append(answers, question.Answer{Question: form.Get("question" + n), Answer: form.Get("answer" + n)})
		}
		err, done = p.cfg.Factors.SetQuestions(r.Context(), me, answers), "questions_set"
	case "remove":
		err, done = p.cfg.Factors.RemoveQuestions(r.Context(), me), "questions_off"
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, questionsPath+"?done="+done)
	}
	return p.factorRefused(w, r, me, err, func(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
		if form.Get("input") != "set" {
			form = nil
		}
		return p.questionsPage(w, r, me, status, f, form)
	})
}
