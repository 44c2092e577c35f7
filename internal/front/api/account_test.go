package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func picture(t *testing.T, side int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSession_TellsWhoIsThere(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		r := p.do("GET", "/api/v1/session", "").want(200, "")
		if r.str("account.id") != p.id || r.str("device.name") != "Pixel 9" || r.str("device.kind") != "phone" || r.str("device.id") != p.deviceID {
			t.Errorf("the session is %s", r.text)
		}
		if proved, _ := r.at("proved").([]any); len(proved) != 1 || proved[0].(map[string]any)["method"] != "sms_code" {
			t.Errorf("it was proved by %v", r.at("proved"))
		}
		p.do("DELETE", "/api/v1/session", "").want(204, "")
		gone := p.do("GET", "/api/v1/session", "").want(401, "session_required")
		if gone.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("WWW-Authenticate is %q (RFC 9110 section 15.5.2)", gone.header.Get("WWW-Authenticate"))
		}
		p.do("DELETE", "/api/v1/session", "").want(401, "session_required")
	})
}

func TestAccount_ChangesAsAWhole(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		r := p.do("GET", "/api/v1/account", "").want(200, "")
		if r.str("phone.address") != "+86 138 **** 8000" || r.str("state") != "active" || r.str("region") != "intl" || r.at("avatar") != nil {
			t.Errorf("the account is %s", r.text)
		}
		small := base64.StdEncoding.EncodeToString([]byte(picture(t, 8)))
		r = p.do("PATCH", "/api/v1/account", `{"nickname":" Lin  Q ","locale":"zh-Hans","avatar":"`+small+`"}`).want(200, "")
		if r.str("nickname") != "Lin Q" || r.str("locale") != "zh-Hans" || r.str("avatar") != "/api/v1/account/avatar" {
			t.Errorf("after the change the account is %s", r.text)
		}
		before := h.dump()
		for body, code := range map[string]string{
			`{"nickname":"Mei","locale":"tlh"}`:                                   "invalid_input",
			`{"nickname":"Mei","avatar":"AAAA"}`:                                  "avatar_invalid",
			`{"nickname":"Mei","avatar":"not base64"}`:                            "invalid_input",
			`{"locale":"en","nickname":"` + strings.Repeat("x", 41) + `"}`:        "nickname_invalid",
			`{"locale":"en","nickname":"a\u0000b"}`:                               "nickname_invalid",
			`{"locale":"en","nickname":"a\u202eb"}`:                               "nickname_invalid",
			`{"locale":"en","nickname":"Selfsame"}`:                               "nickname_invalid",
			`{"locale":"en","nickname":"+86 138 0013 8000"}`:                      "nickname_invalid",
			`{"nickname":null}`:                                                   "invalid_input",
			`{"avatar":"` + base64.StdEncoding.EncodeToString([]byte("x")) + `"}`: "avatar_invalid",
		} {
			p.do("PATCH", "/api/v1/account", body).want(422, code)
		}
		p.do("PATCH", "/api/v1/account", `{}`).want(200, "")
		delete(before, "quota") // a try is counted
		h.unchanged(before, "a refused or empty change")
		r = p.do("PATCH", "/api/v1/account", `{"nickname":"","avatar":""}`).want(200, "")
		if r.str("nickname") != "" || r.at("avatar") != nil || r.str("locale") != "zh-Hans" {
			t.Errorf("after removing the account is %s", r.text)
		}
	})
}

