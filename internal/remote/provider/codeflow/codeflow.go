// Package codeflow holds what vendors of OpenID Connect speak alike: what comes back
// to the callback (RFC 6749 section 4.1.2), the answer of the token address (sections
// 5.1 and 5.2), and the addresses that an operator may give. It must never show what
// a vendor or a browser sent: a code of an error is one that it knows, or "other". It
// owns no table.
package codeflow

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// codeMost bounds a code, in bytes.
const codeMost = 4 << 10

// reasons are the error codes of RFC 6749 sections 4.1.2.1 and 5.2, of RFC 6750
// section 3.1, of OpenID Connect Core section 3.1.2.6, and those that Apple and Google
// document beside them.
var reasons = map[string]provider.Reason{
	"access_denied":              provider.Denied,
	"user_cancelled_authorize":   provider.Denied,
	"login_required":             provider.Denied,
	"interaction_required":       provider.Denied,
	"consent_required":           provider.Denied,
	"account_selection_required": provider.Denied,

	"invalid_grant": provider.InvalidCode,
	"invalid_token": provider.InvalidCode,

	"invalid_client":            provider.Config,
	"invalid_request":           provider.Config,
	"invalid_scope":             provider.Config,
	"unauthorized_client":       provider.Config,
	"unsupported_grant_type":    provider.Config,
	"unsupported_response_type": provider.Config,
	"redirect_uri_mismatch":     provider.Config,

	"server_error":            provider.Temporary,
	"temporarily_unavailable": provider.Temporary,
	"rate_limit_exceeded":     provider.RateLimited,
	"slow_down":               provider.RateLimited,
}

// refuse makes a Failure of an error code. The words beside it tell what is wrong
// with a code where the vendor tells it by nothing else; they are shown to nobody.
func refuse(code, words string) *provider.Failure {
	reason, known := reasons[code]
	if !known {
		return provider.Fail(provider.Malformed, "other")
	}
	if words = strings.ToLower(words); reason == provider.InvalidCode {
		switch {
		case strings.Contains(words, "already been used"), strings.Contains(words, "already used"):
			reason = provider.Replayed
		case strings.Contains(words, "expired"):
			reason = provider.Expired
		}
	}
	return provider.Fail(reason, code)
}

// Code reads what came back to the callback: a code, or why there is none.
func Code(answer url.Values) (string, error) {
	for _, values := range answer {
		if len(values) > 1 {
			return "", provider.Fail(provider.Malformed, "twice")
		}
	}
	code, refused := answer.Get("code"), answer.Get("error")
	switch {
	case code != "" && refused != "":
		return "", provider.Fail(provider.Malformed, "both")
	case refused != "":
		return "", refuse(refused, "")
	case code == "" || len(code) > codeMost:
		return "", provider.Fail(provider.Malformed, "no_code")
	}
	return code, nil
}

// Tokens is what a code was swapped for.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// Read reads an answer of the token address. An answer without an ID token is
// Malformed.
func Read(a provider.Answer, now time.Time) (Tokens, error) {
	if err := Refused(a, now); err != nil {
		return Tokens{}, err
	}
	var t Tokens
	if err := a.Object(&t); err != nil {
		return Tokens{}, err
	}
	if t.ID == "" {
		return Tokens{}, provider.Fail(provider.Malformed, "no_id_token")
	}
	return t, nil
}

// Refused reads why an answer is none: by its status, and by the error that it holds.
// Nil: it is one.
func Refused(a provider.Answer, now time.Time) error {
	if down := a.Down(now); down != nil {
		return down
	}
	var body struct {
		Error string `json:"error"`
		Words string `json:"error_description"`
	}
	err := a.Object(&body)
	switch {
	case err == nil && body.Error != "":
		return refuse(body.Error, body.Words)
	case a.Status >= 400:
		return provider.Fail(provider.Malformed, "no_error")
	}
	return nil // what the body has to hold is for the caller
}

// Address checks an address of a vendor: absolute, by http or https, with a host and
// without a fragment or a password.
func Address(what, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New(what + " is no address of a server; give one that begins with https://")
	}
	return nil
}

// Safe tells whether what goes to an address is read by nobody on the way: https, or
// a loopback address.
func Safe(what, s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return Address(what, s)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "https" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New(what + " is not https: whoever is on the way reads secrets and forges answers; give one that begins with https://")
}

// Asked reads what a vendor says to a code that nobody was given: an error about the
// code, or about the address that it came back to, means that the vendor knew us, and
// nil is answered.
func Asked(a provider.Answer, now time.Time) error {
	err := Refused(a, now)
	if err == nil {
		return provider.Fail(provider.Untrusted, "made_up_code")
	}
	f, ok := errors.AsType[*provider.Failure](err)
	if ok && (f.Native == "invalid_grant" || f.Native == "redirect_uri_mismatch") {
		return nil
	}
	return err
}

// MadeUp is the code of Asked, and Nowhere the address that it never came back to.
const (
	MadeUp  = "selfsame-doctor-asks-whether-you-know-us"
	Nowhere = "https://localhost/"
)

// Query makes the query of an address for browsers: blanks as %20, which every vendor
// reads (Apple reads "+" as a plus sign).
func Query(v url.Values) string { return strings.ReplaceAll(v.Encode(), "+", "%20") }

// With adds a query to an address that may have one.
func With(address string, v url.Values) string {
	if strings.Contains(address, "?") {
		return address + "&" + Query(v)
	}
	return address + "?" + Query(v)
}
