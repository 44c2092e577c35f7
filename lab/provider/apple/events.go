package apple

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// kinds are those of notifications. Apple's page writes account-deleted, what comes is
// account-delete; account-created is one that few know.
var kinds = []string{"consent-revoked", "account-delete", "account-deleted", "email-disabled", "email-enabled", "account-created"}

// Event sends a notification. Variants beside the four of every vendor: "object" and
// "string" (how the events are written), "expired", "wrong_issuer", "unknown_key",
// "alg_none", "alg_hmac". "replay" sends the last one of the kind about the person
// once more; without one it sends a fresh one twice.
func (s *Sim) Event(kind, person, variant string) (int, error) {
	p, ok := s.Desk().Person(person)
	if !ok {
		return 0, provider.ErrNobody
	}
	if !slices.Contains(kinds, kind) {
		return 0, provider.ErrNoEvent
	}
	m := provider.Message{
		Key:   kind + " " + person,
		Write: func() (string, error) { return s.notification(kind, p, variant) },
		Send:  s.send,
	}
	switch variant {
	case "", "valid", "replay", "object", "string":
		m.Happens = func() {
			if kind == "consent-revoked" || kind == "account-delete" || kind == "account-deleted" {
				s.Forget(person)
			}
		}
	}
	return provider.Send(&s.sent, variant, m)
}

// notification is the signed payload.
func (s *Sim) notification(kind string, p provider.Person, variant string) (string, error) {
	c, now := s.Settings(), s.Desk().Now()
	s.mu.Lock()
	last := s.consents[p.ID]
	s.mu.Unlock()
	client := last.client
	if client == "" {
		client = c.ServiceID
	}
	event := map[string]any{"type": kind, "sub": subject(c.TeamID, p.ID), "event_time": now.UnixMilli()}
	if kind == "email-disabled" || kind == "email-enabled" {
		address, private := s.address(p, true)
		event["email"], event["is_private_email"] = address, "false"
		if private {
			event["is_private_email"] = "true"
		}
	}
	var events any = event
	if variant != "object" && (variant == "string" || !c.ObjectEvents) {
		raw, err := json.Marshal(event)
		if err != nil {
			return "", err
		}
		events = string(raw)
	}
	claims := token.Claims{
		"iss": c.Issuer, "aud": client, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "jti": rand.Text(), "events": events,
	}
	if variant == "expired" {
		claims["iat"], claims["exp"] = now.Add(-2*tokenLife).Unix(), now.Add(-tokenLife).Unix()
	}
	token.Spoil(claims, token.Variant(variant))
	return s.Keys.Sign("", claims, token.Variant(variant))
}

func (s *Sim) send(payload string) (int, error) {
	body, err := json.Marshal(map[string]string{"payload": payload})
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.Desk().NoticeURL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	return s.Desk().Deliver(r)
}
