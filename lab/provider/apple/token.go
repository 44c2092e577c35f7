package apple

import (
	"errors"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// idToken is an ID token for g with more claims, spoiled by the failure of the day.
func (s *Sim) idToken(g grant, more token.Claims) (string, error) {
	p, ok := s.Desk().Person(g.person)
	if !ok {
		return "", provider.ErrNobody
	}
	c, now := s.Settings(), s.Desk().Now()
	claims := token.Claims{
		"iss": c.Issuer, "sub": subject(c.TeamID, p.ID), "aud": g.client,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "auth_time": g.at.Unix(), "nonce_supported": true,
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	for name, v := range more {
		claims[name] = v
	}
	if p.Has("new_issuer") {
		claims["iss"] = "https://account.apple.com"
	}
	if p.Has("transferred") {
		claims["transfer_sub"] = subject(c.TeamID+" transfer", p.ID)
	}
	s.mu.Lock()
	hides := s.consents[p.ID].hides
	s.mu.Unlock()
	if address, private := s.address(p, hides); g.email && address != "" {
		claims["email"] = address
		claims["email_verified"] = !p.Has("work_account")
		if private {
			claims["is_private_email"] = true
		}
	}
	if p.Has("work_account") {
		claims["org_id"] = "org-example"
	}
	if p.Has("flipped") {
		token.Flip(claims, "email_verified", "is_private_email")
	}
	if more["real_user_status"] != nil && p.Has("old_device") {
		delete(claims, "nonce")
		claims["nonce_supported"] = false
	}
	f := s.Desk().Failure()
	token.Spoil(claims, f)
	return s.Keys.Sign("", claims, f)
}

// Native is what the SDK gives to the first app: identityToken, authorizationCode,
// user and, at the first consent, the two names and the address. nonce is in the
// token as the app gave it: itself or its hash.
func (s *Sim) Native(person, nonce string) (map[string]string, error) {
	p, ok := s.Desk().Person(person)
	if !ok {
		return nil, provider.ErrNobody
	}
	c := s.Settings()
	if len(c.AppIDs) == 0 {
		return nil, errors.New("apple: no app is registered")
	}
	consent, first := s.consented(p, c.AppIDs[0], false)
	g := grant{client: c.AppIDs[0], person: p.ID, nonce: nonce, email: true, at: s.Desk().Now()}
	code := s.code(g)
	text, err := s.idToken(g, token.Claims{"c_hash": token.HalfHash(code), "real_user_status": 2})
	if err != nil {
		return nil, err
	}
	out := map[string]string{"token": text, "code": code, "user": subject(c.TeamID, p.ID)}
	if first {
		if !p.Has("nameless") {
			out["given_name"], out["family_name"] = names(p)
		}
		out["email"], _ = s.address(p, consent.hides)
	}
	return out, nil
}
