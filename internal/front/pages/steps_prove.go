package pages

import (
	"cmp"
	"html/template"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
)

// methodIcons draw the ways to prove.
var methodIcons = map[string]string{
	"sms_code": "smartphone", "email_code": "mail", "password": "key-round", "passkey": "fingerprint", "totp": "timer",
	"recovery_code": "ticket", "questions": "message-circle-question-mark", "device_prompt": "bell", "linked": "link",
}

// reasons are the sentences of what makes a proof necessary; a word without one
// is of a newer part of the program and is left out.
func (f *Frame) reasons(why []string) []string {
	var out []string
	for _, word := range why {
		if key := "risk." + word; f.has(key) && !slices.Contains(out, f.T(key)) {
			out = append(out, f.T(key))
		}
	}
	return out
}

// whyPage is the article about reasons.
const whyPage = "/help/verification/why-does-the-account-want-to-verify-me"

// methodPage offers the ways to prove.
type methodPage struct {
	stepFrame
	Lead                 string
	Why                  []string
	WhyHref              string
	Proved               string // what counts already; empty: nothing
	Methods, Unavailable []methodChoice
	Wait                 string // the words of waiting; empty: it is not offered
	TakenOver            bool   // the account can be proved as it was before somebody else changed it
	Help                 string
}

func (methodPage) file() string { return "step_choose_method" }

type methodChoice struct {
	Method, Icon, Text, To string
	Reason                 any // string or markup
}

func (b stepBuilder) chooseMethod(s step.ChooseMethod) view {
	p := methodPage{stepFrame: b.base(), Lead: b.T("step.choose_method.lead"), Why: b.reasons(s.Why), WhyHref: whyPage, Help: "/help/verification/which-ways-to-verify-are-there"}
	if key := "action." + s.For; b.has(key) {
		p.Lead = b.T("step.choose_method.lead_for", "action", b.T(key))
	}
	var proved []string
	for _, m := range s.Proved {
		if key := "method." + m; b.has(key) {
			proved = append(proved, b.T(key))
		}
	}
	if len(proved) > 0 {
		p.Proved = b.T("step.choose_method.proved", "what", b.book.List(b.Lang, proved...))
	}
	for _, m := range s.Methods {
		p.Methods = append(p.Methods, b.methodChoice(m))
	}
	for _, m := range s.Unavailable {
		p.Unavailable = append(p.Unavailable, b.methodChoice(m))
	}
	if s.Wait != nil {
		key := "step.choose_method.wait_" + s.For
		if !b.has(key) {
			key = "step.choose_method.wait"
		}
		p.Wait = b.T(key, "n", s.Wait.Hours)
	}
	p.TakenOver = slices.Contains(s.Inputs, "taken_over")
	p.titled(b.T("step.choose_method.title"))
	return p
}

func (b stepBuilder) methodChoice(m step.Method) methodChoice {
	c := methodChoice{Method: m.Method, Icon: cmp.Or(methodIcons[m.Method], "shield-check"), To: m.To, Text: b.T("step.choose_method." + m.Method)}
	if m.Reason == "" {
		return c
	}
	reason := b.T("step.choose_method.no")
	if key := "step.choose_method.no_" + m.Reason; b.has(key) {
		reason = b.T(key)
	}
	c.Reason = reason
	if m.RetryAt != nil {
		c.Reason = b.H("step.choose_method.no_until", "reason", reason, "time", b.from(*m.RetryAt))
	}
	return c
}

// confirmPage says what will happen before the button that does it.
type confirmPage struct {
	stepFrame
	Heading string
	Button  string
	Danger  bool
	Effects []effectRow
	Back    bool
	Without string // where it is left as it is
}

func (confirmPage) file() string { return "step_confirm" }

type effectRow struct {
	Icon string
	Text template.HTML
}

// effectIcons draw what will happen.
var effectIcons = map[string]string{
	"sessions_end": "log-out", "others_end": "log-out", "sign_in_stops": "snowflake", "contact_told": "bell", "nothing_lost": "shield-check", "all_signed_out": "log-out",
	"contact_comes": "smartphone", "contact_goes": "trash-2", "holder_told": "bell", "waits": "clock", "can_undo": "undo-2", "freeze_ends": "clock",
	"link_proved": "shield-check", "link_leaves": "log-out", "link_comes": "link", "link_told": "bell",
}

// gentle are the actions whose button need not warn.
var gentle = []string{"unfreeze", "change_phone", "change_email", "add_phone", "add_email", "dispute_phone", "dispute_email", "two_step_on", "move_link"}

func (b stepBuilder) confirm(s step.Confirm) view {
	p := confirmPage{stepFrame: b.base(), Heading: b.T("page.confirm.title"), Button: b.T("page.confirm.do"),
		Danger: !slices.Contains(gentle, s.Action), Back: slices.Contains(s.Inputs, "back"), Without: "/"}
	if b.v.kind == linkKind {
		p.Without, p.RestartText = linkedPath, b.T("page.linked.other")
	}
	if key := "page.confirm.title_" + s.Action; b.has(key) {
		p.Heading = b.T(key)
	}
	if key := "page.confirm.do_" + s.Action; b.has(key) {
		p.Button = b.T(key)
	}
	for _, e := range s.Effects {
		if key := "page.confirm." + e.Effect; b.has(key) {
			p.Effects = append(p.Effects, effectRow{cmp.Or(effectIcons[e.Effect], "arrow-right"), b.effect(key, e)})
		}
	}
	p.titled(p.Heading)
	return p
}

func (b stepBuilder) effect(key string, e step.Effect) template.HTML {
	var at template.HTML
	if e.At != nil {
		at = b.From(*e.At)
	}
	return b.H(key, "to", b.Num(e.To), "n", e.Count, "time", at)
}

// waitPage says that time or people decide next.
type waitPage struct {
	stepFrame
	When time.Time
	Why  string
	Told []string
	Back bool // another proof ends the wait
}

func (waitPage) file() string { return "step_wait" }

func (b stepBuilder) wait(s step.Wait) view {
	p := waitPage{stepFrame: b.base(), When: s.Until, Why: b.T("step.wait.why"), Back: slices.Contains(s.Inputs, "back")}
	if key := "step.wait.reason." + s.Reason; b.has(key) {
		p.Why = b.T(key)
	}
	for _, to := range s.Told {
		if to != "" {
			p.Told = append(p.Told, to)
		}
	}
	p.titled(b.T("step.wait.title"))
	return p
}
