package idtoken

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// claims are the registered claims (RFC 7519 section 4.1, OpenID Connect Core section
// 2). One of another type makes the whole token malformed.
type claims struct {
	Issuer     string         `json:"iss"`
	Subject    string         `json:"sub"`
	Audience   audience       `json:"aud"`
	Party      string         `json:"azp"`
	IssuedAt   seconds        `json:"iat"`
	NotBefore  seconds        `json:"nbf"`
	ExpiresAt  seconds        `json:"exp"`
	ID         string         `json:"jti"`
	Nonce      string         `json:"nonce"`
	AccessHash string         `json:"at_hash"`
	Events     jsontext.Value `json:"events"`
}

func (c *claims) out(payload []byte) *Claims {
	out := &Claims{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience,
		IssuedAt: c.IssuedAt.time(), ID: c.ID, payload: payload,
	}
	if c.ExpiresAt != 0 {
		out.ExpiresAt = c.ExpiresAt.time()
	}
	return out
}

// party checks azp: ours if it is there, and there if the token is for several.
func (c *claims) party(w Want) bool {
	parties := w.Parties
	if len(parties) == 0 {
		parties = w.Audience
	}
	if c.Party == "" {
		return len(c.Audience) == 1
	}
	return slices.Contains(parties, c.Party)
}

// audience is a string or a list of strings.
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	if jsontext.Value(raw).Kind() == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(raw, &(*a)[0])
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func (a audience) of(ours []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return s != "" && slices.Contains(ours, s) })
}

// seconds is a NumericDate (RFC 7519 section 2); 0 if it is not there.
type seconds float64

// secondsMost is in the year 5138: what is later is no time but an overflow.
const secondsMost = 1e11

func (s *seconds) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(n > 0 && n < secondsMost) {
		return provider.Fail(provider.Malformed, "time")
	}
	*s = seconds(n)
	return nil
}

func (s seconds) time() time.Time {
	whole := int64(s)
	return time.Unix(whole, int64((float64(s)-float64(whole))*1e9)).UTC()
}

// True is a claim that counts only as the JSON value true: text, numbers, null and
// its absence mean no (S-44).
type True bool

// UnmarshalJSON never fails.
func (b *True) UnmarshalJSON(raw []byte) error {
	*b = True(string(raw) == "true")
	return nil
}

// Hint is text that helps and never decides: whatever is no string is empty.
type Hint string

// UnmarshalJSON never fails.
func (h *Hint) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*h = Hint(s)
	}
	return nil
}

// Mail is the hint as an e-mail address; empty if it is none.
func (h Hint) Mail() string {
	a, err := email.Read(string(h))
	if err != nil {
		return ""
	}
	return a.Display
}

// Name is the hint as a display name.
func (h Hint) Name() string { return provider.CleanName(string(h)) }
