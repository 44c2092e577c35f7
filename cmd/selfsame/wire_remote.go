package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/mail/smtp"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
	"github.com/selfsame-id/selfsame/internal/remote/sms/httpgw"
)

// remote is floor 2a: the rooms that dial out.
func (b *site) remote(context.Context) error {
	b.numbers = numbers.New(numbers.Policy{
		Served: b.set.Numbers.Served, VoIP: b.set.Numbers.VoIP, Satellite: b.set.Numbers.Satellite,
		OnlyConfirmed: b.set.Numbers.OnlyConfirmed, Allow: b.set.Numbers.Allow,
	}, b.lookup())
	o := courier.Options{Log: b.Log, Stats: b.courierStats()}
	for _, r := range b.set.SMS.Routes {
		route, err := b.textRoute(r)
		if err != nil {
			return fmt.Errorf("sms.routes %s: %w", r.Name, err)
		}
		o.Texts = append(o.Texts, route)
	}
	if b.set.Mail.Host != "" {
		relay, err := b.relay()
		if err != nil {
			return fmt.Errorf("mail: %w", err)
		}
		o.Letters = []mail.Sender{relay}
	}
	b.courier = courier.New(b.db, b.Clock, b.jobs, b.ring, o)
	return b.vendors()
}

// lookup is the line look-up, or nil without one.
func (b *site) lookup() numbers.Lookup {
	l := b.set.Numbers.Lookup
	if l.URL == "" {
		return nil
	}
	cfg := numbers.HTTPConfig{Base: l.URL, Token: l.Token.Reveal(), WaitFor: l.WaitFor, KeepFor: l.KeepFor}
	if b.lab != nil {
		cfg.Transport = b.lab
	}
	return numbers.NewHTTPLookup(cfg, b.Clock)
}

// textRoute is a carrier of texts with the countries that it serves.
func (b *site) textRoute(r settings.SMSRoute) (courier.TextRoute, error) {
	cfg := httpgw.Config{Name: r.Name, Base: r.URL, Token: r.Token.Reveal(), From: r.From, WaitFor: r.Timeout}
	if secret := r.Signing.Reveal(); secret != "" {
		cfg.Secrets, cfg.Callback = []string{secret}, b.set.PublicURL+"/hooks/sms/"+r.Name
	}
	if b.lab != nil {
		cfg.Transport = b.lab
	} else {
		b.senders = append(b.senders, telemetry.Check{Name: "sms " + r.Name, Run: func(ctx context.Context) error { return reach(ctx, r.URL) }})
	}
	carrier, err := httpgw.New(cfg, b.Clock)
	return courier.TextRoute{Carrier: carrier, Countries: r.Countries}, err
}

// relay is the way of mail.
func (b *site) relay() (*smtp.Relay, error) {
	m := b.set.Mail
	encryption := map[string]smtp.Encryption{"starttls": smtp.STARTTLS, "tls": smtp.TLS, "none": smtp.None}[m.TLS]
	relay, err := smtp.New(smtp.Config{Name: "smtp", Host: m.Host, Port: m.Port, Encryption: encryption, User: m.User, Password: m.Password.Reveal(), From: m.From, ReplyTo: m.ReplyTo}, b.Clock)
	if err == nil {
		b.closes = append(b.closes, func() error { relay.Close(); return nil })
		b.senders = append(b.senders, telemetry.Check{Name: "mail", Run: func(ctx context.Context) error {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(m.Port)))
			if err != nil {
				return err
			}
			return conn.Close()
		}})
	}
	return relay, err
}

// courierStats feeds the metrics: how messages fare, by route and outcome.
func (b *site) courierStats() courier.Stats {
	return courier.Stats{
		Posted: func(channel courier.Channel, _ string) { b.Metrics.Outbox.Add(string(channel), "posted") },
		Tried:  func(t courier.Tried) { b.Metrics.Messages.Observe(t.Took, t.Route, t.Outcome) },
		Ended:  func(channel courier.Channel, _, state, _ string) { b.Metrics.Outbox.Add(string(channel), state) },
	}
}

// reach tells whether something answers HTTP at base, whatever it says.
func reach(ctx context.Context, base string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, base, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		var opErr *net.OpError
		if errors.As(err, &opErr) {
			return opErr
		}
		return errors.New("cannot be reached")
	}
	return resp.Body.Close()
}
