package facebook

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/token"
)

// signed is a signed token about p, of Limited Login or (with an access token) of
// scope openid, spoiled by the failure of the day.
func (s *Sim) signed(p provider.Person, nonce string, scopes []string, access string) (string, error) {
	c, now := s.Settings(), s.Desk().Now()
	given, family, _ := strings.Cut(p.Name, " ")
	claims := token.Claims{
		"iss": c.Issuer, "aud": c.AppID, "sub": subject(c.AppID, p.ID), "iat": now.Unix(), "exp": now.Add(limitedLife).Unix(),
		"jti": rand.Text() + "." + provider.Hex(64), "name": p.Name, "given_name": given, "family_name": family,
		"picture": "https://platform-lookaside.fbsbx.com/example.jpg",
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if access != "" {
		claims["at_hash"] = token.HalfHash(access)
	}
	if p.Email != "" && !p.Has("no_email") && slices.Contains(scopes, "email") {
		claims["email"] = p.Email
	}
	f := s.Desk().Failure()
	token.Spoil(claims, f)
	return s.Keys.Sign("JWT", claims, f)
}

// Native is what the SDK gives to an app: an access token without nonce, or for a
// person who refuses tracking (the quirk "limited") the signed token of Limited Login.
func (s *Sim) Native(person, nonce string) (map[string]string, error) {
	p, ok := s.Desk().Person(person)
	if !ok {
		return nil, provider.ErrNobody
	}
	scopes := []string{"public_profile", "email"}
	s.mu.Lock()
	s.allowed[p.ID] = scopes
	s.mu.Unlock()
	if p.Has("limited") {
		text, err := s.signed(p, nonce, scopes, "")
		return map[string]string{"token": text}, err
	}
	g := grant{app: s.Settings().AppID, person: p.ID, scopes: scopes}
	if s.Desk().Failure() == provider.WrongAudience {
		g.app = ForeignID
	}
	return map[string]string{"token": s.hand(g)["access_token"].(string)}, nil
}

// uninstall ends what the signed token of Limited Login stands for.
func (s *Sim) uninstall(r *http.Request) (any, int) {
	parts := strings.Split(r.PostForm.Get("id_token"), ".")
	if len(parts) != 3 || r.PostForm.Get("app_id") != s.Settings().AppID {
		return wrong(0, "Invalid id_token")
	}
	var claims struct{ Aud, Sub string }
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return wrong(0, "Invalid id_token")
	}
	p, ok := s.find(claims.Aud, claims.Sub, "")
	if !ok || claims.Aud != s.Settings().AppID {
		return wrong(0, "Invalid id_token")
	}
	s.Forget(p.ID)
	return map[string]bool{"success": true}, http.StatusOK
}
