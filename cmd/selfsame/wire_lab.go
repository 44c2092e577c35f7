package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/lab"
)

// demoLab is the outside world of the demo, in the same process: the product
// reaches it through its ordinary adapters, whose transport ends here.
type demoLab struct {
	*lab.Lab
	carrier http.Handler
	lines   http.Handler
	pages   http.Handler
	public  http.Handler // the product's doors, for callbacks
}

// The addresses under which the adapters know the lab; nothing is dialed.
const (
	labCarrier = "http://carrier.lab.invalid/v1"
	labLines   = "http://lines.lab.invalid/v1"
	labRoute   = "lab"
)

// outside stands between the kit and the remote rooms: in the demo it builds the
// lab and points the configuration at it. In production it does nothing (S-162).
func (b *site) outside(context.Context) error {
	if !b.set.Demo {
		return nil
	}
	secret := randid.Secret()
	d := &demoLab{}
	vendors, err := b.labVendors(toProduct{d})
	if err != nil {
		return err
	}
	d.Lab = lab.New(lab.Options{
		Providers: vendors,
		Clock:     b.Clock, CallbackURL: b.set.PublicURL + "/hooks/sms/" + labRoute, CallbackSecret: secret, Token: "lab",
		PublicURL: b.set.PublicURL, Transport: toProduct{d}, Log: b.Log,
	})
	d.carrier, d.lines, d.pages = d.CarrierHandler(), d.LinesHandler(), d.Handler()
	b.closes = append(b.closes, func() error { d.Close(); return nil })
	mailbox, err := d.ListenMail("127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := mailbox.(*net.TCPAddr)
	b.set.SMS.Routes = []settings.SMSRoute{{Name: labRoute, URL: labCarrier, Token: "lab", Signing: settings.Secret(secret), From: b.set.Brand.Name}}
	b.set.Mail = settings.Mail{Host: "127.0.0.1", Port: addr.Port, TLS: "none", From: b.set.Brand.Name + " <no-reply@id.example.com>"}
	b.set.Numbers.Lookup.URL, b.set.Numbers.Lookup.Token = labLines, "lab"
	b.set.Numbers.Lookup.KeepFor = -1 // the lab changes its mind
	b.lab = d
	b.try = []string{
		"open " + b.set.PublicURL + "/signin and type the phone number (415) 555-0123; the text arrives at " + b.set.PublicURL + "/lab",
		"sign in again on the same browser: the account knows the device",
		"set a password at " + b.set.PublicURL + "/account/password, sign out, and sign in with it",
		"in the lab make the carrier silent for a number, and see what the sign-in page says",
		"move the clock in the lab by 5 minutes while a code is out, and type it",
		"on the security page add a passkey or an authenticator app, turn on 2-step verification, and sign in from a private window",
		"change the phone with and without the old one: the old one is told, and its link undoes the change",
		"sign in with Google, Facebook or Apple, or in the Chinese region (" + b.set.PublicURL + "/signin?region=cn) with WeChat, Weibo, QQ or Alipay; who has accounts there, and how they fail, is in the lab",
		"link and remove accounts elsewhere at " + b.set.PublicURL + "/account/linked",
		"freeze the account at " + b.set.PublicURL + "/freeze without signing in, then get back in at " + b.set.PublicURL + "/unfreeze or " + b.set.PublicURL + "/recover",
	}
	return nil
}

// beside serves the lab's pages under /lab and the product everywhere else.
func (d *demoLab) beside(product http.Handler) http.Handler {
	d.public = product
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/lab" || strings.HasPrefix(r.URL.Path, "/lab/") {
			d.pages.ServeHTTP(w, r)
			return
		}
		product.ServeHTTP(w, r)
	})
}

// RoundTrip is the product's way to the lab.
func (d *demoLab) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case strings.HasPrefix(r.URL.Host, "lines."):
		return handTo(r, d.lines)
	case strings.HasPrefix(r.URL.Host, "carrier."):
		return handTo(r, d.carrier)
	}
	return handTo(r, d.pages) // a provider, at the address that browsers visit too
}

// toProduct is the lab's way to the product.
type toProduct struct{ d *demoLab }

func (t toProduct) RoundTrip(r *http.Request) (*http.Response, error) { return handTo(r, t.d.public) }

// handTo hands a client's request to a handler of this process.
func handTo(r *http.Request, h http.Handler) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body.Close()
		in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	} else {
		in.Body = http.NoBody
	}
	w := &kept{header: http.Header{}}
	h.ServeHTTP(w, in)
	if err := r.Context().Err(); err != nil { // it was waited for no longer, as on a wire
		return nil, err
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// kept is an answer that stays in this process.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *kept) Write(p []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(p)
}
