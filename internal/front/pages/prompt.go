package pages

import (
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

const promptPath = "/account/prompt"

// promptPage is the question that this device is asked, or that none is.
type promptPage struct {
	accountFrame
	Prompt  *prompt.Prompt
	Purpose string
	Icon    string
	Denied  bool
}

func (promptPage) file() string { return "account_prompt" }

func (p *Pages) prompt(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.promptPage(w, r, me, http.StatusOK, p.noticed(r, me))
}

func (p *Pages) promptPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
	asked, err := p.cfg.SecondSteps.Prompt(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.promptView(f, asked, r.URL.Query().Get("done") == "prompt_denied"))
}

func (p *Pages) promptView(f *Frame, asked *prompt.Prompt, denied bool) view {
	v := promptPage{accountFrame: p.accountFrame(f, promptPath), Prompt: asked, Denied: denied}
	f.Asked = false // it is here already
	title := f.T("page.prompt.none")
	if asked != nil {
		v.Purpose, title = f.T("page.prompt.other_purpose"), f.T("page.prompt.title")
		if key := "action." + asked.Purpose; f.has(key) {
			v.Purpose = f.T(key)
		}
		if v.Icon = deviceIcons[asked.Kind]; v.Icon == "" {
			v.Icon = "monitor"
		}
	}
	f.titled(title)
	return v
}

func (p *Pages) promptAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	number, input := form.Get("number"), form.Get("input")
	if input != "deny" && (input != "approve" || number == "") {
		err = fault.InvalidInput
	}
	var state prompt.State
	if err == nil {
		state, err = p.cfg.SecondSteps.AnswerPrompt(r.Context(), me, form.Get("prompt"), number, input == "approve")
	}
	if fault.NotFound.Is(err) { // another question has taken its place, or none has
		return seeOther(w, promptPath)
	}
	if err == nil {
		return seeOther(w, promptPath+"?done=prompt_"+string(state))
	}
	return p.factorRefused(w, r, me, err, p.promptPage)
}

// asked tells whether the person of an account page has a question to answer. A
// page does not fail for it.
func (p *Pages) asked(r *http.Request, me *session.Live) bool {
	if p.cfg.SecondSteps == nil || me == nil || !strings.HasPrefix(r.URL.Path, "/account") {
		return false
	}
	asked, err := p.cfg.SecondSteps.Prompt(r.Context(), me)
	return err == nil && asked != nil
}

// devicePromptPage waits for the answer on another device. Without a script it
// loads itself again.
type devicePromptPage struct {
	stepFrame
	Heading   string
	What      string // why there is nothing to wait for
	Number    string
	State     string
	Devices   []string
	ExpiresAt time.Time
	Why       []string
}

func (devicePromptPage) file() string { return "step_device_prompt" }

// lookAgain is how often the page loads itself without a script, in seconds.
const lookAgain = 5

func (b stepBuilder) devicePrompt(s step.DevicePrompt) view {
	p := devicePromptPage{stepFrame: b.base(), Number: s.Number, State: s.State, Devices: s.Devices, ExpiresAt: s.ExpiresAt, Why: b.reasons(s.Why)}
	p.Heading = b.T("step.device_prompt.title." + s.State)
	if key := "step.device_prompt.what." + s.State; b.has(key) {
		p.What = b.T(key)
	}
	if s.State == "waiting" {
		b.Refresh = lookAgain
	}
	if s.State == "waiting" || s.State == "approved" {
		p.Scripts = append(p.Scripts, "ask.js")
	}
	p.titled(p.Heading)
	return p
}

// secondStep tells whether the present step is the second of 2-step verification:
// there the person may trust the device.
func (b stepBuilder) secondStep(present step.Step) bool {
	var why []string
	switch s := present.(type) {
	case step.Code:
		why = s.Why
	case step.TOTP:
		why = s.Why
	case step.Passkey:
		why = s.Why
	case step.DevicePrompt:
		why = s.Why
	}
	for _, word := range why {
		if b.v.kind == "signin" && word == string(policy.TwoStepAsks) {
			return true
		}
	}
	return false
}

