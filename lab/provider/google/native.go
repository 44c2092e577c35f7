package google

import (
	"crypto/rand"
	"errors"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// Native is the ID token that Android's Credential Manager gives to an app: it is for
// the web client, and azp is the client of Android. A person with the quirk "ios" gets
// one of the SDK of iOS, for the client of iOS.
func (s *Sim) Native(person, nonce string) (map[string]string, error) {
	p, ok := s.Desk().Person(person)
	if !ok {
		return nil, provider.ErrNobody
	}
	c := s.Settings()
	if len(c.AppIDs) == 0 {
		return nil, errors.New("google: no app is registered")
	}
	more := token.Claims{"aud": c.WebID, "azp": c.AppIDs[0], "jti": rand.Text(), "nbf": s.Desk().Now().Unix() - 300}
	if p.Has("ios") {
		ios := c.AppIDs[len(c.AppIDs)-1]
		more["aud"], more["azp"] = ios, ios
	}
	s.consented(p.ID)
	text, err := s.idToken(grant{person: p.ID, nonce: nonce, scopes: "openid email profile"}, more)
	if err != nil {
		return nil, err
	}
	return map[string]string{"token": text}, nil
}
