package mailbox

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"golang.org/x/net/html/charset"
)

// maxParts bounds how many parts and levels of a mail are looked at.
const maxParts = 50

// read takes a mail apart: subject, plain text and HTML, all in UTF-8. A mail
// that cannot be taken apart is shown as it came, for that is what a tester
// needs to see.
func read(raw []byte) Mail {
	message, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return Mail{Text: tidyText(raw)}
	}
	words := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	header := func(name string) string {
		value := message.Header.Get(name)
		if decoded, err := words.DecodeHeader(value); err == nil {
			return decoded
		}
		return value
	}
	m := Mail{Subject: header("Subject"), From: header("From")}
	r := reader{mail: &m, left: maxParts}
	r.part(message.Header.Get("Content-Type"), message.Header.Get("Content-Transfer-Encoding"), "", message.Body)
	return m
}

type reader struct {
	mail *Mail
	left int
}

// part reads one part, or the parts inside it. The first plain text and the
// first HTML that are not attachments count.
func (r *reader) part(contentType, encoding, disposition string, body io.Reader) {
	if r.left--; r.left < 0 {
		return
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, params = "text/plain", nil // RFC 2045 section 5.2
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			r.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p)
		}
	}
	if strings.HasPrefix(strings.ToLower(disposition), "attachment") {
		return
	}
	switch {
	case kind == "text/plain" && r.mail.Text == "":
		r.mail.Text = decode(body, encoding, params["charset"])
	case kind == "text/html" && r.mail.HTML == "":
		r.mail.HTML = decode(body, encoding, params["charset"])
	}
}

// decode reads what it can: a broken end still shows the beginning.
func decode(body io.Reader, encoding, label string) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	if label != "" {
		if decoded, err := charset.NewReaderLabel(label, body); err == nil {
			body = decoded
		}
	}
	text, _ := io.ReadAll(body)
	return tidyText(text)
}

func tidyText(b []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(b), "\uFFFD"), "\r\n", "\n")
}
