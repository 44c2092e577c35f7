// Package directory holds the reading of usernames: which account does a person
// mean by what they typed? Its answer is for the house only; a face never shows
// whether there was one before something is proved (S-17, S-26). It owns no table.
package directory

import (
	"context"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Way is how a username was read.
type Way string

// The ways.
const (
	ByEmail Way = "email"
	ByPhone Way = "phone"
	ByID    Way = "account_id"
)

// Username is a username as it was read: the canonical address, or the digits.
type Username struct {
	Way   Way    `json:"way"`
	Value string `json:"value"`
}

// Phones reads phone numbers; remote/numbers does.
type Phones interface {
	// Mobile answers the E.164 form if text is a mobile number, dialed from country.
	Mobile(text, country string) (e164 string, ok bool)
}

// Directory finds accounts.
type Directory struct {
	contacts *contact.Store
	phones   Phones
}

// New makes the directory.
func New(contacts *contact.Store, phones Phones) *Directory { return &Directory{contacts, phones} }

// mostBytes bounds a username before anything reads it: the longest e-mail is 254.
const mostBytes = 320

// Read reads a username in one fixed way (S-06): with @ an e-mail; with + a
// phone; digits that are a mobile number in country a phone; else twelve digits
// with a right check digit an account ID. There is no second reading.
func (d *Directory) Read(text, country string) (Username, error) {
	text = strings.TrimSpace(text)
	invalid := func(hint string) (Username, error) {
		return Username{}, UsernameInvalid.On("username").With("hint", hint)
	}
	switch {
	case text == "" || len(text) > mostBytes:
		return invalid("none")
	case strings.ContainsAny(text, "@＠"):
		address, err := email.Read(text)
		if err != nil {
			return invalid("email")
		}
		return Username{ByEmail, address.Canonical}, nil
	case strings.ContainsAny(text, "+＋"):
		if e164, ok := d.phones.Mobile(text, country); ok {
			return Username{ByPhone, e164}, nil
		}
		return invalid("phone")
	}
	if e164, ok := d.phones.Mobile(text, country); ok {
		return Username{ByPhone, e164}, nil
	}
	if id, ok := account.ReadID(text); ok {
		return Username{ByID, id.String()}, nil
	}
	if account.LooksLikeID(text) {
		return invalid("account_id")
	}
	return invalid("none")
}

// Find answers the account that a username means; 0 if none.
func (d *Directory) Find(ctx context.Context, q sqldb.Querier, u Username) (account.ID, error) {
	switch u.Way {
	case ByEmail:
		return d.contacts.Holder(ctx, q, contact.Email, u.Value)
	case ByPhone:
		return d.contacts.Holder(ctx, q, contact.Phone, u.Value)
	case ByID:
		id, _ := account.ReadID(u.Value)
		return id, nil // whether it exists shows when its password is loaded
	}
	return 0, nil
}