func TestAccount_PictureOfItsOwner(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		p.do("GET", "/api/v1/account/avatar", "").want(404, "not_found")
		send := func(kind, body string) reply {
			return h.send(call{method: "PUT", path: "/api/v1/account/avatar", body: body, token: p.token, change: func(r *http.Request) { r.Header["Content-Type"] = []string{kind} }})
		}
		send("image/png", picture(t, 20)).want(204, "")
		got := p.do("GET", "/api/v1/account/avatar", "")
		img, kind, err := image.DecodeConfig(strings.NewReader(got.text))
		if err != nil || kind != "png" || img.Width != 256 || img.Height != 256 || got.header.Get("Content-Type") != "image/png" {
			t.Errorf("the picture is a %s of %dx%d (%v)", kind, img.Width, img.Height, err)
		}
		before := h.dump()
		send("image/png", "").want(422, "invalid_input")
		send("image/gif", "GIF89a").want(415, "media_type")
		send("application/json", `{}`).want(415, "media_type")
		send("image/png", "no picture").want(422, "avatar_invalid")
		send("image/png", picture(t, 20)[:60]).want(422, "avatar_invalid")
		send("image/png", strings.Repeat("x", 5<<20+1)).want(413, "body_too_large")
		h.send(call{method: "PUT", path: "/api/v1/account/avatar", token: p.token, change: func(r *http.Request) {
			r.Header.Set("Content-Type", "image/png")
			r.Body, r.ContentLength = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), 10
		}}).want(422, "invalid_input")
		h.send(call{method: "PUT", path: "/api/v1/account/avatar", body: picture(t, 8), token: p.token, change: func(r *http.Request) {
			r.Header["Content-Type"] = []string{"image/png", "text/html"}
		}}).want(415, "media_type")
		delete(before, "quota") // a try is counted
		h.unchanged(before, "a refused picture")
		p.do("DELETE", "/api/v1/account/avatar", "").want(204, "")
		p.do("DELETE", "/api/v1/account/avatar", "").want(204, "")
		p.do("GET", "/api/v1/account/avatar", "").want(404, "not_found")
	})
}

func TestAccount_ChangesAreLimited(t *testing.T) {
	each(t, func(h *house) {
		h.settings.ProfileLimit = limit("profile.changes", 1)
		p := h.signIn("+8613800138000")
		q := h.signIn("+8613900139000")
		q.send(call{method: "PUT", path: "/api/v1/account/avatar", body: picture(t, 8), token: q.token, change: func(r *http.Request) {
			r.Header.Set("Content-Type", "image/png")
		}}).want(204, "")
		q.do("DELETE", "/api/v1/account/avatar", "").want(429, "rate_limited")
		p.do("PATCH", "/api/v1/account", `{"nickname":"Lin"}`).want(200, "")
		p.do("PATCH", "/api/v1/account", `{"nickname":"Mei"}`).want(429, "rate_limited")
		p.send(call{method: "PUT", path: "/api/v1/account/avatar", body: picture(t, 8), token: p.token, change: func(r *http.Request) {
			r.Header.Set("Content-Type", "image/png")
		}}).want(429, "rate_limited")
	})
}

func TestMethods_TellHowEachStands(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		states := func() string {
			r := p.do("GET", "/api/v1/methods", "").want(200, "")
			var out []string
			for _, m := range r.at("methods").([]any) {
				m := m.(map[string]any)
				line, _ := json.Marshal([]any{m["method"], m["state"], m["reason"]})
				out = append(out, string(line))
			}
			return strings.Join(out, " ")
		}
		if got := states(); got != `["sms_code","on",null] ["email_code","unavailable","no_email"] ["password","off",null] ["device_prompt","unavailable","no_other_device"] ["passkey","off",null] ["linked","off",null]` {
			t.Error(got)
		}
		p.do("PUT", "/api/v1/password", `{"new_password":"correct horse battery"}`).want(204, "")
		if got := states(); got != `["sms_code","on",null] ["email_code","unavailable","no_email"] ["password","on",null] ["device_prompt","unavailable","no_other_device"] ["passkey","off",null] ["linked","off",null]` {
			t.Error(got)
		}
		q := h.signUpByEmail("someone@example.com")
		if r := q.do("GET", "/api/v1/methods", "").want(200, ""); !strings.Contains(r.text, `"reason":"no_phone"`) || strings.Contains(r.text, "someone@") {
			t.Errorf("the methods are %s", r.text)
		}
	})
}

