package provider_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/selfsame-id/selfsame/lab/provider"
)

func TestBase(t *testing.T) {
	var got string
	vendor := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = provider.Base(r) })
	for _, tc := range []struct{ address, mount, want string }{
		{"http://lab.test/token?a=/token", "", "http://lab.test"},
		{"http://lab.test/lab/providers/google/token?x", "/lab/providers/google", "http://lab.test/lab/providers/google"},
		{"https://lab.test/x/", "/x", "https://lab.test/x"},
	} {
		http.StripPrefix(tc.mount, vendor).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, tc.address, nil))
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.address, got, tc.want)
		}
	}
}

func TestTwice(t *testing.T) {
	if got := provider.Twice(url.Values{"a": {"1"}, "b": {"1", "1"}}); got != "b" {
		t.Errorf("twice: %q", got)
	}
	if got := provider.Twice(url.Values{"a": {"1"}}); got != "" {
		t.Errorf("twice: %q", got)
	}
	if got := provider.Words("email  openid ", " "); len(got) != 2 || got[1] != "openid" {
		t.Errorf("words %q", got)
	}
}
