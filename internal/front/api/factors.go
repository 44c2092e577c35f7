package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type totpView struct {
	Secret string `json:"secret" doc:"Base32, to be typed into the app. Shown this once."`
	URI    string `json:"uri" doc:"The key URI that authenticator apps open."`
	QR     string `json:"qr" doc:"The key URI as a QR code: a PNG as a data URL (RFC 2397)."`
}

type confirmTOTP struct {
	Code string `json:"code" maxLength:"64" doc:"What the app shows now."`
}

type recoveryCodesView struct {
	Codes []string `json:"codes" doc:"Ten codes, shown this once. Each works once; case, blanks and hyphens do not count."`
}

type answerBody struct {
	Question string `json:"question" doc:"The key of one of the questions that list-questions names."`
	Answer   string `json:"answer" doc:"As typed. Case, blanks and punctuation do not count; at most 100 letters and digits."`
}

type setQuestions struct {
	Questions []answerBody `json:"questions" minItems:"3" maxItems:"3" doc:"Three different questions."`
}

type questionView struct {
	Question string `json:"question"`
	Text     string `json:"text" doc:"In the reader's language."`
}

type questionsView struct {
	Questions []questionView `json:"questions" doc:"Those that can be chosen."`
	Since     *time.Time     `json:"since,omitempty" doc:"When the account's were set; missing if it has none."`
	Reason    string         `json:"reason,omitempty" enum:"no_contact,contact_too_new,too_many_tries,frozen,policy" doc:"Why none can be set now."`
	RetryAt   *time.Time     `json:"retry_at,omitempty" doc:"When they can be set, where waiting helps."`
}

func (a *api) factors() {
	const tag, path = "Account", "/api/v1/methods/"
	ask(a, call{id: "begin-totp", method: http.MethodPost, path: path + "totp", tag: tag, session: true,
		summary: "Begin to set up an authenticator app",
		about:   "Needs a proof for add_method. The secret is no factor until confirm-totp; it lapses after half an hour.",
		repeat:  "Answers a new secret; the one before is dead.",
		refuses: []*fault.Fault{session.ProofRequired, fault.RateLimited}, examples: totpExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*totpView, error) {
			o, err := a.Settings.BeginTOTP(ctx, l)
			if err != nil {
				return nil, err
			}
			qr, err := o.Picture()
			return &totpView{o.Secret, o.URI, qr}, err
		})
	do(a, call{id: "confirm-totp", method: http.MethodPost, path: path + "totp/confirm", tag: tag, session: true,
		summary: "Turn the authenticator app on",
		about:   "Needs a proof for add_method, and a code of the secret that begin-totp gave. It takes the place of an app that was on. Every contact of the account is told.",
		repeat:  "Answers totp_not_begun: it is on.",
		refuses: []*fault.Fault{session.ProofRequired, fault.InvalidInput, proof.CodeWrong, settings.TOTPNotBegun, fault.RateLimited}, examples: confirmTOTPExamples},
		func(ctx context.Context, l *session.Live, in *struct{ body[confirmTOTP] }) error {
			return a.Settings.ConfirmTOTP(ctx, l, in.Sent.Code)
		})
	do(a, call{id: "remove-totp", method: http.MethodDelete, path: path + "totp", tag: tag, session: true,
		summary: "Turn the authenticator app off",
		about:   "Needs a proof for remove_method. Every contact of the account is told.",
		repeat:  "Answers the same.",
		refuses: []*fault.Fault{session.ProofRequired, proof.LastSecondStep, fault.RateLimited}},
		func(ctx context.Context, l *session.Live, _ *none) error { return a.Settings.RemoveTOTP(ctx, l) })
	ask(a, call{id: "make-recovery-codes", method: http.MethodPost, path: path + "recovery-codes", tag: tag, session: true,
		summary: "Ten new recovery codes",
		about:   "Needs a proof for recovery_codes. The codes of before end at once, and every contact of the account is told.",
		repeat:  "Answers ten others; those of before are dead.",
		refuses: []*fault.Fault{session.ProofRequired, fault.RateLimited}, examples: recoveryCodesExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*recoveryCodesView, error) {
			codes, err := a.Settings.NewRecoveryCodes(ctx, l)
			return &recoveryCodesView{codes}, err
		})
	ask(a, call{id: "list-questions", method: http.MethodGet, path: path + "questions", tag: tag, session: true,
		summary: "The security questions that can be chosen", examples: questionsExamples}, a.listQuestions)
	do(a, call{id: "set-questions", method: http.MethodPut, path: path + "questions", tag: tag, session: true,
		summary: "Set the security questions",
		about:   "Needs a proof for add_method. They take the place of any others, and every contact of the account is told.",
		repeat:  "Sets the same again; the contacts are told again.",
		refuses: []*fault.Fault{session.ProofRequired, fault.InvalidInput, question.AnswerGuessable, settings.QuestionsUnavailable, fault.RateLimited}, examples: setQuestionsExamples},
		func(ctx context.Context, l *session.Live, in *struct{ body[setQuestions] }) error {
			var answers []question.Answer
			for _, q := range in.Sent.Questions {
				answers = append(answers, question.Answer(q))
			}
			return a.Settings.SetQuestions(ctx, l, answers)
		})
	do(a, call{id: "remove-questions", method: http.MethodDelete, path: path + "questions", tag: tag, session: true,
		summary: "Remove the security questions",
		about:   "Needs a proof for remove_method. Every contact of the account is told.",
		repeat:  "Answers the same.",
		refuses: []*fault.Fault{session.ProofRequired, fault.RateLimited}},
		func(ctx context.Context, l *session.Live, _ *none) error { return a.Settings.RemoveQuestions(ctx, l) })
}

func (a *api) listQuestions(ctx context.Context, l *session.Live, _ *none) (*questionsView, error) {
	f, err := a.Settings.Factors(ctx, l)
	if err != nil {
		return nil, err
	}
	v := &questionsView{Questions: []questionView{}}
	tag := httpd.From(ctx).Locale
	for _, name := range question.Names {
		v.Questions = append(v.Questions, questionView{name, a.Words.T(tag, "question."+name)})
	}
	if !f.Questions.IsZero() {
		v.Since = &f.Questions
	}
	if no := f.QuestionsRefused; no != nil {
		v.Reason, _ = no.Args["reason"].(string)
		if !no.RetryAt.IsZero() {
			v.RetryAt = &no.RetryAt
		}
	}
	return v, nil
}

var (
	totpExamples = []example{{name: "secret", answer: `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",` +
		`"uri":"otpauth://totp/Selfsame:4821%200937%205564?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Selfsame",` +
		`"qr":"data:image/png;base64,iVBORw0KGgo="}`}}
	confirmTOTPExamples   = []example{{name: "code", summary: "What the app shows", body: `{"code":"123456"}`}}
	recoveryCodesExamples = []example{{name: "codes", answer: `{"codes":["7Q2W-XK5P-0M3T-9HVC","4DZR-1NB8-GYJS-E6FA"]}`}}
	questionsExamples     = []example{{name: "questions", answer: `{"questions":[{"question":"lost_thing","text":"What did you once lose that you still think of, and where?"}],` +
		`"reason":"contact_too_new","retry_at":"2026-11-25T10:01:00Z"}`}}
	setQuestionsExamples = []example{{name: "three", summary: "Three questions", body: `{"questions":[{"question":"lost_thing","answer":"a tin whistle at the mill"},` +
		`{"question":"neighbor_nickname","answer":"Old Boots"},{"question":"family_word","answer":"frumpelig, for soup"}]}`}}
)
