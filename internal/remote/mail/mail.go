// Package mail holds what a sender of e-mail is: the Sender interface and the
// page that is made of a letter's text. Senders are folders below; each passes
// the contract in mailtest. It must never know why a letter is sent, and no
// sender may log or put into an error an address or a text.
package mail

import (
	"context"
	"errors"
	"html/template"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/email"
)

// Letter is one letter to one mailbox.
type Letter struct {
	ID      string // ours; the Message-ID is made of it
	To      string // one address as package email reads it, the stored one (S-03)
	Subject string // one line
	Text    string
	HTML    string // the same in HTML; "": the letter has only text
}

// Accepted says that a mail server took a letter. That never means delivered.
type Accepted struct {
	ProviderID string // "" if bounces cannot name it
}

// Sender hands letters to a mail server. It is safe for concurrent use. Send
// returns within ctx's deadline; its errors are *attempt.Failure.
type Sender interface {
	// Name stands in logs and metrics.
	Name() string
	Send(ctx context.Context, l Letter) (Accepted, error)
	// SafeToRepeat tells whether sending a Letter of the same ID again sends nothing new.
	SafeToRepeat() bool
}

// Check refuses what is not one letter to one mailbox: no line break gets into a
// header, no second recipient into the envelope (S-147).
func (l Letter) Check() error {
	to, err := email.Read(l.To)
	if err != nil || l.To != to.Canonical && l.To != to.Display {
		return errors.New("mail: the recipient is not one address as it is stored")
	}
	if l.Subject == "" || strings.ContainsFunc(l.Subject, control) {
		return errors.New("mail: the subject is not one line")
	}
	if l.ID == "" || strings.Trim(l.ID, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return errors.New("mail: the id is not one word")
	}
	if l.Text == "" {
		return errors.New("mail: there is no text")
	}
	return nil
}

func control(r rune) bool {
	return r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// page is deliberately plain: no picture, no link, no script, nothing to load,
// so that it looks the same everywhere and teaches nobody to click in mail (S-18).
var page = template.Must(template.New("letter").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>{{.Subject}}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif"><main dir="auto" style="max-width:36em;margin:auto">
{{range .Parts}}{{if .Code}}<p dir="ltr" style="font-size:32px;font-weight:600;letter-spacing:.15em;margin:16px 0">{{.Code}}</p>
{{else}}<p dir="auto" style="margin:16px 0">{{range $i, $line := .Lines}}{{if $i}}<br>{{end}}{{$line}}{{end}}</p>
{{end}}{{end}}</main></body></html>
`))

type part struct {
	Code  string
	Lines []string
}

// HTML makes a letter's page of its text, so that there is one source for both.
// Empty lines part paragraphs; a paragraph of digits alone is a code and is
// shown large. Everything is escaped.
func HTML(lang, subject, text string) string {
	var parts []part
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		paragraph = strings.Trim(paragraph, "\n")
		switch {
		case paragraph == "":
		case len(paragraph) >= 4 && strings.Trim(paragraph, "0123456789") == "":
			parts = append(parts, part{Code: paragraph})
		default:
			parts = append(parts, part{Lines: strings.Split(paragraph, "\n")})
		}
	}
	var b strings.Builder
	if err := page.Execute(&b, map[string]any{"Lang": lang, "Subject": subject, "Parts": parts}); err != nil {
		return "" // a strings.Builder does not fail; without a page the letter has its text
	}
	return b.String()
}
