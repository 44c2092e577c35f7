package stories

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	ada  = "+14155550123"
	bob  = "+14155550124"
	ming = "+8613800138000"
)

// TestTopic_V01_NoText: what the carrier says of a text is said at the step,
// with its reason, and there are ways on.
func TestTopic_V01_NoText(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		name  string
		how   map[string]string
		state string
		why   string
	}{
		{"arrives", map[string]string{"delivery": "deliver"}, "delivered", ""},
		{"handset off", map[string]string{"delivery": "fail", "fail_reason": "handset_off"}, "failed", "handset_off"},
		{"number unknown", map[string]string{"delivery": "fail", "fail_reason": "number_unknown"}, "failed", "number_unknown"},
		{"late", map[string]string{"delivery": "delay", "delay_for": "90s"}, "sent", ""},
		{"silence", map[string]string{"delivery": "silent"}, "sent", ""},
	} {
		own := h.phone(ada)
		own.behaves(c.how)
		p := h.person("Pixel 9").begin("signin", "intl").give("phone", "phone", ada).at("code")
		var s step
		until(t, c.name, func() bool { s = p.look(); return s.Delivery.State == c.state })
		if s.Delivery.Reason != c.why {
			t.Errorf("%s: the reason is %q, want %q", c.name, s.Delivery.Reason, c.why)
		}
		for _, way := range []string{"resend", "other_way"} {
			if !contains(s.Inputs, way) {
				t.Errorf("%s: the step offers %q, without %s", c.name, s.Inputs, way)
			}
		}
		if c.name == "late" {
			h.pass(90 * time.Second)
			until(t, "the late text", func() bool { return p.look().Delivery.State == "delivered" })
			p.give("code", "code", own.code()).at("done")
		}
	}
}

func contains(list []string, one string) bool {
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
}

// TestTopic_V01_OtherWay: who gets no text proves the account by another way.
func TestTopic_V01_OtherWay(t *testing.T) {
	h := open(t)
	p := h.person("Pixel 9").signUp(ada)
	p.setPassword("correct horse battery")
	h.pass(time.Minute)
	h.phone(ada).behaves(map[string]string{"delivery": "silent"})
	p.begin("signin", "intl").give("phone", "phone", ada).at("code").give("other_way").at("choose_method")
	p.give("method", "method", "password").at("password").give("password", "password", "correct horse battery").at("done")
}

// TestTopic_V02_NoMail: the same for mail: what the mail server answered.
func TestTopic_V02_NoMail(t *testing.T) {
	h := open(t)
	const address = "ada@example.com"
	box := h.mailbox(address)
	box.behaves(map[string]string{"delivery": "bounce"})
	p := h.person("Pixel 9").begin("signup", "intl").give("email", "email", address).at("code")
	var s step
	until(t, "the bounce", func() bool { s = p.look(); return s.Delivery.State == "failed" })
	if s.Delivery.Reason == "" || s.Channel != "email" || strings.Contains(s.To, address) {
		t.Errorf("after a bounce the step is %+v", s)
	}
	box.behaves(map[string]string{"delivery": "deliver"})
	h.pass(time.Minute)
	p.give("resend").at("code")
	code := box.code()
	until(t, "the mail to be taken", func() bool { return p.look().Delivery.State != "queued" })
	p.give("code", "code", code).at("new_password")
}

// TestTopic_V03_TooMany: a refusal names its limit, its time is right to the
// second, and another number or device is not touched.
func TestTopic_V03_TooMany(t *testing.T) {
	h := open(t)
	refused := func(p *person, limit string) {
		t.Helper()
		r := p.refused(http.StatusTooManyRequests, "codes_limited")
		if r.Limit != limit || r.RetryAt.IsZero() {
			t.Fatalf("the refusal names the limit %q until %s, want %q", r.Limit, r.RetryAt, limit)
		}
		number := ada
		if limit == "device" {
			number = "+14155550199"
		}
		h.pass(r.RetryAt.Sub(h.now()) - time.Second)
		early := p.begin("signin", "intl").give("phone", "phone", number).last
		if !h.now().Before(r.RetryAt) {
			return // the machine took a second for it: nothing is shown
		}
		if early.Code != "codes_limited" {
			t.Errorf("a second before retry_at: %s", early.body)
		}
		h.pass(time.Second)
		p.give("phone", "phone", number).at("code")
	}
	for range 10 {
		h.person("").begin("signin", "intl").give("phone", "phone", ada).at("code")
	}
	refused(h.person("").begin("signin", "intl").give("phone", "phone", ada), "destination")
	h.person("").begin("signin", "intl").give("phone", "phone", bob).at("code")

	p := h.person("Pixel 9").signUp("+14155550150") // the first code that this device asked for had no device yet
	for _, last := range strings.Split("0123456789", "") {
		p.begin("signin", "intl").give("phone", "phone", "+1415555015"+last).at("code")
	}
	refused(p.begin("signin", "intl").give("phone", "phone", "+14155550199"), "device")
}

