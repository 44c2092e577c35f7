package mailbox_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/mailbox"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

type standing struct {
	mu  sync.Mutex
	now time.Time
}

func (c *standing) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *standing) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

type world struct {
	*mailbox.Post
	agenda *agenda.Agenda
	server *mailbox.Server
}

func newWorld(t *testing.T) world {
	t.Helper()
	a := agenda.New(&standing{now: start})
	t.Cleanup(a.Close)
	w := world{Post: mailbox.New(a), agenda: a}
	server, err := mailbox.Listen("127.0.0.1:0", w.Post, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w.server = server
	return w
}

func (w world) send(to, raw string) error {
	return smtp.SendMail(w.server.Addr().String(), nil, "no-reply@id.example.test", []string{to}, []byte(strings.ReplaceAll(raw, "\n", "\r\n")))
}

const plain = "From: Selfsame <no-reply@id.example.test>\nTo: a@example.com\nSubject: Your code\n\nYour code is 482913.\n"

func TestParts(t *testing.T) {
	const alternative = "From: no-reply@id.example.test\nSubject: Two\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=\"=_b\"\n\n" +
		"--=_b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nDein Code f=C3=BCr die Anmeldung: 4829=\n13\n" +
		"--=_b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPHA+RGVpbiBDb2RlIGbDvHIgZGllIDxhIGhyZWY9Imh0dHBzOi8vaWQuZXhhbXBsZS50ZXN0L3UiPkFubWVsZHVuZzwvYT4KPC9wPg==\n--=_b--\n"
	for _, tt := range []struct {
		name, raw string
		want      mailbox.Mail
		code      string
		links     []string
	}{
		{name: "plain", raw: plain, code: "482913", links: []string{},
			want: mailbox.Mail{From: "Selfsame <no-reply@id.example.test>", Subject: "Your code", Text: "Your code is 482913.\n"}},
		{name: "alternative, quoted-printable and base64", raw: alternative, code: "482913", links: []string{"https://id.example.test/u"},
			want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "Two", Text: "Dein Code für die Anmeldung: 482913",
				HTML: "<p>Dein Code für die <a href=\"https://id.example.test/u\">Anmeldung</a>\n</p>"}},
		{name: "subject in Chinese, base64", raw: "Subject: =?UTF-8?B?5L2g55qE6aqM6K+B56CB?= =?UTF-8?Q?=EF=BC=9A590217?=\n\nx\n", code: "590217", links: []string{},
			want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "你的验证码：590217", Text: "x\n"}},
		{name: "subject in UTF-8 as it is", raw: "Subject: 你的验证码\n\nx\n", links: []string{},
			want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "你的验证码", Text: "x\n"}},
		{name: "folded subject", raw: "Subject: A long\n subject\n\nx\n", links: []string{},
			want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "A long subject", Text: "x\n"}},
		{name: "another charset", raw: "Subject: =?GB18030?B?xOO6ww==?=\nContent-Type: text/plain; charset=gb18030\n\n\xc4\xe3\xba\xc3\n", links: []string{},
			want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "你好", Text: "你好\n"}},
		{name: "HTML only", raw: "Subject: H\nContent-Type: text/html\n\n<style>b{}</style><b>482913</b>\n", code: "482913", links: []string{},
			want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "H", HTML: "<style>b{}</style><b>482913</b>\n"}},
		{name: "attachments do not count", raw: "Subject: A\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\n111111\n--m\nContent-Type: text/plain\n\n482913\n--m--\n",
			code: "482913", links: []string{}, want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "A", Text: "482913"}},
		{name: "nested", raw: "Subject: N\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=n\n\n--n\nContent-Type: text/plain\n\ninner\n--n\nContent-Type: text/html\n\n<p>inner</p>\n--n--\n--m--\n",
			links: []string{}, want: mailbox.Mail{From: "no-reply@id.example.test", Subject: "N", Text: "inner", HTML: "<p>inner</p>"}},
		{name: "no headers", raw: "just words\n", links: []string{},
			want: mailbox.Mail{From: "no-reply@id.example.test", Text: "just words\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.send("a@example.com", tt.raw); err != nil {
				t.Fatal(err)
			}
			mails := w.Mails("A@Example.com")
			if len(mails) != 1 {
				t.Fatalf("%d mails, want 1", len(mails))
			}
			got := mails[0]
			if got.Code() != tt.code {
				t.Errorf("code %q, want %q", got.Code(), tt.code)
			}
			if diff := cmp.Diff(tt.links, got.Links()); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			tt.want.To, tt.want.At, tt.want.ID = "a@example.com", start, got.ID
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mail (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBehaviors(t *testing.T) {
	for _, tt := range []struct {
		delivery   mailbox.Delivery
		reply      int // of the server's refusal
		now, later int // mails in the box
	}{
		{mailbox.Deliver, 0, 1, 1},
		{mailbox.Delay, 0, 0, 1},
		{mailbox.Silent, 0, 0, 0},
		{mailbox.Bounce, 550, 0, 0},
	} {
		t.Run(string(tt.delivery), func(t *testing.T) {
			w := newWorld(t)
			if err := w.Set("A@example.com", mailbox.Behavior{Delivery: tt.delivery, DelayFor: mailbox.DefaultDelay}); err != nil {
				t.Fatal(err)
			}
			err := w.send("a@EXAMPLE.com", plain)
			if tt.reply == 0 && err != nil {
				t.Fatal(err)
			}
			if tt.reply != 0 {
				var reply *textproto.Error
				if !errors.As(err, &reply) || reply.Code != tt.reply || !strings.HasPrefix(reply.Msg, "5.1.1") {
					t.Fatalf("reply %v, want 550 5.1.1", err)
				}
			}
			if n := len(w.Mails("a@example.com")); n != tt.now {
				t.Errorf("at once %d mails, want %d", n, tt.now)
			}
			w.agenda.Advance(mailbox.DefaultDelay)
			if n := len(w.Mails("a@example.com")); n != tt.later {
				t.Errorf("later %d mails, want %d", n, tt.later)
			}
			if err := w.send("b@example.com", plain); err != nil {
				t.Errorf("another mailbox: %v", err)
			}
		})
	}
}

func TestManyRecipientsAndMails(t *testing.T) {
	w := newWorld(t)
	client, err := smtp.Dial(w.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const sent = mailbox.MaxMails + 30
	for i := range sent {
		if err := errors.Join(client.Mail("x@example.test"), client.Rcpt(fmt.Sprintf("u%d@example.com", i%40))); err != nil {
			t.Fatal(err)
		}
		data, err := client.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(data, "Subject: %06d\r\n\r\nx\r\n", i)
		if err := data.Close(); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for i := range 40 {
		mails := w.Mails(fmt.Sprintf("u%d@example.com", i))
		total += len(mails)
		for j, m := range mails {
			if m.Subject < "000030" {
				t.Errorf("the old mail %s is still there", m.Subject)
			}
			if j > 0 && m.Subject > mails[j-1].Subject {
				t.Errorf("mails are not newest first")
			}
		}
	}
	if total != mailbox.MaxMails {
		t.Errorf("%d mails are kept, want %d", total, mailbox.MaxMails)
	}
	if got := w.Boxes(1); len(got) != 1 || got[0] != fmt.Sprintf("u%d@example.com", (sent-1)%40) {
		t.Errorf("the most recent box is %v", got)
	}
}

func TestLargeMailsAreBoundedTogether(t *testing.T) {
	w := newWorld(t)
	body := "Subject: big\n\n" + strings.Repeat(strings.Repeat("x", 99)+"\n", 9000)
	for range 45 { // 40 MB
		if err := w.send("a@example.com", body); err != nil {
			t.Fatal(err)
		}
	}
	bytes := 0
	for _, m := range w.Mails("a@example.com") {
		bytes += len(m.Text)
	}
	if bytes > 32<<20 || bytes < 30<<20 {
		t.Errorf("%d bytes of mail are kept, want close to and not above 32 MiB", bytes)
	}
	if err := w.send("a@example.com", "Subject: too big\n\n"+strings.Repeat(strings.Repeat("x", 99)+"\n", 12000)); err == nil {
		t.Error("a mail above 1 MiB was taken")
	}
}

func TestIsAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"a@example.com": true, "用户@例子.中国": true, "a+b@example.com": true,
		"": false, "a": false, "@b": false, "a@": false, "a@b@c": false, "a b@c": false, "<a@b>": false, "a/../b@c": false,
		strings.Repeat("x", 250) + "@b.cd": false,
	} {
		if got := mailbox.IsAddress(address); got != want {
			t.Errorf("IsAddress(%q) = %v", address, got)
		}
	}
}
