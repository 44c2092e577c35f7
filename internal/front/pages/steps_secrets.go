package pages

import (
	"net/url"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
)

// totpStepPage asks for the code that an authenticator app shows.
type totpStepPage struct {
	stepFrame
	Length int
	Why    []string
}

func (totpStepPage) file() string { return "step_totp" }

func (b stepBuilder) totp(s step.TOTP) view {
	p := totpStepPage{stepFrame: b.base(), Length: s.Length, Why: b.reasons(s.Why)}
	p.titled(b.T("step.totp.title"))
	return p
}

// recoveryCodeStepPage asks for one of the codes that were kept.
type recoveryCodeStepPage struct {
	stepFrame
	Why []string
}

func (recoveryCodeStepPage) file() string { return "step_recovery_code" }

func (b stepBuilder) recoveryCode(s step.RecoveryCode) view {
	p := recoveryCodeStepPage{stepFrame: b.base(), Why: b.reasons(s.Why)}
	p.titled(b.T("step.recovery_code.title"))
	return p
}

// questionsStepPage asks the security questions.
type questionsStepPage struct {
	stepFrame
	Why  []string
	Asks []askRow
}

func (questionsStepPage) file() string { return "step_questions" }

type askRow struct {
	N     int // from 1
	First bool
	Text  string
}

func (b stepBuilder) questions(s step.Questions) view {
	p := questionsStepPage{stepFrame: b.base(), Why: b.reasons(s.Why)}
	for i, q := range s.Questions {
		p.Asks = append(p.Asks, askRow{i + 1, i == 0, q.Text})
	}
	p.titled(b.T("step.questions.title"))
	return p
}

// secret builds the steps at which a secret that was set up is asked for; nil if
// present is another.
func (b stepBuilder) secret(present step.Step) view {
	if s, ok := asStep[step.TOTP](present); ok {
		return b.totp(s)
	}
	if s, ok := asStep[step.RecoveryCode](present); ok {
		return b.recoveryCode(s)
	}
	if s, ok := asStep[step.Questions](present); ok {
		return b.questions(s)
	}
	return nil
}

// kept tells whether the present step asks for a code of letters and digits.
func (v *visit) kept() bool {
	_, is := asStep[step.RecoveryCode](v.ticket.Step)
	return is
}

// answersOf reads the answers of the questions step from its form.
func answersOf(form url.Values) (answers []string) {
	for n := range question.Count {
		if name := "answer" + strconv.Itoa(n+1); form.Has(name) {
			answers = append(answers, form.Get(name))
		}
	}
	return answers
}

func factorStories() []story {
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	set := url.Values{}
	for i, name := range question.Names[:question.Count] {
		set.Set("question"+strconv.Itoa(i+1), name)
	}
	in := func(code, field string, make func(s *stage) view) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			s.signIn()
			if code != "" {
				s.refuse(s.declared(code).On(field))
			}
			return make(s), nil
		}
	}
	offer := func(s *stage) view {
		o := settings.TOTPOffer{Secret: secret, URI: totp.URI(secret, "Selfsame", "4821 0937 5564")}
		o.QR, _ = totp.NewQR(o.URI)
		return s.totpOfferView(s.f, o)
	}
	year := func(s *stage) time.Time { return s.f.now.AddDate(-1, 0, 0) }
	codes := []string{"7Q2W-XK5P-0M3T-9HVC", "4DZR-1NB8-GYJS-E6FA", "9HVC-7Q2W-XK5P-0M3T", "E6FA-4DZR-1NB8-GYJS", "0M3T-9HVC-7Q2W-XK5P",
		"GYJS-E6FA-4DZR-1NB8", "XK5P-0M3T-9HVC-7Q2W", "1NB8-GYJS-E6FA-4DZR", "7Q2W-4DZR-0M3T-E6FA", "9HVC-GYJS-XK5P-1NB8"}
	return []story{
		{name: "totp.off", make: in("", "", func(s *stage) view { return s.totpView(s.f, time.Time{}) })},
		{name: "totp.on", make: in("", "", func(s *stage) view { return s.totpView(s.f, year(s)) })},
		{name: "totp.begun", make: in("", "", offer)},
		{name: "totp.code_wrong", status: 422, make: in("code_wrong", "code", func(s *stage) view { return s.totpOfferView(s.f, settings.TOTPOffer{}) })},
		{name: "totp.last_second_step", status: 409, make: in("last_second_step", "", func(s *stage) view { return s.totpView(s.f, year(s)) })},
		{name: "codes.none", make: in("", "", func(s *stage) view { return s.codesView(s.f, settings.Factors{}, nil) })},
		{name: "codes.some", make: in("", "", func(s *stage) view {
			return s.codesView(s.f, settings.Factors{RecoveryCodes: 7, CodesMadeAt: year(s)}, nil)
		})},
		{name: "codes.made", make: in("", "", func(s *stage) view { return s.codesView(s.f, settings.Factors{}, codes) })},
		{name: "questions.none", make: in("", "", func(s *stage) view { return s.questionsView(s.f, settings.Factors{}, nil) })},
		{name: "questions.set", make: in("", "", func(s *stage) view {
			return s.questionsView(s.f, settings.Factors{Questions: year(s)}, nil)
		})},
		{name: "questions.unavailable", make: in("", "", func(s *stage) view {
			return s.questionsView(s.f, settings.Factors{QuestionsRefused: settings.QuestionsUnavailable.With("reason", "contact_too_new").Until(s.f.now.Add(30 * time.Hour))}, nil)
		})},
		{name: "questions.guessable", status: 422, make: in("answer_guessable", "questions.1.answer", func(s *stage) view {
			return s.questionsView(s.f, settings.Factors{}, set)
		})},
	}
}

func secretStories() []story {
	head := func(t step.Type, inputs ...string) step.Head { return step.Head{Type: t, Inputs: inputs} }
	is := func(x step.Step) func(*stage) step.Step { return func(*stage) step.Step { return x } }
	app := is(step.TOTP{Head: head(step.TypeTOTP, "code", "other_way"), Length: totp.Length, Why: []string{"two_step"}})
	code := is(step.RecoveryCode{Head: head(step.TypeRecoveryCode, "code", "other_way")})
	asked := func(s *stage) step.Step {
		q := step.Questions{Head: head(step.TypeQuestions, "answers", "other_way")}
		for _, name := range question.Names[:question.Count] {
			q.Questions = append(q.Questions, step.Question{Question: name, Text: s.f.T("question." + name)})
		}
		return q
	}
	return []story{
		{name: "prove.totp", make: proving("signin", app, "", "")},
		{name: "prove.totp_wrong", status: 422, make: proving("signin", app, "code_wrong", "code")},
		{name: "prove.recovery_code", make: proving("signin", code, "", "")},
		{name: "prove.recovery_code_used", status: 422, make: proving("signin", code, "code_used", "code")},
		{name: "prove.questions", make: proving("signin", asked, "", "")},
		{name: "prove.questions_wrong", status: 422, make: proving("signin", asked, "answers_wrong", "answers")},
	}
}
