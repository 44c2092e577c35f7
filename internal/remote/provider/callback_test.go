package provider_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

func TestOne(t *testing.T) {
	for _, c := range []struct {
		in url.Values
		ok bool
	}{
		{url.Values{"code": {"0a1B2c-._~/+="}}, true},
		{url.Values{"code": {strings.Repeat("x", 2048)}}, true},
		{url.Values{"code": {strings.Repeat("x", 2049)}}, false},
		{url.Values{"code": {"a", "a"}}, false},
		{url.Values{"code": {""}}, false},
		{url.Values{"Code": {"a"}}, false},
		{url.Values{"code": {"a b"}}, false},
		{url.Values{"code": {"a\r\nb"}}, false},
		{url.Values{"code": {"码"}}, false},
		{nil, false},
	} {
		if got, ok := provider.One(c.in, "code"); ok != c.ok || ok && got != c.in.Get("code") {
			t.Errorf("One(%.60v) = %.60q, %v; want %v", c.in, got, ok, c.ok)
		}
	}
}

func TestCheckState(t *testing.T) {
	for s, want := range map[string]bool{
		strings.Repeat("aZ09", 8): true, strings.Repeat("aZ09", 16): true,
		strings.Repeat("a", 31): false, strings.Repeat("a", 65): false, "": false,
		strings.Repeat("a", 32) + "-": false, strings.Repeat("a", 32) + "@": false, strings.Repeat("a", 32) + "`": false, strings.Repeat("a", 32) + "é": false,
	} {
		if got := provider.CheckState(s); got != want {
			t.Errorf("CheckState(%q) = %v", s, got)
		}
	}
}

func TestCheckCallback(t *testing.T) {
	for callback, want := range map[string]bool{
		"https://id.example.test/federation/qq/callback":      true,
		"https://id.example.test:8443/federation/qq/callback": true,
		"http://id.example.test/cb":                           false,
		"https://localhost/cb":                                false,
		"https://localhost./cb":                               false,
		"https://127.0.0.1/cb":                                false,
		"https://[::1]:8080/cb":                               false,
		"https://a@id.example.test/cb":                        false,
		"https://id.example.test/cb?x=1":                      false,
		"https://id.example.test/cb?":                         false,
		"https://id.example.test/cb#":                         false,
		"/cb":                                                 false,
		"https://%zz/":                                        false,
		"":                                                    false,
	} {
		if err := provider.CheckCallback(callback); (err == nil) != want {
			t.Errorf("CheckCallback(%q) = %v", callback, err)
		}
	}
}

func TestCheckBase(t *testing.T) {
	for base, want := range map[string]bool{
		"https://api.weibo.com": true, "http://127.0.0.1:8080/lab/providers/qq": true,
		"": false, "api.weibo.com": false, "ftp://x": false, "https://x/": false, "https://x?y=1": false, "https://": false, "https://x#y": false,
	} {
		if got := provider.CheckBase(base); got != want {
			t.Errorf("CheckBase(%q) = %v", base, got)
		}
	}
}
