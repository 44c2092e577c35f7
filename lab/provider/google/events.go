package google

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

const (
	risc  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauth = "https://schemas.openid.net/secevent/oauth/event-type/"
)

// eventTypes are the kinds with their names on the wire.
var eventTypes = map[string]string{
	"sessions-revoked":                   risc + "sessions-revoked",
	"tokens-revoked":                     oauth + "tokens-revoked",
	"token-revoked":                      oauth + "token-revoked",
	"account-disabled":                   risc + "account-disabled",
	"account-enabled":                    risc + "account-enabled",
	"account-credential-change-required": risc + "account-credential-change-required",
	"account-purged":                     risc + "account-purged",
	"verification":                       risc + "verification",
	"unknown":                            "https://schemas.example/event-type/of-the-future",
}

// Event sends a security event token (RFC 8417) as Cross-Account Protection does. Variants
// beside the four of every vendor: "hijacking" and "bulk-account" (reasons of
// account-disabled; "valid" has none), "old" (of yesterday), "wrong_issuer",
// "unknown_key", "alg_none", "alg_hmac". "replay" sends the last one of the kind about
// the person once more; without one it sends a fresh one twice.
func (s *Sim) Event(kind, person, variant string) (int, error) {
	name, known := eventTypes[kind]
	if !known {
		return 0, provider.ErrNoEvent
	}
	if _, ok := s.Desk().Person(person); !ok {
		return 0, provider.ErrNobody
	}
	m := provider.Message{
		Key:   kind + " " + person,
		Write: func() (string, error) { return s.securityEvent(kind, name, person, variant) },
		Send:  s.send,
	}
	if token.Variant(variant) == "" {
		m.Happens = func() {
			if kind == "tokens-revoked" || kind == "account-purged" {
				s.Forget(person)
			}
		}
	}
	return provider.Send(&s.sent, variant, m)
}

// securityEvent is the signed token. It has no exp: events are of the past.
func (s *Sim) securityEvent(kind, name, person, variant string) (string, error) {
	c, now := s.Settings(), s.Desk().Now()
	subject := map[string]any{"subject_type": "iss-sub", "iss": c.Issuer + "/", "sub": s.Subject(person)}
	event := map[string]any{"subject": subject}
	switch kind {
	case "account-disabled":
		if variant == "hijacking" || variant == "bulk-account" {
			event["reason"] = variant
		}
	case "token-revoked":
		last, _ := s.last.Get(person)
		last += strings.Repeat("0", 16) // nobody's, if there is none
		event["subject"] = map[string]any{
			"subject_type": "oauth_token", "token_type": "refresh_token", "token_identifier_alg": "prefix", "token": last[:16],
		}
	case "verification":
		event = map[string]any{"state": "test of " + now.UTC().Format("2006-01-02")}
	}
	claims := token.Claims{
		"iss": c.Issuer + "/", "aud": c.WebID, "iat": now.Unix(), "jti": strings.ToLower(rand.Text()), "events": map[string]any{name: event},
	}
	if variant == "old" {
		claims["iat"] = now.AddDate(0, 0, -1).Unix()
	}
	token.Spoil(claims, token.Variant(variant))
	return s.Keys.Sign("secevent+jwt", claims, token.Variant(variant))
}

func (s *Sim) send(text string) (int, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.Desk().NoticeURL, strings.NewReader(text))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/secevent+jwt")
	r.Header.Set("Accept", "application/json")
	return s.Desk().Deliver(r)
}
