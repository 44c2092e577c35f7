// Package federation holds the way to a third-party provider and back: the visit in a
// browser with its state, the answer that comes back once, the exchange, and what a
// native app hands over instead. It tells a journey who it was at the provider and
// nothing more: whether that opens an account, makes one or is linked to one is the
// journey's to say. It must never look for an account by anything but a subject
// (S-42). It owns the tables federation_trip and federation_seen.
//
//	journey            browser                          provider
//	  Depart ---url---> /federation/go/{ticket}  ---->  Authorize
//	                    /federation/{name}/callback <-- code or error
//	  Collect <-------- Arrive (the answer is kept, once)
//	  Exchange -------------------------------------->  code for an Identity
package federation

import (
	"context"
	"net/url"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Purpose is what a visit is for; its answer counts for nothing else (S-45).
type Purpose string

// The purposes.
const (
	SignIn Purpose = "sign_in"
	Link   Purpose = "link"
	Prove  Purpose = "prove" // a linked account is signed in to anew
)

// Desk sends people to providers and takes what they come back with.
type Desk struct {
	DB        *sqldb.DB
	Ring      *seal.Ring
	Providers *provider.Book
	Regions   *region.Book
	PublicURL string // no slash at the end
	// Book counts the exchanges of each network (an address; IPv6: one /64), of which
	// there are PerMinute, and twenty times as many in an hour; nil or 0: they are not
	// bounded.
	Book      *quota.Book
	PerMinute int
	// Observe hears how each exchange with a provider went, for logs and metrics; err
	// is nil or a *provider.Failure. nil: nobody hears.
	Observe func(ctx context.Context, name string, err error)
}

// Trip is a visit under way. It stands in the facts of the journey that began it.
type Trip struct {
	Provider string    `json:"provider"`
	Purpose  Purpose   `json:"purpose"`
	Region   string    `json:"region"`
	Ticket   string    `json:"ticket"` // the state is derived from it, one way
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Surface  string    `json:"surface"`
	BegunAt  time.Time `json:"begun_at"`
}

// Person is who it was at the provider.
type Person struct {
	Provider string         `json:"provider"`
	Subjects []link.Subject `json:"subjects"`
	Name     string         `json:"name,omitempty"`
	Email    string         `json:"email,omitempty"` // a hint for forms, never a key
	Grant    []byte         `json:"grant,omitempty"`
	At       time.Time      `json:"at"`
}

// Link is the person as the store of links keeps them.
func (p Person) Link() link.Link {
	return link.Link{Provider: p.Provider, Subjects: p.Subjects, Name: p.Name, Email: p.Email, Grant: p.Grant}
}

// TripLife is how long a visit may take.
const TripLife = 10 * time.Minute

// Returned is what came back, for Exchange.
type Returned struct {
	Trip   Trip
	Answer url.Values
}

// Handed is what a native app hands over, for Redeem.
type Handed struct {
	Provider    string
	Token, Code string
	Nonce       string // the one of the step
}

// Departure is a browser on its way out.
type Departure struct {
	URL     string // of the provider
	Browser string // the secret of this browser: it becomes the cookie httpd.FederationCookie
}

// Arrival is a browser that came back.
type Arrival struct {
	JourneyID string
	Kind      string // of the journey
	// Here: the journey is this browser's: its page goes on with the input check.
	// Else an app waits for it, and this browser is done.
	Here bool
	// Again: an answer by cross-site POST was kept; send the browser to the same
	// address by GET with this state, where it has its cookies (S-45).
	Again string
	// Confirm is set where the browser came from another network than the one that
	// began: nothing counts until the person says that it was them. It is what Confirm
	// takes.
	Confirm  string
	Provider string
	Device   string // name of the device that began; may be empty
	Place    string // approximate; may be empty
}
