package stories

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// question is a prompt as an app lists it.
type question struct {
	ID, Purpose, Device string
	Choices             []string
}

// asked lists what this person's device is asked.
func (p *person) asked() []question {
	p.t.Helper()
	var list struct{ Prompts []question }
	p.send("GET", "/api/v1/prompts", nil, "Authorization", "Bearer "+p.session).json(p.t, &list)
	return list.Prompts
}

// TestTopic_Y04_TwoStep: with 2-step verification on, neither a password nor a text
// twice opens the account elsewhere; a question on the phone does, or a recovery
// code; and a trusted device is not asked.
func TestTopic_Y04_TwoStep(t *testing.T) {
	h := open(t)
	own := h.phone(ada)
	p := h.person("Pixel 9").begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", own.code()).at("done")
	if p.ask("PUT", "/methods/two-step", map[string]any{"on": true}); p.last.Code != "second_method_missing" {
		t.Errorf("with a phone number alone: %s", p.last.body)
	}
	p.ask("PUT", "/password", map[string]any{"new_password": good})
	p.at("")
	var on struct {
		On    bool
		Codes []string `json:"recovery_codes"`
	}
	p.ask("PUT", "/methods/two-step", map[string]any{"on": true})
	if p.at("").last.json(t, &on); !on.On || len(on.Codes) != 10 {
		t.Fatalf("turning it on answers %s", p.last.body)
	}
	own.told("password was changed")
	own.told("2-step verification was turned on")
	h.pass(time.Hour)

	// A text, and then what? Not another text.
	thief := h.person("Thief's phone").begin("signin", "intl").give("phone", "phone", ada).at("code").give("code", "code", own.code())
	thief.at("choose_method")
	for _, m := range thief.last.Step.Methods {
		if m.Method == "sms_code" || m.Method == "email_code" {
			t.Errorf("after a text the second step offers %s", m.Method)
		}
	}
	thief.give("method", "method", "sms_code")
	if thief.last.StatusCode != http.StatusForbidden || thief.last.Code != "method_unavailable" {
		t.Errorf("a second text: %s", thief.last.body)
	}
	// The thief asks the owner's phone, who says no, and has to wait.
	thief.give("method", "method", "device_prompt").at("device_prompt")
	q := p.asked()
	if len(q) != 1 || q[0].Purpose != "sign_in" || q[0].Device != "Thief's phone" || len(q[0].Choices) != 3 {
		t.Fatalf("the phone is asked %+v", q)
	}
	p.ask("POST", "/prompts/"+q[0].ID, map[string]any{"answer": "deny"})
	p.at("")
	thief.give("check").refused(http.StatusForbidden, "prompt_denied")
	own.told("was refused on your device")
	thief.give("other_way").at("choose_method")
	thief.give("method", "method", "device_prompt").refused(http.StatusForbidden, "method_unavailable")

	// The owner on a laptop, two hours later, by password and the number.
	h.pass(2 * time.Hour)
	mine := h.person("Laptop").begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("choose_method")
	mine.give("method", "method", "device_prompt").at("device_prompt")
	var shown struct{ Step struct{ Number string } }
	mine.last.json(t, &shown)
	q = p.asked()
	p.ask("POST", "/prompts/"+q[0].ID, map[string]any{"answer": "approve", "number": shown.Step.Number})
	p.at("")
	mine.give("check").at("done")
	if !mine.signedIn() {
		t.Fatal("the laptop is not signed in")
	}
	// It is trusted, and is not asked the next time.
	mine.ask("PUT", "/devices/"+mine.deviceID()+"/trust", map[string]any{"trusted": true})
	mine.at("")
	mine.begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("done")

	// A new tablet, while the phone is switched off: a recovery code, once.
	tablet := h.person("Tablet").begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("choose_method")
	tablet.give("method", "method", "recovery_code").at("recovery_code").give("code", "code", on.Codes[0]).at("done")
	again := h.person("Another").begin("signin", "intl").give("username", "username", ada).give("password", "password", good).at("choose_method")
	again.give("method", "method", "recovery_code").at("recovery_code").give("code", "code", on.Codes[0])
	if again.last.StatusCode < 400 {
		t.Errorf("a code used twice: %s", again.last.body)
	}

	// Turning it off asks for more than a session of before has.
	h.pass(time.Hour)
	p.ask("PUT", "/methods/two-step", map[string]any{"on": false})
	if p.last.Code != "proof_required" || p.last.For != "two_step_off" {
		t.Errorf("turning it off: %s", p.last.body)
	}
}

// told waits for a text that says this.
func (p *phone) told(words string) {
	p.t.Helper()
	until(p.t, words, func() bool {
		return slices.ContainsFunc(p.texts(), func(x text) bool { return strings.Contains(x.Text, words) })
	})
}

// deviceID is how the account knows the device of this session.
func (p *person) deviceID() string {
	p.t.Helper()
	var who struct{ Device struct{ ID string } }
	p.send("GET", "/api/v1/session", nil, "Authorization", "Bearer "+p.session).json(p.t, &who)
	return who.Device.ID
}

// TestStory_TwoStepByPrompt: 2-step verification is turned on in one browser; the
// sign-in in a second one is confirmed in the first, with the number that the
// second one shows, and the second one is trusted from then on.
func TestStory_TwoStepByPrompt(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		home := h.browser(scripts, "en")
		home.signUp(ada)
		home.visit("/account/password")
		home.fill("New password", good)
		home.press("Set this password")
		home.visit("/account/security/two-step")
		home.press("Turn 2-step verification on")
		home.sees("2-step verification is on.")
		home.visit("/account/security/two-step")
		home.sees("On since", "No device is trusted.")
		home.visit("/account")

		h.pass(time.Hour)
		away := h.browser(scripts, "en")
		away.visit("/signin?with=password")
		away.fill("Phone, e-mail address or account ID", ada)
		away.fill("Password", good)
		away.press("Sign in")
		away.press("Answer on a device where you are signed in")
		away.sees("Answer on another device", "pick this number")
		number := eval[string](away, `[...document.querySelector("[data-number]").childNodes].at(-1).textContent.trim()`)

		if scripts {
			home.waits("is this you?") // it comes by itself
		} else {
			home.visit("/account")
		}
		const tick = `document.querySelector("input[name=trust]").click()`
		if scripts {
			eval[any](away, tick) // it goes on by itself
		}
		home.press("Look and answer")
		home.sees("Is this you?", "asks to sign in", "Which number does that device show?", "No, it is not me")
		home.press(number)
		home.sees("Confirmed. The other device goes on.")
		if scripts {
			away.waits("Signed in on 2 devices")
		} else {
			away.visit("/signin")
			away.sees("Confirmed")
			eval[any](away, tick)
			away.press("Continue")
		}
		away.visit("/account/security/two-step")
		away.sees("Trusted devices", "This device", "Until")

		away.signOut()
		away.visit("/signin?with=password")
		away.fill("Phone, e-mail address or account ID", ada)
		away.fill("Password", good)
		away.press("Sign in")
		away.visit("/account")
		away.sees("Signed in on 2 devices")
	})
}

// TestStory_PromptRefused: no on the phone ends it, and says what to do.
func TestStory_PromptRefused(t *testing.T) {
	h := openForBrowsers(t)
	home := h.browser(true, "en")
	home.signUp(ada)
	home.visit("/account/password")
	home.fill("New password", good)
	home.press("Set this password")
	home.visit("/account/prompt")
	home.sees("Nothing is asked")

	h.pass(time.Hour)
	thief := h.browser(true, "en")
	thief.visit("/signin?with=password")
	thief.fill("Phone, e-mail address or account ID", ada)
	thief.fill("Password", good)
	thief.press("Sign in")
	if strings.Contains(thief.reads(), "Enter the code") {
		thief.press("Try another way")
	}
	thief.press("Answer on a device where you are signed in")
	home.waits("Is this you?")
	home.press("No, it is not me")
	home.sees("Refused. All your contacts are told.", "Change the password", "Freeze")
	thief.waits("It was refused")
	thief.press("Try another way")
	thief.press("Answer on a device where you are signed in")
	thief.sees("Your devices were asked often enough for now.")
}
