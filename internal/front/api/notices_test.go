package api_test

import (
	"testing"
	"time"
)

// TestS159_ListNotices: the owner reads what was told, where and whether it
// arrived; a page at a time, and nobody reads another's.
func TestS159_ListNotices(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		if r := p.do("GET", "/api/v1/notices", "").want(200, ""); len(r.at("notices").([]any)) != 0 {
			t.Errorf("before anything was told: %s", r.text)
		}
		for i := range 52 {
			if i%10 == 0 {
				h.clock.Advance(25 * time.Hour) // the limit of changes
				p = h.signIn("+8613800138000")
			}
			p.do("PUT", "/api/v1/password", `{"new_password":"correct horse battery `+string(rune('a'+i%26))+string(rune('a'+i/26))+`","keep_others":true}`).want(204, "")
			h.clock.Advance(time.Second)
		}
		r := p.do("GET", "/api/v1/notices", "").want(200, "")
		first := r.at("notices").([]any)
		if len(first) != 50 || r.str("next") == "" {
			t.Fatalf("%d notices, next %q", len(first), r.str("next"))
		}
		n := first[0].(map[string]any)
		if n["notice"] != "notice_password" || n["channel"] != "sms" || n["to"] != "+86 138 **** 8000" || n["delivery"] == "" {
			t.Errorf("the newest is %v", n)
		}
		rest := p.do("GET", "/api/v1/notices?before="+r.str("next"), "").want(200, "").at("notices").([]any)
		if len(rest) < 2 {
			t.Errorf("%d on the second page", len(rest))
		}
		q := h.signIn("+8613800138001")
		q.do("GET", "/api/v1/notices?before="+r.str("next"), "").want(422, "invalid_input")
	})
}
