package pages

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
)

// equipment is what an account has, and what its pages did.
type equipment struct {
	have   settings.Factors
	did    []string
	refuse error
}

const shownSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

func (e *equipment) note(what string) error { e.did = append(e.did, what); return e.refuse }

func (e *equipment) Factors(context.Context, *session.Live) (settings.Factors, error) {
	return e.have, nil
}

func (e *equipment) BeginTOTP(context.Context, *session.Live) (settings.TOTPOffer, error) {
	o := settings.TOTPOffer{Secret: shownSecret, URI: totp.URI(shownSecret, "Selfsame", "1")}
	o.QR, _ = totp.NewQR(o.URI)
	return o, e.note("begin")
}

func (e *equipment) ConfirmTOTP(_ context.Context, _ *session.Live, code string) error {
	return e.note("confirm " + code)
}
func (e *equipment) RemoveTOTP(context.Context, *session.Live) error { return e.note("remove app") }

func (e *equipment) NewRecoveryCodes(context.Context, *session.Live) ([]string, error) {
	return []string{"7Q2W-XK5P-0M3T-9HVC", "4DZR-1NB8-GYJS-E6FA"}, e.note("make")
}

func (e *equipment) SetQuestions(_ context.Context, _ *session.Live, answers []question.Answer) error {
	return e.note(fmt.Sprint("set ", answers))
}

func (e *equipment) RemoveQuestions(context.Context, *session.Live) error {
	return e.note("remove questions")
}

func equipped(t *testing.T, e *equipment) *browser {
	t.Helper()
	h := &house{}
	h.me.AccountID, h.me.Account.ID = 482109375564, 482109375564
	b := open(t, &script{}, func(cfg *Config) {
		cfg.Accounts, cfg.Factors = h, e
		cfg.Session = func(*http.Request) (*session.Live, error) { return &h.me, nil }
	})
	return b
}

var proofMissing = session.ProofRequired.With("for", "add_method")

func (b *browser) wantLed(w interface{ Header() http.Header }, to string) {
	b.t.Helper()
	if at := w.Header().Get("Location"); at != to {
		b.t.Errorf("it leads to %q, want %q", at, to)
	}
}

func (b *browser) shows(yes bool, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if strings.Contains(b.page, text) != yes {
			b.t.Errorf("the page shows %q: %v", text, !yes)
		}
	}
}

// TestS037_TheSecretIsShownOnce, in the answer that made it, and never in an
// address or a picture of its own.
func TestS037_TheSecretIsShownOnce(t *testing.T) {
	e := &equipment{}
	b := equipped(t, e)
	b.get(totpPath)
	b.shows(false, "<svg class=\"qr\"", "GEZD")
	e.refuse = proofMissing
	b.wantLed(b.post(totpPath, "input", "begin"), "/prove?for=add_method&return=%2Faccount%2Fsecurity%2Fauthenticator")
	e.refuse = nil
	b.get(totpPath)
	w := b.post(totpPath, "input", "begin")
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
		t.Errorf("status %d, %q", w.Code, w.Header().Get("Cache-Control"))
	}
	b.shows(true, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", `<svg class="qr" viewBox="0 0 `, `role="img"`, "<path d=\"M4 4h7v1h-7z")
	b.shows(false, "<img src=\"data:", "otpauth:", `name="back" value="M`)
	e.refuse = proof.CodeWrong.On("code").With("method", "totp").With("tries_left", 4)
	if w := b.post(totpPath, "input", "confirm", "code", "123 456"); w.Code != 422 {
		t.Errorf("a wrong code answers %d", w.Code)
	}
	b.shows(true, `aria-invalid="true"`, "Show a new QR code", "Enter the code that your authenticator app shows now")
	b.shows(false, "GEZD", "123 456")
	e.refuse = nil
	b.wantLed(b.post(totpPath, "input", "confirm", "code", "654321"), totpPath+"?done=totp_on")
	e.have.TOTP = testNow
	b.get(totpPath + "?done=totp_on")
	b.shows(true, "Your authenticator app is on.", "Remove the authenticator app")
	e.refuse = proof.LastSecondStep
	if w := b.post(totpPath, "input", "remove"); w.Code != http.StatusConflict {
		t.Errorf("the last second step: %d", w.Code)
	}
	b.shows(true, "This is your last second step")
	e.refuse = nil
	b.wantLed(b.post(totpPath, "input", "remove"), totpPath+"?done=totp_off")
	want := []string{"begin", "begin", "confirm 123 456", "confirm 654321", "remove app", "remove app"}
	if d := cmp.Diff(want, e.did); d != "" {
		t.Error(d)
	}
}