// TestTopic_V04_WhenAgain: the step says when the next code can be asked for;
// the waits grow, and a resend that comes too early says until when.
func TestTopic_V04_WhenAgain(t *testing.T) {
	h := open(t)
	p := h.person("Pixel 9").begin("signin", "intl").give("phone", "phone", ada).at("code")
	for i, wait := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		s := p.look()
		if s.Sends != i+1 {
			t.Fatalf("%d codes are out, want %d", s.Sends, i+1)
		}
		h.pass(s.ResendAt.Sub(h.now()) - 5*time.Second)
		p.give("resend")
		if r := p.refused(http.StatusTooManyRequests, "codes_limited"); !r.RetryAt.Equal(s.ResendAt) || r.Limit != "destination" || r.Step.Type != "code" {
			t.Errorf("too early: retry_at %s limit %q step %q, want %s", r.RetryAt, r.Limit, r.Step.Type, s.ResendAt)
		}
		if i == 3 {
			break // the journey ends before the wait does
		}
		h.pass(5 * time.Second)
		sent := h.now()
		p.give("resend").at("code")
		next := []time.Duration{2 * time.Minute, 5 * time.Minute, 5 * time.Minute}[i]
		if got := p.last.Step.ResendAt.Sub(sent); got < next || got > next+patience {
			t.Errorf("after %d codes and a wait of %s the next wait is %s, want %s", i+2, wait, got, next)
		}
	}
}

// TestTopic_V05_Unusable: each reason of a code that does not work has its own
// answer, and the journey goes on where it can.
func TestTopic_V05_Unusable(t *testing.T) {
	h := open(t)
	own := h.phone(ada)
	refused := func(p *person, code, stays string) reply {
		t.Helper()
		r := p.refused(http.StatusUnprocessableEntity, code)
		if r.Field != "code" || r.Step.Type != stays {
			t.Errorf("%s is about %q at the step %q: %s", code, r.Field, r.Step.Type, r.body)
		}
		return r
	}
	p := h.person("Pixel 9").begin("signin", "intl").give("phone", "phone", ada).at("code")
	first := own.code()
	if r := refused(p.give("code", "code", other(first)), "code_wrong", "code"); r.TriesLeft == nil || *r.TriesLeft != 4 {
		t.Errorf("code_wrong has no tries_left 4: %s", r.body)
	}
	refused(p.give("code", "code", "12345"), "invalid_input", "code")
	h.pass(time.Minute)
	p.give("resend").at("code")
	second := own.code()
	refused(p.give("code", "code", first), "code_replaced", "code")
	h.pass(5 * time.Minute)
	refused(p.give("code", "code", second), "code_expired", "code")
	p.give("resend").at("code").give("code", "code", own.code()).at("done")

	p.begin("signin", "intl").give("phone", "phone", ada).at("code")
	code := own.code()
	p.give("code", "code", code).at("done")
	refused(p.give("code", "code", code), "code_used", "done")

	stranger := h.person("").begin("signin", "intl").give("phone", "phone", ada).at("code")
	right := own.code()
	refused(stranger.give("code", "code", code), "code_wrong", "code") // another journey's code: no more is said
	for range 4 {
		refused(stranger.give("code", "code", other(right)), "code_wrong", "code")
	}
	refused(stranger.give("code", "code", right), "code_tries_exceeded", "code")
}

// TestTopic_V05_Typing: a code counts however people write it.
func TestTopic_V05_Typing(t *testing.T) {
	h := open(t)
	own := h.phone(ada)
	for _, spell := range []func(string) string{
		func(c string) string { return c[:3] + " " + c[3:] },
		func(c string) string { return c[:3] + "-" + c[3:] },
		fullWidth,
	} {
		p := h.person("").begin("signin", "intl").give("phone", "phone", ada).at("code")
		p.give("code", "code", spell(own.code())).at("done")
	}
}

func fullWidth(digits string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, digits)
}
