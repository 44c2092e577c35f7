// Package provider holds what the lab's third-party providers share: people with
// accounts there, the page on which one of them is picked, codes that are good once,
// the switch that makes a vendor fail, the record of what was asked, and the calls
// that steer all of it. Each vendor is a package below, written from the vendor's
// documents and an http.Handler by itself. Nothing here may import the product: a
// simulator that shares the adapter's code shares its misunderstandings. It owns no
// table.
package provider

import (
	"net/http"
	"time"
)

// Person has an account at a vendor.
type Person struct {
	ID    string `json:"id"` // the lab's; each vendor derives its own IDs from it
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	// Quirks are what is odd about this person, by the vendor's own table, such as
	// "no_unionid", "snapshot", "work_account", "hide_email", "no_email".
	Quirks []string `json:"quirks,omitempty"`
}

// Failure is how a vendor fails, until it is told otherwise.
type Failure string

// The failures of CONTRACT's lab call, then those that the adapters' contract test
// needs. A vendor answers each in its own words.
const (
	None       Failure = "none"
	Denied     Failure = "denied"      // the person says no
	CodeReused Failure = "code_reused" // the code is used already
	Slow       Failure = "slow"        // every answer to a server takes SlowFor
	ServerErr  Failure = "5xx"
	Malformed  Failure = "malformed" // half of a JSON object

	CodeExpired   Failure = "code_expired"
	WrongSecret   Failure = "wrong_secret"
	WrongAudience Failure = "wrong_audience" // a token, or a signed answer, for another app
	WrongNonce    Failure = "wrong_nonce"
	BadSignature  Failure = "bad_signature"
	UnknownKey    Failure = "unknown_key" // signed by a key that is not published
	WrongIssuer   Failure = "wrong_issuer"
	AlgNone       Failure = "alg_none"  // a token that is not signed and says so
	AlgHMAC       Failure = "alg_hmac"  // a token signed HS256 with the published key as the secret
	Stale         Failure = "stale"     // a token of an hour ago
	Oversized     Failure = "oversized" // 2 MiB
	HTML          Failure = "html"      // a page with status 200
	Busy          Failure = "busy"      // the vendor's own word for it
	Limited       Failure = "limited"   // too many calls, in the vendor's own words
)

// SlowFor is how long a slow vendor takes, in real time.
const SlowFor = 20 * time.Second

// Vendor is one simulated vendor.
type Vendor interface {
	// Name is its name in the lab's addresses: wechat, weibo ...
	Name() string
	// ServeHTTP is everything that the vendor serves, with the paths of its own
	// documents below wherever it is mounted (the mount is stripped), whatever the
	// number of its hosts: "/connect/qrconnect", "/sns/oauth2/access_token".
	http.Handler
	// Desk is its people, its failures and its record.
	Desk() *Desk
	// Native is what the vendor's SDK would hand to an app: "token" or "code", and what
	// else the SDK gives. nonce is what the app gave to the SDK.
	Native(person, nonce string) (map[string]string, error)
	// Event sends a message to the product, as the vendor does by itself. variant is
	// "valid", "replay", "bad_signature", "wrong_audience" or one of the vendor's own.
	// It answers the status that the product answered; ErrNoEvent for a kind that the
	// vendor does not know.
	Event(kind, person, variant string) (status int, err error)
}

// Describer is a Vendor that says what it knows, for a page to offer.
type Describer interface {
	Quirks() []string // of people
	Events() []string // kinds of messages
}
