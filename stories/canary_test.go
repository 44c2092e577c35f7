package stories

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// canaries are what must never be found, by what it is.
type canaries map[string][]string

func (c canaries) add(what string, values ...string) { c[what] = append(c[what], values...) }

// find answers what of them is in text, in any way that it may be written.
func (c canaries) find(text []byte) []string {
	var found []string
	for what, values := range c {
		for _, v := range values {
			for _, spelling := range []string{v, url.QueryEscape(v), base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)), hex.EncodeToString([]byte(v))} {
				if bytes.Contains(text, []byte(spelling)) {
					found = append(found, what)
				}
			}
		}
	}
	return found
}

// TestS157_Canaries sends unique secrets through every flow while the log tells
// all it can, and then looks for them in the log, in the metrics and in every
// byte that is stored.
func TestS157_Canaries(t *testing.T) {
	h := open(t, "--log", "debug")
	const (
		number   = "+14155557391"
		second   = "+14155558264"
		address  = "canary.zqxjk@birds.example.com"
		password = "canary sings at dawn 7391"
		changed  = "canary sleeps at dusk 8264"
		wrong    = "canary is not this one 555"
		nickname = "Kanarienvogel"
	)
	c := canaries{}
	c.add("phone", number, number[1:], number[2:], second, second[2:], "415-555-7391", "(415) 555-7391")
	c.add("e-mail", address, "canary.zqxjk", "birds.example.com")
	c.add("password", password, changed, wrong)
	c.add("nickname", nickname)
	codes := map[string]bool{}
	use := func(p *person, from *phone) {
		t.Helper()
		code := from.code()
		codes[code] = true
		p.give("code", "code", other(code))
		p.give("code", "code", code).at("")
	}
	secrets := func(p *person) {
		c.add("session token", p.session)
		c.add("journey key", p.key)
		c.add("device token", p.app.Token)
	}

	own, box := h.phone(number), h.mailbox(address)
	p := h.person("Pixel 9").begin("signin", "intl").give("phone", "phone", number).at("code")
	codes[own.code()] = true
	h.pass(time.Minute)
	p.give("resend").at("code")
	use(p, own)
	id := p.last.Step.Account.ID
	secrets(p)
	p.setPassword(password)
	p.ask("PATCH", "/account", map[string]string{"nickname": nickname})
	p.ask("GET", "/account/contacts", nil)
	p.begin("change_email", "intl").give("email", "email", address).at("code")
	use(p, box)
	secrets(p)
	p.setPassword(changed)
	for _, name := range []string{number, address, id} {
		q := h.person("Laptop").begin("signin", "intl").give("username", "username", name)
		q.give("password", "password", wrong).give("password", "password", password).give("password", "password", changed).at("code")
		use(q, own)
		secrets(q)
		h.pass(time.Hour)
	}
	q := h.person("Tablet").begin("signin", "intl").give("username", "username", address).give("password", "password", changed).at("code")
	use(q, own)
	secrets(q)
	own.behaves(map[string]string{"delivery": "fail", "fail_reason": "blocked"})
	box.behaves(map[string]string{"delivery": "bounce"})
	h.person("").begin("signin", "intl").give("phone", "phone", number)
	h.person("").begin("signin", "intl").give("email", "email", address)
	h.phone(second).behaves(map[string]string{"line": "iot"})
	h.person("").begin("signin", "intl").give("phone", "phone", second)
	h.person("").begin("signup", "cn").give("email", "email", address)
	h.send("GET", "/signin?phone="+url.QueryEscape(number)+"&return=/account", nil)
	h.send("GET", "/help/search?q="+url.QueryEscape(address), nil)
	h.send("POST", "/api/v1/journeys", map[string]string{"kind": password, number: address})
	h.send("GET", "/api/v1/session", nil, "Authorization", "Bearer "+p.session+"x")
	h.send("GET", "/api/v1/journeys/"+p.id, nil, "Journey-Key", q.key)
	p.ask("DELETE", "/session", nil)
	q.ask("POST", "/devices/sign-out-others", map[string]any{})
	h.lab("POST", "/sms", map[string]string{"from": number, "to": "Selfsame", "text": "STOP " + password}, nil)
	h.pass(2 * time.Hour) // the sweeps run
	metrics := h.send("GET", h.admin+"/metrics", nil).body
	h.stop()

	for _, what := range c.find([]byte(h.said.String())) {
		t.Errorf("the log holds a %s", what)
	}
	for _, what := range c.find(metrics) {
		t.Errorf("the metrics hold a %s", what)
	}
	words := loggedWords(h.said.String())
	for code := range codes {
		if words[code] {
			t.Error("the log holds a code")
		}
		if bytes.Contains(metrics, []byte(`"`+code+`"`)) {
			t.Error("the metrics hold a code")
		}
	}
	if len(words) < 100 {
		t.Errorf("the log has only %d words: it was not at debug", len(words))
	}
	looked := 0
	err := filepath.WalkDir(h.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		stored, err := os.ReadFile(path)
		looked += len(stored)
		for code := range codes {
			if bytes.Contains(stored, []byte(code)) {
				t.Errorf("%s holds a code", entry.Name())
			}
		}
		for _, what := range c.find(stored) {
			t.Errorf("%s holds a %s", entry.Name(), what)
		}
		return err
	})
	if err != nil || looked < 100_000 {
		t.Errorf("%d bytes are stored: %v", looked, err)
	}
	if c.find([]byte("... "+base64.RawURLEncoding.EncodeToString([]byte(number)))) == nil {
		t.Error("the search finds nothing at all")
	}
}

// loggedWords are the words in the strings of a log of JSON lines. Numbers and
// times are left out: among thousands of them six digits come by chance.
func loggedWords(log string) map[string]bool {
	words := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if _, err := time.Parse(time.RFC3339Nano, v); err != nil {
				for _, w := range strings.FieldsFunc(v, func(r rune) bool { return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') }) {
					words[w] = true
				}
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	for line := range strings.Lines(log) {
		var v map[string]any
		if json.Unmarshal([]byte(line), &v) == nil {
			walk(v)
		}
	}
	return words
}
