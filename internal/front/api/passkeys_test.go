package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/passkey/passkeytest"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

const passkeysPath = "/api/v1/methods/passkeys"

// TestPasskeys_TheContract: begun, registered, listed, renamed and removed by an
// app; each needs a fresh proof, and a stranger finds nothing.
func TestPasskeys_TheContract(t *testing.T) {
	each(t, func(h *house) {
		p, eve := h.signIn("+8613800138000"), h.signIn("+8613900139000")
		a := passkeytest.New("https://" + host)
		begin := func() any { return p.do("POST", passkeysPath+"/options", "").want(200, "").at("options") }
		body := func(credential []byte) string {
			text, err := json.Marshal(map[string]any{"credential": json.RawMessage(credential), "name": "Drawer"})
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		answer := body(a.Create(begin()))
		eve.do("POST", passkeysPath, answer).want(422, "passkey_invalid")
		made := p.do("POST", passkeysPath, answer).want(http.StatusCreated, "")
		id := made.str("id")
		if made.str("name") != "Drawer" || made.str("kind") != "synced" || made.str("state") != "on" || made.at("used_at") != nil {
			t.Errorf("made %s", made.text)
		}
		p.do("POST", passkeysPath, answer).want(422, "passkey_invalid")
		for name, c := range map[string]string{"no JSON": `{"credential":7}`, "nothing in it": `{"credential":{}}`, "a text": `{"credential":"x"}`} {
			begin()
			if r := p.do("POST", passkeysPath, c); r.status != 422 {
				t.Errorf("%s: %d %s", name, r.status, r.text)
			}
		}
		begin()
		p.do("POST", passkeysPath, `{"credential":{"x":"`+strings.Repeat("x", 20<<10)+`"}}`).want(422, "passkey_invalid")
		begin()
		p.do("POST", passkeysPath, `{"credential":{"x":"`+strings.Repeat("x", 40<<10)+`"}}`).want(413, "body_too_large")

		one := passkeysPath + "/" + id
		eve.do("PATCH", one, `{"name":"mine"}`).want(404, "not_found")
		eve.do("DELETE", one, "").want(404, "not_found")
		p.do("PATCH", one, `{"name":"a\u202eb"}`).want(422, "invalid_input")
		p.do("PATCH", one, `{"name":"Key ring"}`).want(204, "")
		if list := p.do("GET", passkeysPath, "").want(200, ""); !strings.Contains(list.text, `"Key ring"`) || strings.Contains(list.text, "public_key") {
			t.Errorf("the list is %s", list.text)
		}
		h.clock.Advance(11 * time.Minute)
		for _, c := range [][3]string{{"POST", passkeysPath + "/options", ""}, {"POST", passkeysPath, answer}, {"PATCH", one, `{"name":"x"}`}, {"DELETE", one, ""}} {
			if r := p.do(c[0], c[1], c[2]).want(403, "proof_required"); !strings.HasSuffix(r.str("for"), "_method") {
				t.Errorf("%s asks for %q", c[0], r.str("for"))
			}
		}
		j, _ := p.prove("remove_method") // the strongest that the account has (S-67)
		show := func() reply {
			return p.send(call{method: "GET", path: "/api/v1/journeys/" + j.id, key: j.key, token: p.token})
		}
		r := p.answer(j, `{"input":"method","method":"passkey"}`).want(200, "").step("passkey")
		credential := string(a.Get(r.at("step.options")))
		p.answer(j, `{"input":"passkey","credential":{}}`).want(422, "passkey_invalid")
		p.answer(j, `{"input":"passkey","credential":`+credential+`}`).want(422, "passkey_invalid") // its challenge is gone
		r = p.answer(j, `{"input":"passkey","credential":`+string(a.Get(show().at("step.options")))+`}`).want(200, "")
		p.token = r.str("step.session.token")
		p.do("DELETE", one, "").want(204, "")
		p.do("DELETE", one, "").want(403, "proof_required") // what proved it is gone
	})
}

// keepPasskeys gives the house passkeys.
func (h *house) keepPasskeys(ring *seal.Ring) {
	s := h.settings
	s.Passkeys, s.Party = passkey.New(ring), &passkey.Party{ID: host, Name: "Selfsame", Origins: []string{"https://" + host}}
	s.Prover.Means = append(s.Prover.Means, proof.ByPasskey(s.Prover, s.Passkeys, s.Party, s.Notices))
}
