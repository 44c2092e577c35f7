// Package mailtest holds the contract of mail.Sender: what every sender must do,
// whatever it speaks. A sender's test plays the mail server (Far) and runs
// Contract. It must never be imported outside tests.
package mailtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
)

// Behavior is what the far end does with letters.
type Behavior string

// The behaviors that a Far plays.
const (
	Accept         Behavior = "accept"
	MailboxUnknown Behavior = "mailbox unknown"
	MailboxFull    Behavior = "mailbox full"
	Policy         Behavior = "policy"           // refuses the recipient by policy
	Spam           Behavior = "spam"             // refuses the letter after reading it
	SenderRefused  Behavior = "sender refused"   // does not want mail from us
	Greylists      Behavior = "greylists"        // asks to come back
	Busy           Behavior = "busy"             // closes after the greeting
	HangsAtHello   Behavior = "hangs at hello"   // takes the connection and is silent
	HangsAtEnd     Behavior = "hangs at end"     // reads the letter and is silent
	CutsOff        Behavior = "cuts off"         // reads the letter and breaks the connection
	CutsOffEarly   Behavior = "cuts off early"   // breaks the connection when the recipient is named
	Absent         Behavior = "absent"           // nobody listens
	Unauthorized   Behavior = "unauthorized"     // our credentials are wrong
	Stranger       Behavior = "a strange server" // its certificate is not its own
)

// Got is a letter that arrived.
type Got struct {
	From, To []string // of the envelope
	Subject  string
	Text     string
	HTML     string
	Headers  map[string]string // those that tests look at
}

// Far plays a mail server.
type Far interface {
	Sender() mail.Sender
	Behave(b Behavior)
	Got() []Got
	// Connections is how many were opened so far.
	Connections() int
}

// Start is when the clock given to Contract's make stands.
var Start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Contract runs the whole contract. make plays a server that accepts, and gives
// the sender that talks to it; the sender waits at most 500 ms for a letter.
func Contract(t *testing.T, make func(t *testing.T, c *clock.Clock) Far) {
	t.Run("send", func(t *testing.T) { sends(t, make(t, clock.At(Start))) })
	t.Run("refuse", func(t *testing.T) { refuses(t, make(t, clock.At(Start))) })
	t.Run("fail", func(t *testing.T) { fails(t, make) })
}

func letter(id string) mail.Letter {
	text := "482913 is your code.\n\n482913\n\nIf you did not ask, do nothing."
	return mail.Letter{ID: id, To: "alice@example.com", Subject: "482913 is your sign-in code", Text: text, HTML: mail.HTML("en", "482913 is your sign-in code", text)}
}

// sends: what is handed over arrives whole, over one connection.
func sends(t *testing.T, far Far) {
	var want []Got
	for i, l := range []mail.Letter{
		letter("a"),
		{ID: "b", To: "Bob+tag@example.com", Subject: "验证码 482913 — für Ünïcode", Text: "您的验证码是 482913。\n\n.\n..a dot\n" + strings.Repeat("长", 2000) + "\n"},
		{ID: "c", To: "c@xn--bcher-kva.example", Subject: strings.Repeat("long ", 60) + "end", Text: "From here\n\ttab = equals =3D\n", HTML: "<p>héllo</p>"},
	} {
		if _, err := far.Sender().Send(t.Context(), l); err != nil {
			t.Fatalf("letter %d: %v", i, err)
		}
		want = append(want, Got{From: []string{"no-reply@selfsame.example"}, To: []string{l.To}, Subject: l.Subject, Text: l.Text, HTML: l.HTML, Headers: map[string]string{
			"From": `"Selfsame" <no-reply@selfsame.example>`, "To": "<" + l.To + ">", "Message-Id": "<" + l.ID + "@selfsame.example>",
			"Date": Start.Format(time.RFC1123Z), "Auto-Submitted": "auto-generated", "Cc": "", "Bcc": "", "User-Agent": "",
		}})
	}
	if diff := cmp.Diff(want, far.Got()); diff != "" {
		t.Errorf("what arrived (-want +got):\n%s", diff)
	}
	if n := far.Connections(); n != 1 {
		t.Errorf("%d connections for letters one after the other, want 1", n)
	}
}

