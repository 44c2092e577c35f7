package carrier

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/lab/lines"
)

// What the carrier reads of a request at most.
const (
	maxBody = 64 << 10
	maxText = 1600 // characters, as most aggregators allow
)

// order is the body of POST /messages.
type order struct {
	ID        string     `json:"id"`
	To        string     `json:"to"`
	From      string     `json:"from"`
	Text      string     `json:"text"`
	Callback  string     `json:"callback"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// Handler is the dialect's one call: POST {base}/messages. It looks at the end
// of the path only, so that it can be mounted anywhere.
func (c *Carrier) Handler() http.Handler { return http.HandlerFunc(c.serve) }

func (c *Carrier) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasSuffix(r.URL.Path, "/messages"):
		refuse(w, http.StatusNotFound, "no_such_call")
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "no_such_call")
	case !c.known(r):
		refuse(w, http.StatusUnauthorized, "credentials")
	default:
		c.take(w, r)
	}
}

// known tells whether the sender is a customer.
func (c *Carrier) known(r *http.Request) bool {
	return c.token == "" || r.Header.Get("Authorization") == "Bearer "+c.token
}

func (c *Carrier) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, "malformed")
		return
	}
	var o order
	if err := json.Unmarshal(body, &o); err != nil {
		refuse(w, http.StatusBadRequest, "malformed")
		return
	}
	switch {
	case !lines.IsE164(o.To):
		refuse(w, http.StatusUnprocessableEntity, "number_unknown")
		return
	case o.Text == "" || utf8.RuneCountInString(o.Text) > maxText || len(o.ID) > 64 || len(o.From) > 64:
		refuse(w, http.StatusBadRequest, "malformed")
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		key = o.ID
	}
	answer(w, http.StatusAccepted, struct {
		ID string `json:"id"`
	}{c.accept(o, key)})
}

// accept stores the text, starts what its number's behavior says, and answers
// the id; the second time with one key it only answers.
func (c *Carrier) accept(o order, key string) string {
	now := c.agenda.Now()
	k := &kept{Text: Text{From: o.From, To: o.To, Text: o.Text, Status: Accepted, At: now}, phone: o.To}
	if o.Callback != "" {
		// The lab reports to the address that it was built with, whatever the
		// product believes its own public address to be.
		if k.callback = c.given; k.callback == "" {
			k.callback = o.Callback
			c.inbound.Store(o.Callback)
		}
	}
	if o.ExpiresAt != nil {
		k.expires = *o.ExpiresAt
	}
	behavior := c.lines.Get(o.To)
	arrives := behavior.Delivery == lines.Deliver && !k.expired(now)
	if arrives {
		k.Status = Delivered
	}

	c.mu.Lock()
	if id, known := c.byKey[key]; known && key != "" {
		c.mu.Unlock()
		return id
	}
	k.ID = c.newID()
	id := k.ID
	if key != "" {
		c.byKey[key] = id
		if old, dropped := c.keys.add(key); dropped {
			delete(c.byKey, old)
		}
	}
	c.keep(k)
	c.mu.Unlock()

	if isDialable(o.From) && c.Service() != o.From {
		c.service.Store(o.From)
	}
	if arrives {
		c.report(k, Sent, "", now)
		c.report(k, Delivered, "", now)
		return id
	}
	c.carry(k, behavior, now)
	return id
}

// carry does what the number's behavior says with a text that is not there yet.
func (c *Carrier) carry(k *kept, b lines.Record, now time.Time) {
	switch {
	case k.expired(now):
		c.end(k, Failed, "expired", now)
	case b.Delivery == lines.Silent:
		// Accepted, and nothing is heard of it again.
	case b.Delivery == lines.Fail:
		c.pass(k, now)
		c.end(k, Failed, b.FailReason, now)
	default:
		c.pass(k, now)
		due := now.Add(b.DelayFor)
		c.agenda.At(due, func() {
			if k.expired(due) {
				c.end(k, Failed, "expired", due)
				return
			}
			c.end(k, Delivered, "", due)
		})
	}
}

// expired tells whether the text must not arrive at or after its expiry.
func (k *kept) expired(at time.Time) bool { return !k.expires.IsZero() && !at.Before(k.expires) }

// pass hands the text to the network.
func (c *Carrier) pass(k *kept, at time.Time) {
	c.set(k, Sent, "", at)
	c.report(k, Sent, "", at)
}

// end settles the text.
func (c *Carrier) end(k *kept, s State, reason string, at time.Time) {
	c.set(k, s, reason, at)
	c.report(k, s, reason, at)
}

// report sends a receipt, if receipts are wanted.
func (c *Carrier) report(k *kept, s State, reason string, at time.Time) {
	if k.callback == "" {
		return
	}
	c.caller.put(k.ID, call{address: k.callback, event: event{ID: c.newID(), MessageID: k.ID, State: string(s), Reason: reason, At: at}})
}

// ErrNoCallback says that the carrier does not know where to bring a text from a person.
var ErrNoCallback = errors.New("carrier: no callback address is known")

// ErrRefused says that the product did not take a text from a person.
var ErrRefused = errors.New("carrier: the text was not taken")

// Send brings a text from a person's phone to one of the product's numbers, and
// returns once the product answered. A text that the product cannot take now is
// brought again, as receipts are, and is an ErrRefused here.
func (c *Carrier) Send(ctx context.Context, from, to, text string) (Text, error) {
	address, _ := c.inbound.Load().(string)
	if address == "" {
		return Text{}, ErrNoCallback
	}
	now := c.agenda.Now()
	k := &kept{Text: Text{ID: c.newID(), From: from, To: to, Text: text, Status: Received, At: now}, phone: from}
	c.mu.Lock()
	c.keep(k)
	sent := k.Text
	c.mu.Unlock()
	if !c.caller.once(ctx, call{address: address, event: event{ID: sent.ID, From: from, To: to, Text: text, At: now}}) {
		c.set(k, Failed, "", now)
		sent.Status = Failed
		return sent, ErrRefused
	}
	return sent, nil
}

// isDialable tells whether a sender is a number that one can answer to, and not
// a name, which is one-way.
func isDialable(from string) bool {
	digits := strings.TrimPrefix(from, "+")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

func refuse(w http.ResponseWriter, status int, code string) {
	answer(w, status, struct {
		Error string `json:"error"`
	}{code})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error is the caller's leaving
}
