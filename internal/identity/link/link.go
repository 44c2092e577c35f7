// Package link holds linked accounts: which account at a third-party provider opens
// which account here. One account has at most one of a provider, one foreign identity
// belongs to at most one account. A foreign identity is found by provider, scope and
// subject and by nothing else: names and e-mail addresses of a provider are text
// (S-42). It owns the tables link (by account) and link_holder (by blind index). It
// must never decide whether a link may be made.
package link

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

// Subject names a person at a provider, within a scope such as "unionid:<platform>".
type Subject struct {
	Scope string `json:"scope"`
	Value string `json:"value"`
}

// Link is a linked account.
type Link struct {
	Provider string
	Subjects []Subject // the first is the one that it was found by
	Name     string    // as the provider calls the person; may be empty
	Email    string    // a hint, never a key
	// Grant is what the provider wants to see again at unlinking, as the adapter wrote
	// it (JSON); empty: nothing.
	Grant       []byte
	LinkedAt    time.Time
	UsedAt      time.Time
	SuspendedAt time.Time // when the provider said that it is disabled; zero: it is not
}

// Works tells whether it can be used now.
func (l Link) Works() bool { return l.SuspendedAt.IsZero() }

// Store keeps links.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }
