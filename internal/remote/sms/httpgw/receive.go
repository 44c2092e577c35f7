package httpgw

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
)

const (
	// window is how far a report's time may be from our clock (S-150).
	window = 5 * time.Minute
	// bodyMost bounds a report, in bytes; reportsMost how many one body may hold.
	bodyMost    = 64 << 10
	reportsMost = 1000
)

// Receive checks a report's signature and time, then reads it. The courier sees
// to it that a report that comes again changes nothing.
func (c *Carrier) Receive(header map[string][]string, _ url.Values, body []byte) ([]sms.Event, error) {
	if len(body) > bodyMost {
		return nil, fmt.Errorf("%w: too large", sms.ErrMalformed)
	}
	if err := c.verify(http.Header(header), body); err != nil {
		return nil, err
	}
	reports, err := parse(http.Header(header).Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	events := make([]sms.Event, 0, len(reports))
	for _, r := range reports {
		e, err := c.event(r)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// verify checks HMAC-SHA-256 of "<time>.<raw body>" in constant time. Of the
// headers the first value counts, so that a second one smuggles nothing in.
func (c *Carrier) verify(header http.Header, body []byte) error {
	stamp := header.Get(orElse(c.d.Event.TimeHeader, "X-Signature-Timestamp"))
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || stamp != strconv.FormatInt(seconds, 10) {
		return fmt.Errorf("%w: no timestamp", sms.ErrForged)
	}
	var right bool
	given := strings.Split(header.Get(orElse(c.d.Event.SignHeader, "X-Signature")), ",")
	for _, secret := range c.cfg.Secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(stamp + "."))
		mac.Write(body)
		want := "v1=" + hex.EncodeToString(mac.Sum(nil))
		for _, g := range given[:min(len(given), 4)] {
			if hmac.Equal([]byte(strings.TrimSpace(g)), []byte(want)) {
				right = true
			}
		}
	}
	if !right {
		return fmt.Errorf("%w: no right signature", sms.ErrForged)
	}
	now := c.clock.Now().Unix()
	if seconds < now-int64(window/time.Second) || seconds > now+int64(window/time.Second) {
		return fmt.Errorf("%w: the time is outside the window", sms.ErrForged)
	}
	return nil
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// parse gives the reports of a body: an object, an array of objects, or a form.
func parse(contentType string, body []byte) ([]any, error) {
	kind, _, _ := mime.ParseMediaType(contentType)
	if kind == formType {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("%w: not a form", sms.ErrMalformed)
		}
		report := make(map[string]any, len(form))
		for name, values := range form {
			report[name] = values[0]
		}
		return []any{report}, nil
	}
	v, ok := decode(body)
	if !ok {
		return nil, fmt.Errorf("%w: not JSON", sms.ErrMalformed)
	}
	if list, ok := v.([]any); ok {
		if len(list) > reportsMost {
			return nil, fmt.Errorf("%w: too many reports", sms.ErrMalformed)
		}
		return list, nil
	}
	return []any{v}, nil
}

// event reads one report. A state that the dialect does not name counts as sent:
// it is no reason to tell a person that a text failed.
func (c *Carrier) event(report any) (sms.Event, error) {
	d := c.d.Event
	e := sms.Event{ID: at(report, d.ID)}
	if t, err := time.Parse(time.RFC3339, at(report, d.At)); err == nil {
		e.At = t.UTC()
	}
	if d.ID != "" && !validPeerID(e.ID) {
		return sms.Event{}, fmt.Errorf("%w: no event id", sms.ErrMalformed)
	}
	if id := at(report, d.MessageID); id != "" {
		if !validPeerID(id) {
			return sms.Event{}, fmt.Errorf("%w: no message id", sms.ErrMalformed)
		}
		e.Receipt = &sms.Receipt{ProviderID: id, State: sms.Sent}
		switch d.States[at(report, d.State)] {
		case "delivered":
			e.Receipt.State = sms.Delivered
		case "failed":
			e.Receipt.State = sms.Failed
			e.Receipt.Reason = orElse(d.Reasons[at(report, d.Reason)], attempt.Unknown)
		}
		return e, nil
	}
	in := sms.Inbound{From: at(report, d.From), To: at(report, d.To), Body: at(report, d.Text)}
	if in.From == "" || len(in.From) > 64 || len(in.To) > 64 || len(in.Body) > 4096 {
		return sms.Event{}, fmt.Errorf("%w: neither a receipt nor a text", sms.ErrMalformed)
	}
	e.Inbound = &in
	return e, nil
}
