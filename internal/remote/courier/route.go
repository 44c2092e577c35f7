package courier

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

// hand is what carriers of texts and senders of mail have in common.
type hand interface {
	name() string
	safeToRepeat() bool
	send(ctx context.Context, id string, m *sealed) (providerID string, err error)
}

type textHand struct{ c sms.Carrier }

func (h textHand) name() string       { return h.c.Name() }
func (h textHand) safeToRepeat() bool { return h.c.SafeToRepeat() }

func (h textHand) send(ctx context.Context, id string, m *sealed) (string, error) {
	a, err := h.c.Send(ctx, sms.Text{ID: id, To: m.To, Body: m.Text, ExpiresAt: m.expires()})
	return a.ProviderID, err
}

type letterHand struct{ s mail.Sender }

func (h letterHand) name() string       { return h.s.Name() }
func (h letterHand) safeToRepeat() bool { return h.s.SafeToRepeat() }

func (h letterHand) send(ctx context.Context, id string, m *sealed) (string, error) {
	page := m.HTML
	if page == "" {
		page = mail.HTML(m.Locale, m.Subject, m.Text)
	}
	a, err := h.s.Send(ctx, mail.Letter{ID: id, To: m.To, Subject: m.Subject, Text: m.Text, HTML: page})
	return a.ProviderID, err
}

func (m *sealed) expires() time.Time { return sqldb.FromMicros(m.Expires) }

// route is one carrier with its breaker.
type route struct {
	hand    hand
	where   TextRoute // Countries and Prefixes
	breaker breaker
}

func (k *Courier) newRoute(h hand, where TextRoute) *route {
	r := &route{hand: h, where: where}
	r.breaker.turned = func(open bool) {
		if open {
			k.o.Log.Warn("a carrier fails and is left alone for a while", "route", h.name())
		} else {
			k.o.Log.Info("a carrier works again", "route", h.name())
		}
		if k.o.Stats.Turned != nil {
			k.o.Stats.Turned(h.name(), open)
		}
	}
	return r
}

// serving lists the routes of a destination in order of preference.
func (k *Courier) serving(channel Channel, to string) []*route {
	all := k.routes[channel]
	out := make([]*route, 0, len(all))
	for _, r := range all {
		if r.serves(to) {
			out = append(out, r)
		}
	}
	return out
}

func (r *route) serves(to string) bool {
	if r.where.Countries == nil && r.where.Prefixes == nil {
		return true
	}
	for _, p := range r.where.Prefixes {
		if strings.HasPrefix(to, p) {
			return true
		}
	}
	return r.where.Countries != nil && slices.Contains(r.where.Countries, numbers.Known(to).Country)
}

// ask hands a message to a route once and tells the breaker.
func (k *Courier) ask(ctx context.Context, r *route, channel Channel, id string, m *sealed) (string, *attempt.Failure) {
	took := clock.Stopwatch()
	providerID, err := r.hand.send(ctx, id, m)
	f := attempt.From(err)
	t := Tried{Route: r.hand.name(), Channel: channel, Outcome: "taken", Took: took()}
	switch {
	case f == nil:
		r.breaker.result(k.clock.Now(), false, 0)
		if channel == SMS {
			t.Segments = sms.Segments(m.Text).Segments
		}
	case ctx.Err() != nil: // we gave up, which says nothing about the carrier
		r.breaker.result(k.clock.Now(), false, 0)
	default:
		r.breaker.result(k.clock.Now(), f.Blames(), f.RetryAfter)
	}
	if f != nil {
		t.Outcome, t.Reason = string(f.Class), f.Reason
		k.o.Log.Debug("a carrier did not take a message", "route", t.Route, "message", id, "error", f)
	}
	if k.o.Stats.Tried != nil {
		k.o.Stats.Tried(t)
	}
	return providerID, f
}