// trust trusts this device if the person ticked that at the second step. Where more
// is asked for than was proved, the page of 2-step verification asks for it.
func (v *visit) trust(token string) error {
	if v.form.Get("trust") == "" || v.kind != "signin" || v.cfg.SecondSteps == nil {
		return nil
	}
	if err := v.cfg.SecondSteps.TrustHere(v.r.Context(), token); fault.From(err) == nil {
		return err
	}
	return nil
}

func secondStepStories() []story {
	in := func(code string, make func(s *stage) view) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			s.signIn()
			if code != "" {
				s.refuse(s.declared(code))
			}
			return make(s), nil
		}
	}
	question := func(s *stage) *prompt.Prompt {
		return &prompt.Prompt{ID: "p1", CreatedAt: s.f.now.Add(-20 * time.Second), ExpiresAt: s.f.now.Add(100 * time.Second),
			Question: prompt.Question{Purpose: "sign_in", Choices: []string{"47", "81", "23"}, Device: "Firefox on Windows", Kind: "browser", Place: "Hangzhou, China"}}
	}
	page := func(s *stage, on bool) view {
		methods := []settings.Method{{Method: policy.SMSCode, State: "on", To: "+86 138 **** 8000"}, {Method: policy.TOTP, State: "off"}, {Method: policy.Passkey, State: "on", Since: s.f.now.AddDate(0, -3, 0), Count: 1},
			{Method: policy.DevicePrompt, State: "unavailable", Reason: "no_other_device"}, {Method: policy.RecoveryCode, State: "on", Count: 9}}
		list := s.sampleDevices()
		s.f.Me.DeviceID = "d1"
		if on {
			s.f.Me.Account.TwoStep, s.f.Me.Account.TwoStepSince, s.f.Me.Account.Protected = true, s.f.now.AddDate(0, -1, 0), true
			methods[3] = settings.Method{Method: policy.DevicePrompt, State: "on"}
			list[1].Trusts, list[1].TrustedUntil = true, s.f.now.Add(60*24*time.Hour)
		}
		return s.twoStepView(s.f, methods, list)
	}
	waits := func(state string) func(s *stage) step.Step {
		return func(s *stage) step.Step {
			return step.DevicePrompt{Head: step.Head{Type: step.TypeDevicePrompt, Inputs: []string{"check", "other_way"}}, Number: "47", State: state,
				Devices: []string{"Pixel 9", "Firefox on Windows"}, ExpiresAt: s.f.now.Add(100 * time.Second), Why: []string{"two_step"}}
		}
	}
	return []story{
		{name: "two_step.off", make: in("", func(s *stage) view { return page(s, false) })},
		{name: "two_step.on", make: in("", func(s *stage) view { return page(s, true) })},
		{name: "two_step.refused", status: 409, make: in("second_method_missing", func(s *stage) view { return page(s, false) })},
		{name: "prompt.asked", make: in("", func(s *stage) view { return s.promptView(s.f, question(s), false) })},
		{name: "prompt.none", make: in("", func(s *stage) view { return s.promptView(s.f, nil, false) })},
		{name: "prompt.denied", make: in("", func(s *stage) view { return s.promptView(s.f, nil, true) })},
		{name: "prompt.late", status: 422, make: in("prompt_expired", func(s *stage) view { return s.promptView(s.f, nil, false) })},
		{name: "prompt.banner", make: in("", func(s *stage) view {
			s.f.Asked = true
			return s.devicesView(s.f, s.sampleDevices())
		})},
		{name: "prove.prompt", make: proving("signin", waits("waiting"), "", "")},
		{name: "prove.prompt_approved", make: proving("signin", waits("approved"), "", "")},
		{name: "prove.prompt_denied", status: 403, make: proving("signin", waits("denied"), "prompt_denied", "")},
		{name: "prove.prompt_expired", make: proving("signin", waits("expired"), "", "")},
	}
}
