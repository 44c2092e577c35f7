package facebook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// kinds are the two requests: the person removed the app; the person wants what the
// app got from Facebook deleted.
var kinds = []string{"deauthorize", "deletion"}

// Event sends a signed request. Variants beside the four of every vendor: "padded"
// (base64 with "="), "number" (user_id is a number), "expires" (with that field),
// "bad_algorithm", "old" (of 25 hours ago). "replay" sends the last one of the kind
// about the person once more; without one it sends a fresh one twice.
func (s *Sim) Event(kind, person, variant string) (int, error) {
	if !slices.Contains(kinds, kind) {
		return 0, provider.ErrNoEvent
	}
	p, ok := s.Desk().Person(person)
	if !ok {
		return 0, provider.ErrNobody
	}
	m := provider.Message{
		Key:   kind + " " + person,
		Write: func() (string, error) { return s.request(p, variant) },
		Send:  func(text string) (int, error) { return s.send(kind, text) },
	}
	switch variant {
	case "bad_signature", "wrong_audience", "bad_algorithm", "old":
	default:
		m.Happens = func() { s.Forget(person) }
	}
	return provider.Send(&s.sent, variant, m)
}

// request is a signed_request about p.
func (s *Sim) request(p provider.Person, variant string) (string, error) {
	c, now := s.Settings(), s.Desk().Now()
	app, secret := c.AppID, c.Secret
	if variant == "wrong_audience" {
		app, secret = ForeignID, foreignSecret
	}
	payload := map[string]any{"user_id": subject(app, p.ID), "algorithm": "HMAC-SHA256", "issued_at": now.Unix()}
	switch variant {
	case "number":
		n, err := strconv.ParseInt(subject(app, p.ID), 10, 64)
		if err != nil {
			return "", err
		}
		payload["user_id"] = n
	case "expires":
		payload["expires"] = now.Add(time.Hour).Unix()
	case "bad_algorithm":
		payload["algorithm"] = "none"
	case "old":
		payload["issued_at"] = now.Add(-25 * time.Hour).Unix()
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return "", err
	}
	if variant == "bad_signature" {
		secret += "x"
	}
	return SignedRequest(secret, raw, variant == "padded"), nil
}

// SignedRequest is signature.payload, both base64url, the signature by secret over the
// encoded payload.
func SignedRequest(secret string, payload []byte, padded bool) string {
	encoding := base64.RawURLEncoding
	if padded {
		encoding = base64.URLEncoding
	}
	text := encoding.EncodeToString(payload)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return encoding.EncodeToString(mac.Sum(nil)) + "." + text
}

func (s *Sim) send(kind, signed string) (int, error) {
	c := s.Settings()
	to := map[string]string{"deauthorize": c.Deauthorize, "deletion": c.Deletion}[kind]
	if to == "" && s.Desk().NoticeURL != "" {
		to = s.Desk().NoticeURL + "?about=" + kind
	}
	if to == "" {
		return 0, provider.ErrNoPlace
	}
	body := url.Values{"signed_request": {signed}}.Encode()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, answer, err := s.Desk().Ask(r)
	if err != nil {
		return status, err
	}
	var page struct {
		URL  string `json:"url"`
		Code string `json:"confirmation_code"`
	}
	if kind == "deletion" && status == http.StatusOK {
		if err := json.Unmarshal(answer, &page); err != nil || page.URL == "" || page.Code == "" {
			s.Desk().Log.Warn("lab: the answer to a deletion request names no url and confirmation_code", "vendor", "facebook")
		}
		s.mu.Lock()
		s.page = [2]string{page.URL, page.Code}
		s.mu.Unlock()
	}
	return status, nil
}

// Deletion is where the last answered deletion request can be followed, and its code;
// empty if the answer did not say.
func (s *Sim) Deletion() (url, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.page[0], s.page[1]
}
