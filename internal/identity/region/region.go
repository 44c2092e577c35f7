// Package region holds the policy sets: which ways to sign up, which contact is
// required, which language, country and time zone stand first. It is data from
// the configuration and owns no table. An account's region is fixed at creation.
package region

import (
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Region is one policy set.
type Region struct {
	Name     string         // "cn", "intl"
	Country  string         // ISO 3166-1 alpha-2, default of phone numbers
	Zone     *time.Location // of times that the server prints
	SignUp   []string       // "phone", "email", "provider"
	Required string         // contact that an account must have: "phone", "email" or ""
	// AskFor says whether the required contact is asked for after a sign-up by
	// another way: "no", "yes" (can be skipped), "must".
	AskFor string
	// AskAfterProvider says the same of a sign-up by a third-party account.
	AskAfterProvider string
	// Providers are the third-party providers that are offered, by surface ("page",
	// "in_app", "app", "setup"), in this order.
	Providers map[string][]string
}

// MaySignUp tells whether an account can be created by way ("phone", "email", "provider").
func (r Region) MaySignUp(way string) bool { return slices.Contains(r.SignUp, way) }

// Dials is the country of numbers that are typed without one: the one asked for,
// an ISO 3166-1 alpha-2 code in capitals, else that of the region.
func (r Region) Dials(asked string) (country string, err error) {
	switch {
	case asked == "":
		return r.Country, nil
	case len(asked) != 2 || strings.Trim(asked, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return "", fault.InvalidInput.On("country")
	}
	return asked, nil
}

// Book is all regions; the first is the default.
type Book struct{ list []Region }

// New makes a Book of at least one region.
func New(list ...Region) *Book { return &Book{list} }

// Get finds a region by name; the empty name is the default one.
func (b *Book) Get(name string) (Region, error) {
	if name == "" {
		return b.list[0], nil
	}
	for _, r := range b.list {
		if r.Name == name {
			return r, nil
		}
	}
	return Region{}, fault.InvalidInput.On("region")
}

// All lists the regions.
func (b *Book) All() []Region { return b.list }