func TestPassword_NeedsAFreshProof(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		other := h.signIn2("+8613800138000")
		for body, code := range map[string]string{
			`{"new_password":""}`: "password_short", `{}`: "password_short", `{"new_password":"short"}`: "password_short",
			`{"new_password":"` + strings.Repeat("x", 257) + `"}`:    "password_long",
			`{"new_password":"` + strings.Repeat("x", 60_000) + `"}`: "password_long",
			`{"new_password":"password1"}`:                           "password_common",
			`{"new_password":"+8613800138000"}`:                      "password_personal",
		} {
			if r := p.do("PUT", "/api/v1/password", body).want(422, code); r.str("field") != "new_password" {
				t.Errorf("%s: the field is %q", code, r.str("field"))
			}
		}
		p.do("PUT", "/api/v1/password", `{"new_password":"correct horse battery","keep_others":true}`).want(204, "")
		other.do("GET", "/api/v1/session", "").want(200, "")
		p.do("PUT", "/api/v1/password", `{"new_password":"another horse battery"}`).want(204, "")
		other.do("GET", "/api/v1/session", "").want(401, "session_required")
		h.clock.Advance(11 * time.Minute)
		if r := p.do("PUT", "/api/v1/password", `{"new_password":"a third horse battery"}`).want(403, "proof_required"); r.str("for") != "set_password" {
			t.Errorf("the proof is for %q", r.str("for"))
		}
	})
}

// signIn2 signs somebody in on another device, a while later.
func (h *house) signIn2(number string) person {
	h.t.Helper()
	h.clock.Advance(2 * time.Minute)
	return h.signInOn(number, `{"kind":"signin","device":{"name":"Tablet","kind":"tablet"}}`)
}

func TestS67_ContactsInFullNeedAFreshProof(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		if r := p.do("GET", "/api/v1/account/contacts", "").want(200, ""); r.str("phone.address") != "+8613800138000" {
			t.Errorf("the contacts are %s", r.text)
		}
		if r := p.do("GET", "/api/v1/activity", "").want(200, ""); !strings.Contains(r.text, "contacts_viewed") {
			t.Errorf("the owner does not see that somebody looked: %s", r.text)
		}
		h.clock.Advance(11 * time.Minute)
		if r := p.do("GET", "/api/v1/account/contacts", "").want(403, "proof_required"); r.str("for") != "view_contacts" {
			t.Errorf("the proof is for %q", r.str("for"))
		}
	})
}

func TestDevices_AreListedAndRemoved(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		q := h.signIn2("+8613800138000")
		r := q.do("GET", "/api/v1/devices", "").want(200, "")
		list := r.at("devices").([]any)
		if len(list) != 2 || list[0].(map[string]any)["current"] != true || list[0].(map[string]any)["id"] != q.deviceID {
			t.Fatalf("the devices are %s", r.text)
		}
		q.do("DELETE", "/api/v1/devices/"+p.deviceID, "").want(204, "")
		q.do("DELETE", "/api/v1/devices/"+p.deviceID, "").want(404, "not_found")
		p.do("GET", "/api/v1/session", "").want(401, "session_required")
		third := h.signIn2("+8613800138000")
		if r := third.do("POST", "/api/v1/devices/sign-out-others", "").want(200, ""); r.at("ended") != 1.0 {
			t.Errorf("%v ended, want 1", r.at("ended"))
		}
		if r := third.do("POST", "/api/v1/devices/sign-out-others", "{}").want(200, ""); r.at("ended") != 0.0 {
			t.Errorf("%v ended the second time", r.at("ended"))
		}
		third.do("DELETE", "/api/v1/devices/"+third.deviceID, "").want(204, "")
		third.do("GET", "/api/v1/session", "").want(401, "session_required")
	})
}