// TestS039_CodesAreShownOnce: in the answer that made them, and given back as a
// file that holds nothing else.
func TestS039_CodesAreShownOnce(t *testing.T) {
	e := &equipment{have: settings.Factors{RecoveryCodes: 7, CodesMadeAt: testNow}}
	b := equipped(t, e)
	b.get(codesPath)
	b.shows(true, "7 codes are left", "Make 10 new codes")
	if w := b.post(codesPath, "input", "make"); w.Code != http.StatusOK {
		t.Errorf("making answers %d", w.Code)
	}
	b.shows(true, "<li>7Q2W-XK5P-0M3T-9HVC</li>", "I kept these codes", " required>")
	w := b.post(codesPath, "input", "file", "codes", "7Q2W-XK5P-0M3T-9HVC http://evil.example 4DZR-1NB8-GYJS-E6FA")
	file := w.Body.String()
	if w.Header().Get("Content-Disposition") != `attachment; filename="recovery-codes.txt"` || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") ||
		!strings.HasSuffix(file, "\r\n\r\n7Q2W-XK5P-0M3T-9HVC\r\n4DZR-1NB8-GYJS-E6FA\r\n") || strings.Contains(file, "evil") {
		t.Errorf("%v %q", w.Header(), file)
	}
	b.get(codesPath)
	b.shows(false, "7Q2W")
	b.wantLed(b.post(codesPath, "input", "kept", "kept", "yes"), "/account/security?done=codes_kept")
	e.refuse = session.ProofRequired.With("for", "recovery_codes")
	b.get(codesPath)
	b.wantLed(b.post(codesPath, "input", "make"), "/prove?for=recovery_codes&return=%2Faccount%2Fsecurity%2Frecovery-codes")
	if d := cmp.Diff([]string{"make", "make"}, e.did); d != "" {
		t.Error(d)
	}
}

// TestTopic_Q03_ThePageSaysWhy questions cannot be set, and a refused answer keeps
// what was typed.
func TestTopic_Q03_ThePageSaysWhy(t *testing.T) {
	e := &equipment{have: settings.Factors{QuestionsRefused: settings.QuestionsUnavailable.With("reason", "contact_too_new").Until(testNow.Add(30 * time.Hour))}}
	b := equipped(t, e)
	b.get(questionsPath)
	b.shows(true, "was changed only lately")
	b.shows(false, `value="set"`)
	e.have.QuestionsRefused = nil
	b.get(questionsPath)
	b.shows(true, `value="set"`, `<option value="hiding_place" selected>`)
	e.refuse = question.AnswerGuessable.On("questions.1.answer").With("reason", "popular").With("min", 4)
	form := []string{"input", "set", "question1", "lost_thing", "answer1", "a tin <whistle>", "question2", "family_word", "answer2", "dog", "question3", "first_wages", "answer3", "a red kite"}
	if w := b.post(questionsPath, form...); w.Code != 422 {
		t.Errorf("a guessable answer: %d", w.Code)
	}
	b.shows(true, "Many people give this answer", `value="a tin &lt;whistle&gt;"`, `<option value="family_word" selected>`)
	if i, j := strings.Index(b.page, `aria-invalid`), strings.Index(b.page, `id="answer2"`); i < j || i > j+400 {
		t.Errorf("the wrong field is marked: %d, field at %d", i, j)
	}
	e.refuse = nil
	b.wantLed(b.post(questionsPath, form...), questionsPath+"?done=questions_set")
	e.have.Questions = testNow
	b.get(questionsPath)
	b.shows(true, "Your questions are set since", `value="remove"`)
	b.wantLed(b.post(questionsPath, "input", "remove"), questionsPath+"?done=questions_off")
	want := "set [{lost_thing a tin <whistle>} {family_word dog} {first_wages a red kite}]"
	if d := cmp.Diff([]string{want, want, "remove questions"}, e.did); d != "" {
		t.Error(d)
	}
}

// TestSecretStepsTakeWhatIsTyped: letters count in a recovery code and digits only
// in that of an app, and three answers come in their order.
func TestSecretStepsTakeWhatIsTyped(t *testing.T) {
	head := func(s step.Type, inputs ...string) step.Head { return step.Head{Type: s, Inputs: inputs} }
	tests := []struct {
		present step.Step
		form    []string
		want    string
	}{
		{step.TOTP{Head: head(step.TypeTOTP, "code", "other_way"), Length: 6}, []string{"input", "code", "code", " 123 456"}, "123456 []"},
		{step.RecoveryCode{Head: head(step.TypeRecoveryCode, "code", "other_way")}, []string{"input", "code", "code", " 7q2w-xk5p-0m3t-9hvc "}, "7q2w-xk5p-0m3t-9hvc []"},
		{step.Questions{Head: head(step.TypeQuestions, "answers", "other_way"), Questions: []step.Question{{Question: "lost_thing", Text: "What?"}}},
			[]string{"input", "answers", "answer1", "a", "answer2", "b c", "answer3", ""}, " [a b c ]"},
	}
	for _, tt := range tests {
		s := &script{present: ticket(tt.present), answers: []answer{{step: tt.present}}}
		b := open(t, s, nil)
		b.cookies["journey"] = "j1.k1"
		b.get("/signin")
		b.post("/signin", tt.form...)
		if len(s.inputs) != 1 {
			t.Errorf("%s: %d answers", tt.present.StepType(), len(s.inputs))
			continue
		}
		if got := fmt.Sprint(s.inputs[0].Code, " ", s.inputs[0].Answers); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.present.StepType(), got, tt.want)
		}
	}
}
