package api_test

import (
	"testing"
)

func TestJourney_SignInByText(t *testing.T) {
	each(t, func(h *house) {
		j, r := h.begin(beginApp)
		r.step("identify")
		j.input("phone", "phone", "+8613800138000").want(200, "").step("code")
		code := h.box.code("+8613800138000")
		j.show().want(200, "").step("code")
		wrong := j.input("code", "code", otherCode(code)).want(422, "code_wrong").step("code")
		if wrong.at("tries_left") != 4.0 || wrong.str("field") != "code" {
			t.Errorf("the refusal is %s", wrong.text)
		}
		d := j.input("code", "code", code).want(200, "").step("done")
		if d.at("step.created") != true {
			t.Errorf("no account was made: %s", d.text)
		}
		j.input("code", "code", code).want(422, "code_used").step("done")
	})
}
