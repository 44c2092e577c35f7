package google

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

const (
	// eventLife is how old a security event may be. Events are of the past, so that exp
	// means nothing ("Cross-Account Protection", step 5); they are sent again for some days.
	eventLife  = 7 * 24 * time.Hour
	eventsMost = 16
)

// Prefixes of the types of events.
const (
	risc  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauth = "https://schemas.openid.net/secevent/oauth/event-type/"
)

// kinds are the types of events. tokens-revoked takes back what the person granted us.
// token-revoked is about one refresh token, of which we keep none but to give it back.
var kinds = map[string]provider.NoticeKind{
	risc + "sessions-revoked":                   provider.SessionsRevoked,
	oauth + "tokens-revoked":                    provider.SessionsRevoked,
	oauth + "token-revoked":                     provider.Unknown,
	risc + "account-disabled":                   provider.Disabled,
	risc + "account-enabled":                    provider.Enabled,
	risc + "account-credential-change-required": provider.AtRisk,
	risc + "verification":                       provider.Verification,
	risc + "account-purged":                     provider.Deleted,
}

// event is one of the events of a message.
type event struct {
	Subject struct {
		Type  string `json:"subject_type"`
		Other string `json:"format"` // the name of it in RFC 9493
		Iss   string `json:"iss"`
		Sub   string `json:"sub"`
	} `json:"subject"`
	Reason string `json:"reason"`
}

// Receive reads a security event token (RFC 8417).
func (g *Google) Receive(ctx context.Context, m provider.Message) (provider.Received, error) {
	if m.Method != http.MethodPost {
		return provider.Received{}, provider.Fail(provider.Malformed, "method")
	}
	claims, err := g.events.Notice(ctx, strings.TrimSpace(string(m.Body)), g.clients(), m.Now, eventLife, false)
	if err != nil {
		return provider.Received{}, err
	}
	var c struct {
		Events map[string]jsontext.Value `json:"events"`
	}
	if err := claims.Into(&c); err != nil || len(c.Events) == 0 || len(c.Events) > eventsMost {
		return provider.Received{}, provider.Fail(provider.Malformed, "events")
	}
	out := provider.Received{Reply: &provider.Reply{Status: http.StatusAccepted}}
	for _, kind := range slices.Sorted(maps.Keys(c.Events)) {
		var e event
		if err := provider.ReadObject(c.Events[kind], &e); err != nil {
			return provider.Received{}, provider.Fail(provider.Malformed, "event")
		}
		n, err := e.notice(kind)
		if err != nil {
			return provider.Received{}, err
		}
		n.ID, n.At = claims.ID, claims.IssuedAt
		if len(c.Events) > 1 {
			n.ID += "/" + n.Raw
		}
		out.Notices = append(out.Notices, n)
	}
	return out, nil
}

func (e event) notice(kind string) (provider.Notice, error) {
	what, known := kinds[kind]
	if !known {
		return provider.Notice{Kind: provider.Unknown, Raw: "other"}, nil
	}
	n := provider.Notice{Kind: what, Raw: kind[strings.LastIndex(kind, "/")+1:]}
	if what == provider.Disabled && e.Reason == "hijacking" {
		n.Kind, n.Raw = provider.Hijacked, n.Raw+"/hijacking"
	}
	if what == provider.Unknown || what == provider.Verification {
		return n, nil
	}
	format := strings.ReplaceAll(e.Subject.Type+e.Subject.Other, "_", "-")
	ours := slices.Contains([]string{issuer, eventIssuer, bareIssuer}, e.Subject.Iss)
	if format != "iss-sub" && format != "id-token-claims" || !ours || !provider.CheckSubject(e.Subject.Sub) {
		return provider.Notice{}, provider.Fail(provider.Malformed, "subject")
	}
	n.Subjects = []provider.Subject{{Scope: "global", Value: e.Subject.Sub}}
	return n, nil
}