// refuses: S-147. Nothing that is not one letter to one mailbox leaves the house.
func refuses(t *testing.T, far Far) {
	good := letter("a")
	for name, change := range map[string]func(*mail.Letter){
		"no recipient":        func(l *mail.Letter) { l.To = "" },
		"two recipients":      func(l *mail.Letter) { l.To = "a@example.com, b@example.com" },
		"a name":              func(l *mail.Letter) { l.To = "Alice <a@example.com>" },
		"a line in the to":    func(l *mail.Letter) { l.To = "a@example.com\r\nBcc: b@example.com" },
		"a blank in the to":   func(l *mail.Letter) { l.To = " a@example.com" },
		"a Unicode to":        func(l *mail.Letter) { l.To = "a@bücher.example" },
		"a line in a subject": func(l *mail.Letter) { l.Subject = "hi\r\nBcc: b@example.com" },
		"LF in a subject":     func(l *mail.Letter) { l.Subject = "hi\nBcc: b@example.com" },
		"U+2028 in a subject": func(l *mail.Letter) { l.Subject = "hi\u2028there" },
		"no subject":          func(l *mail.Letter) { l.Subject = "" },
		"no text":             func(l *mail.Letter) { l.Text = "" },
		"no id":               func(l *mail.Letter) { l.ID = "" },
		"a line in the id":    func(l *mail.Letter) { l.ID = "a>\r\nBcc: b@example.com" },
	} {
		l := good
		change(&l)
		if _, err := far.Sender().Send(t.Context(), l); err == nil || attempt.From(err).Class != attempt.Permanent {
			t.Errorf("S-147: %s: %v", name, err)
		}
	}
	if got := far.Got(); len(got) != 0 {
		t.Errorf("S-147: letters arrived: %+v", got)
	}
}

// fails: each failure has its class; no error shows the address or the text, and
// none outlives the deadline.
func fails(t *testing.T, make func(t *testing.T, c *clock.Clock) Far) {
	for _, c := range []struct {
		behavior Behavior
		class    attempt.Class
		reason   string
	}{
		{MailboxUnknown, attempt.Permanent, attempt.MailboxUnknown},
		{MailboxFull, attempt.Permanent, attempt.MailboxFull},
		{Policy, attempt.Elsewhere, attempt.Refused},
		{Spam, attempt.Elsewhere, attempt.Refused},
		{SenderRefused, attempt.Elsewhere, attempt.Service},
		{Greylists, attempt.Temporary, attempt.Service},
		{Busy, attempt.Temporary, attempt.Service},
		{HangsAtHello, attempt.Temporary, attempt.Service},
		{CutsOffEarly, attempt.Temporary, attempt.Service},
		{Absent, attempt.Temporary, attempt.Service},
		{Stranger, attempt.Temporary, attempt.Service},
		{Unauthorized, attempt.Elsewhere, attempt.Service},
		{HangsAtEnd, attempt.Ambiguous, attempt.Service},
		{CutsOff, attempt.Ambiguous, attempt.Service},
	} {
		t.Run(string(c.behavior), func(t *testing.T) {
			far := make(t, clock.At(Start))
			far.Behave(c.behavior)
			took := clock.Stopwatch()
			_, err := far.Sender().Send(t.Context(), letter("m"))
			if f := attempt.From(err); f == nil || f.Class != c.class || f.Reason != c.reason {
				t.Fatalf("Send: %v; want %s, %s", err, c.class, c.reason)
			}
			if s := err.Error(); strings.Contains(s, "alice") || strings.Contains(s, "482913") || strings.Contains(s, "@") {
				t.Errorf("the error shows too much: %s", s)
			}
			if d := took(); d > 5*time.Second {
				t.Errorf("R-38: Send took %v", d)
			}
			if c.behavior == Absent || c.behavior == Stranger {
				return
			}
			far.Behave(Accept)
			if _, err := far.Sender().Send(t.Context(), letter("n")); err != nil {
				t.Errorf("R-39: afterwards: %v", err)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		far := make(t, clock.At(Start))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := far.Sender().Send(ctx, letter("m")); attempt.From(err).Class != attempt.Temporary {
			t.Errorf("canceled before anything was sent: %v", err)
		}
	})
}