// A stranger's thing and a missing one are answered alike (S-62).
func TestS62_WhatBelongsToOthersIsNotThere(t *testing.T) {
	each(t, func(h *house) {
		p, q := h.signIn("+8613800138000"), h.signIn("+8613900139000")
		missing := q.do("DELETE", "/api/v1/devices/"+strings.Repeat("A", 22), "").want(404, "not_found")
		before := h.dump()
		for _, id := range []string{p.deviceID, p.id, p.deviceID + "A", p.deviceID[:21], "%00", "%ff", "..%2f..", strings.Repeat("A", 3000), "'%20OR%201=1"} {
			if r := q.do("DELETE", "/api/v1/devices/"+id, ""); r.text != missing.text || r.status != 404 {
				t.Errorf("%s: %d %s", id, r.status, r.text)
			}
		}
		// Its cursor is not mine (S-114), nor are its activity and its picture.
		for range 60 {
			p.do("GET", "/api/v1/account/contacts", "")
		}
		cursor := p.do("GET", "/api/v1/activity", "").want(200, "").str("next")
		if cursor == "" {
			t.Fatal("sixty acts fit one answer")
		}
		q.do("GET", "/api/v1/activity?before="+cursor, "").want(422, "invalid_input")
		delete(before, "audit")
		h.unchanged(before, "looking at what belongs to others")
		p.do("GET", "/api/v1/session", "").want(200, "")
	})
}

func TestS114_CursorsAreSigned(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		for range 120 {
			h.clock.Advance(time.Second)
			p.do("GET", "/api/v1/account/contacts", "").want(200, "")
		}
		seen, pages, cursor := map[string]bool{}, 0, ""
		for {
			path := "/api/v1/activity"
			if cursor != "" {
				path += "?before=" + cursor
			}
			r := p.do("GET", path, "").want(200, "")
			for _, a := range r.at("activity").([]any) {
				id := a.(map[string]any)["id"].(string)
				if seen[id] {
					t.Fatalf("%s came twice", id)
				}
				seen[id] = true
			}
			pages++
			if cursor = r.str("next"); cursor == "" {
				break
			}
		}
		if len(seen) != 122 || pages != 3 {
			t.Errorf("%d acts on %d pages, want 122 on 3", len(seen), pages)
		}
		cursor = p.do("GET", "/api/v1/activity", "").str("next")
		for _, forged := range []string{cursor[:len(cursor)-1], cursor + "A", "B" + cursor[1:], swapCase(cursor), cursor + "=", "0", "1795343400000000", "-1",
			"%00", "%ff", "'%20OR%20'1'='1", strings.Repeat("A", 54), strings.Repeat("A", 3000), cursor[:11], strings.Replace(cursor, cursor[20:21], "!", 1)} {
			p.do("GET", "/api/v1/activity?before="+forged, "").want(422, "invalid_input")
		}
		p.do("GET", "/api/v1/activity?before="+cursor+"&before="+cursor, "").want(422, "invalid_input")
		p.do("GET", "/api/v1/activity?before="+cursor+"&other=1", "").want(200, "")
		p.do("GET", "/api/v1/activity?before=%zz", "").want(422, "invalid_input")
		p.do("GET", "/api/v1/activity?before=", "").want(200, "")
	})
}

func TestDevices_ManyAreAnsweredWhole(t *testing.T) {
	each(t, func(h *house) {
		p := h.signIn("+8613800138000")
		for range 60 {
			h.clock.Advance(6 * time.Minute)
			p = h.signInOn("+8613800138000", `{"kind":"signin","device":{"name":"`+strings.Repeat("设备", 30)+`","kind":"tv"}}`)
		}
		r := p.do("GET", "/api/v1/devices", "").want(200, "")
		if n := len(r.at("devices").([]any)); n < 50 {
			t.Errorf("%d devices", n)
		}
		head := p.do("HEAD", "/api/v1/devices", "")
		if head.status != 200 || head.text != "" {
			t.Errorf("HEAD answers %d with %d bytes", head.status, len(head.text))
		}
	})
}
