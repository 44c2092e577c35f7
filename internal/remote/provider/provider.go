// Package provider holds third-party sign-in as the house meets it: one interface,
// whatever the vendor speaks on the wire. An adapter (a package below) sends a
// person to its vendor, swaps what comes back for an Identity, and reads what the
// vendor tells by itself. It must never know an account, keep a token or believe a
// subject that did not come from the vendor's own answer (S-48), and it owns no
// table. Every answer is read as if an attacker had written it.
package provider

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Provider is one configured vendor.
type Provider interface {
	// Name is its name in addresses and JSON: wechat, weibo, qq, alipay, apple,
	// google, facebook, or that of a generic OpenID provider.
	Name() string
	// Takes tells what native apps hand over instead of a visit in a browser.
	Takes() Takes
	// Authorize makes the address that the person's browser visits. It dials nobody.
	Authorize(a Attempt) (string, error)
	// Exchange swaps what the callback brought for who it was: one outbound exchange,
	// and one more call where the vendor keeps the subject or the name apart. It is
	// never called twice for one callback.
	Exchange(ctx context.Context, a Attempt, callback url.Values) (Identity, error)
}

// Native is a Provider whose SDK gives apps something to hand over.
type Native interface {
	// Redeem swaps it for who it was.
	Redeem(ctx context.Context, h Handed) (Identity, error)
}

// Preparer is a Native whose SDK wants something signed by us first (Alipay).
type Preparer interface {
	// Prepare makes what the app gives to the SDK; nonce is ours.
	Prepare(nonce string, now time.Time) (string, error)
}

// Placed is a Provider that has an app of its own for each place where people meet it.
type Placed interface {
	// Offers tells whether one is configured for people who are there.
	Offers(s Surface) bool
}

// Revoker is a Provider at which a grant can be given back.
type Revoker interface {
	Revoke(ctx context.Context, g Grant) error
}

// Poster is a Provider that answers by a cross-site POST (Apple: form_post), to
// which a browser adds no Lax cookie.
type Poster interface{ AnswersByPost() bool }

// Notifier is a Provider that tells of revocations and the like by itself.
type Notifier interface {
	// Receive verifies and reads one message. An error is a *Failure with reason
	// Untrusted or Malformed. Nothing is acted on here. A nil Reply means 200 and
	// nothing in it.
	Receive(ctx context.Context, m Message) (Received, error)
}

// Confirmer is a Notifier whose notices anybody could have sent (Notice.Hint): each
// counts only once the vendor itself says that the grant is gone.
type Confirmer interface {
	// Gone asks the vendor whether the grant that was kept is worth nothing any more.
	Gone(ctx context.Context, g Grant) (bool, error)
}

// Checker is a Provider that can tell whether its configuration works.
type Checker interface {
	// CheckOffline looks at keys, secrets and addresses without dialing.
	CheckOffline(now time.Time) error
	// CheckOnline asks the vendor as far as that can be done without a person.
	CheckOnline(ctx context.Context) error
}

// Takes is what a native app may hand over.
type Takes struct {
	Token bool // an ID token or access token
	Code  bool // an authorization code
}

// Surface is where a person meets the vendor.
type Surface string

// The surfaces.
const (
	Page   Surface = "page"   // a web page in any browser
	InApp  Surface = "in_app" // a web page in the vendor's own app (the WeChat browser)
	App    Surface = "app"    // a native app, through the vendor's SDK
	Device Surface = "setup"  // the set-up of a device
)

// Attempt is one visit to the vendor.
type Attempt struct {
	// State is 32 to 64 letters and digits with at least 160 bits of entropy, which
	// every vendor takes; bound to browser, provider and purpose by who made it (S-45).
	State string
	Nonce string // base64url, 256 bits; for vendors with signed tokens
	// Verifier is the PKCE code verifier (RFC 7636 section 4.1); vendors without PKCE
	// ignore it.
	Verifier string
	Callback string  // our redirect URI, byte for byte as registered
	Surface  Surface // Page or InApp
	Language string  // BCP 47, as the pages speak; a hint
	Again    bool    // the person shall sign in anew, where the vendor can ask for that
}

