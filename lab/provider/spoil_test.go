package provider_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/lab/provider"
)

func TestSpoil(t *testing.T) {
	const plain = `{"openid":"o1","n":1}`
	vendor := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, plain) })
	client := http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	get := func(how, path string) (int, string, error) {
		server := httptest.NewServer(provider.Spoil(how, vendor, "/token"))
		defer server.Close()
		resp, err := client.Get(server.URL + path)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	checks := map[string]func(status int, body string, err error) bool{
		"dropped": func(status int, _ string, err error) bool { return err != nil && status == 0 },
		"cut_off": func(status int, body string, err error) bool {
			return err != nil && status == 200 && body == plain[:10]
		},
		"empty":       func(status int, body string, err error) bool { return err == nil && status == 200 && body == "" },
		"redirect":    func(status int, _ string, _ error) bool { return status == 302 },
		"unavailable": func(status int, _ string, _ error) bool { return status == 503 },
		"too_many":    func(status int, _ string, _ error) bool { return status == 429 },
		"bomb": func(_ int, body string, _ error) bool {
			return strings.HasPrefix(body, "\x1f\x8b") && len(body) < 8<<10
		},
		"twice":    func(_ int, body string, _ error) bool { return body == `{"openid":"twice","openid":"o1","n":1}` },
		"bad_text": func(_ int, body string, _ error) bool { return !utf8.ValidString(body) },
		"more": func(_ int, body string, _ error) bool {
			return json.Valid([]byte(body)) && strings.Contains(body, "lab_more") && strings.HasSuffix(body, `"openid":"o1","n":1}`)
		},
	}
	for _, how := range provider.Spoils {
		if status, body, err := get(how, "/token"); checks[how] == nil || !checks[how](status, body, err) {
			t.Errorf("%s: %d %q %v", how, status, body, err)
		}
		if _, body, err := get(how, "/other"); body != plain || err != nil {
			t.Errorf("%s spoils what it was not asked to: %q %v", how, body, err)
		}
	}
	if _, body, err := get("", "/token"); body != plain || err != nil {
		t.Errorf("nothing to spoil: %q %v", body, err)
	}
}
