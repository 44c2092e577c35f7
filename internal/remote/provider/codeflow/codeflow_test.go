package codeflow_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/codeflow"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken/idtokentest"
)

func TestCode(t *testing.T) {
	for query, row := range map[string][2]string{
		"code=4%2F0AbC&state=s":              {"4/0AbC", ""},
		"error=access_denied":                {"", "denied access_denied"},
		"error=user_cancelled_authorize":     {"", "denied user_cancelled_authorize"},
		"error=consent_required":             {"", "denied consent_required"},
		"error=temporarily_unavailable":      {"", "temporary temporarily_unavailable"},
		"error=invalid_scope":                {"", "config invalid_scope"},
		"error=both":                         {"", "malformed other"},
		"error=%3Cscript%3E":                 {"", "malformed other"},
		"code=a&error=access_denied":         {"", "malformed both"},
		"code=a&code=b":                      {"", "malformed twice"},
		"state=s":                            {"", "malformed no_code"},
		"":                                   {"", "malformed no_code"},
		"code=":                              {"", "malformed no_code"},
		"code=" + strings.Repeat("a", 4<<10): {strings.Repeat("a", 4<<10), ""},
		"code=" + strings.Repeat("a", 4<<10) + "a": {"", "malformed no_code"},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		code, err := codeflow.Code(values)
		if code != row[0] || idtokentest.Told(err) != row[1] {
			t.Errorf("%.60s: %q %q, want %q", query, code, idtokentest.Told(err), row)
		}
	}
}

// Every error of the token address has its reason, and none shows what came.
func TestRead(t *testing.T) {
	fail := func(code, words string) string {
		return `{"error":"` + code + `","error_description":"` + words + `"}`
	}
	for _, row := range []struct {
		status int
		body   string
		says   string
	}{
		{200, `{"access_token":"a","id_token":"i"}`, ""},
		{200, `{"access_token":"a"}`, "malformed no_id_token"},
		{200, `{"id_token":"i","expires_in":"3599"}`, ""},
		{200, ``, "malformed no_object"},
		{200, `{"id_token":"i"`, "malformed json"},
		{200, `{"id_token":17}`, "malformed json"},
		{200, `<html>`, "malformed no_object"},
		{200, fail("invalid_grant", ""), "invalid_code invalid_grant"},
		{400, fail("invalid_grant", "Bad Request"), "invalid_code invalid_grant"},
		{400, fail("invalid_grant", "The code has already been used."), "replayed invalid_grant"},
		{400, fail("invalid_grant", "The code has expired or has been revoked."), "expired invalid_grant"},
		{400, fail("invalid_client", "The code has expired"), "config invalid_client"},
		{401, fail("invalid_client", "Unauthorized"), "config invalid_client"},
		{400, fail("redirect_uri_mismatch", ""), "config redirect_uri_mismatch"},
		{400, fail("unauthorized_client", ""), "config unauthorized_client"},
		{400, fail("unsupported_grant_type", ""), "config unsupported_grant_type"},
		{400, fail("invalid_scope", ""), "config invalid_scope"},
		{400, fail("invalid_request", ""), "config invalid_request"},
		{400, fail("slow_down", ""), "rate_limited slow_down"},
		{400, fail("the-secret-itself", ""), "malformed other"},
		{400, `{"error":{"code":1}}`, "malformed no_error"},
		{400, `<html>`, "malformed no_error"},
		{404, ``, "malformed no_error"},
		{302, ``, "malformed 302"},
		{429, `{}`, "rate_limited 429"},
		{503, fail("invalid_grant", ""), "temporary 503"},
	} {
		_, err := codeflow.Read(provider.Answer{Status: row.status, Header: http.Header{}, Body: []byte(row.body)}, idtokentest.Start)
		if got := idtokentest.Told(err); got != row.says {
			t.Errorf("%d %s: %q, want %q", row.status, row.body, got, row.says)
		}
	}
}

func TestAsked(t *testing.T) {
	for body, says := range map[string]string{
		`{"error":"invalid_grant"}`:                                         "",
		`{"error":"invalid_grant","error_description":"already been used"}`: "",
		`{"error":"redirect_uri_mismatch"}`:                                 "",
		`{"error":"invalid_client"}`:                                        "config invalid_client",
		`{"error":"invalid_request"}`:                                       "config invalid_request",
	} {
		if got := idtokentest.Told(codeflow.Asked(provider.Answer{Status: 400, Body: []byte(body)}, idtokentest.Start)); got != says {
			t.Errorf("%s: %q, want %q", body, got, says)
		}
	}
	if got := idtokentest.Told(codeflow.Asked(provider.Answer{Status: 200, Body: []byte(`{"id_token":"i"}`)}, idtokentest.Start)); got != "untrusted made_up_code" {
		t.Errorf("a code that nobody was given was swapped: %q", got)
	}
}

func TestAddresses(t *testing.T) {
	for s, row := range map[string][2]bool{ // is one; is safe
		"https://a.example.test/x?y=1": {true, true},
		"http://127.0.0.1:8080":        {true, true},
		"http://[::1]:8080":            {true, true},
		"http://localhost/x":           {true, true},
		"http://a.example.test":        {true, false},
		"http://localhost.evil.test":   {true, false},
		"https://u:p@a.example.test":   {false, true},
		"https://a.example.test#x":     {false, true},
		"ftp://a.example.test":         {false, false},
		"a.example.test":               {false, false},
		"":                             {false, false},
		"https://":                     {false, true},
		":":                            {false, false},
	} {
		if got := codeflow.Address("it", s) == nil; got != row[0] {
			t.Errorf("Address %q: %v", s, got)
		}
		if got := codeflow.Safe("it", s) == nil; got != row[1] {
			t.Errorf("Safe %q: %v", s, got)
		}
	}
}

func TestWith(t *testing.T) {
	got := codeflow.With("https://a.example.test/x?y=1", url.Values{"scope": {"name email"}, "b": {"1+1"}})
	if want := "https://a.example.test/x?y=1&b=1%2B1&scope=name%20email"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