// Handed is what an app got from the vendor's SDK.
type Handed struct {
	Token string
	Code  string
	Nonce string // ours, which the app gave to the SDK; never empty
}

// Subject names a person at a vendor, within a scope such as "unionid:<platform>",
// "openid:<app id>", "team:<id>" or "global". Scope, value and the provider's name
// are the key of a foreign identity; nothing else ever is (S-42).
type Subject struct {
	Scope string
	Value string // at most 255 bytes
}

// Identity is who the vendor says it was.
type Identity struct {
	// Subjects are never empty. The first is the one to sign in by; the others lead
	// to the same person and are attached to what the first finds.
	Subjects []Subject
	Name     string // cleaned by CleanName; may be empty; never trusted (S-50)
	Email    string // a hint for forms, never a key; empty: none
	// EmailVerified is true only where the vendor's documentation says that it is
	// authoritative for the mailbox (S-44, facts 6.6). Nothing is linked by it.
	EmailVerified bool
	Relay         bool  // Email is a relay of the vendor
	Grant         Grant // zero unless the vendor wants it back at unlinking
}

// Grant is what a vendor wants to see again when the person unlinks.
type Grant struct {
	Token  string `json:"token,omitempty"`  // sealed at rest
	Client string `json:"client,omitempty"` // the client_id that obtained it
	User   string `json:"user,omitempty"`   // the vendor's id of the person, where revoking names it
}

// Message is a request that a vendor made by itself.
type Message struct {
	Method string
	Query  url.Values
	Header http.Header
	Body   []byte // raw, at most 64 KiB
	Now    time.Time
}

// Received is what a message says, and what its sender wants to hear.
type Received struct {
	Notices []Notice
	Reply   *Reply // nil: 200 without a body
	// Delete is set on a request to delete data (Facebook): the reply is made by who
	// acts on it, because it names the status page.
	Delete bool
}

// Reply is the answer to a message.
type Reply struct {
	Status int
	Type   string // media type
	Body   []byte
}

// Notice is one thing that a vendor tells.
type Notice struct {
	// ID is what makes it the same when it comes again: jti, digest, or the fields that
	// the vendor's documents name.
	ID       string
	Kind     NoticeKind
	Subjects []Subject
	At       time.Time // when it happened
	Raw      string    // the vendor's own name of it, for the log
	// Hint: nothing proves who sent it (Weibo's request has no signature). Nothing is
	// done for it but to ask Confirmer.Gone with the grant of the link.
	Hint bool
}

// NoticeKind is what a notice means. Notices only ever restrict (S-170).
type NoticeKind string

// The kinds.
const (
	Revoked         NoticeKind = "revoked"          // the person took the permission back: unlink
	Deleted         NoticeKind = "deleted"          // the account at the vendor is gone: unlink
	DataDeletion    NoticeKind = "data_deletion"    // unlink and forget what came from there
	SessionsRevoked NoticeKind = "sessions_revoked" // end the sessions that rest on it
	Disabled        NoticeKind = "disabled"         // no sign-in by it until Enabled
	Hijacked        NoticeKind = "hijacked"         // Disabled, and end the sessions
	Enabled         NoticeKind = "enabled"
	AtRisk          NoticeKind = "at_risk"       // watch for suspicious activity
	MailOff         NoticeKind = "mail_off"      // the relay address takes no mail
	MailOn          NoticeKind = "mail_on"       //
	Profile         NoticeKind = "profile"       // name and picture were changed by the vendor: forget ours
	Verification    NoticeKind = "verification"  // a test: nothing happens
	Unknown         NoticeKind = "unknown_event" // logged
)
