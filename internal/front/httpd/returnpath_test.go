package httpd

import (
	"net/url"
	"strings"
	"testing"
)

func TestS121_returnPath(t *testing.T) {
	for _, s := range []string{
		"/", "/account", "/account/", "/account/devices", "/help/a-b/c_d.e~f", "/oauth2/authorize?client_id=a&redirect_uri=https%3A%2F%2Fshop.example%2Fcb&state=%E4%BD%A0",
		"/x?", "/x?a=//evil.example", "/x?a=b?c@d:e",
	} {
		if got, ok := ReturnPath(s); !ok || got != s {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range []string{
		"", "account", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " /account",
		"https://evil.example", "https:evil.example", "javascript:alert(1)", "data:text/html,x", "/..//evil.example", "/../x", "/a/..", "/./x", "/a/./b", "/a//b", "/a//",
		"/%2f/evil.example", "/%5cevil.example", "/%09/evil.example", "/a%2e%2e", "/@evil.example", "/a:b", "/a;b", "/account#x", "/#", "/x?a=b#c",
		"/x?a=%0d%0aSet-Cookie", "/x?a=%00", "/x?a=%7f", "/x?%", "/x?%2", "/x?%zz", "/x?a=\\", "/x?a= b", "/x?a=\"", "/x?a=<b>", "/\u2025/x", "/ｅvil", "/x?a=é", "/\x00", "/\u202e",
		"/" + strings.Repeat("a", 2048),
	} {
		if _, ok := ReturnPath(s); ok {
			t.Errorf("%q is taken", s)
		}
	}
}

func FuzzReturnPath(f *testing.F) {
	for _, s := range []string{"/account?x=y", "//evil", "/\\evil", "/%2f/evil", "/a/../b", "/x?a=%0d"} {
		f.Add(s)
	}
	base := publicURL("https://id.example.com/signin")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ReturnPath(s)
		if !ok {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		full := base.ResolveReference(u)
		if full.Host != base.Host || full.Scheme != "https" || full.User != nil || full.Fragment != "" {
			t.Errorf("%q leads to %s", s, full)
		}
		path, _, _ := strings.Cut(got, "?")
		if full.Path != path {
			t.Errorf("%q has another spelling: %s", s, full.Path)
		}
		if strings.ContainsAny(got, "\\\r\n\t \"<>") {
			t.Errorf("%q", got)
		}
	})
}
