// Package telemetry holds what operators watch the process by: the log with its
// redaction guard, the metrics by name, the traces, and the admin handler with
// liveness and readiness. It must never be told who somebody is: no phone
// number, e-mail address, code, token or client address passes it (S-157, S-160).
package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// NewLog writes JSON lines in UTC to w from a level on (debug, info, warn,
// error; anything else is info). Every value passes the redaction guard: what
// looks like personal data or a secret is blotted out, because the rule that
// nobody logs such things will be broken one day.
func NewLog(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(guard{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})})
}

// guard is the handler in front of the one that writes.
type guard struct{ slog.Handler }

// Handle redacts the record.
func (g guard) Handle(ctx context.Context, rec slog.Record) error {
	out := slog.NewRecord(rec.Time.UTC(), rec.Level, Redact(rec.Message), rec.PC)
	var few [12]slog.Attr
	attrs := few[:0]
	rec.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, clean(a))
		return true
	})
	out.AddAttrs(attrs...)
	return g.Handler.Handle(ctx, out)
}

// WithAttrs redacts what a logger carries along.
func (g guard) WithAttrs(attrs []slog.Attr) slog.Handler {
	cleaned := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		cleaned[i] = clean(a)
	}
	return guard{g.Handler.WithAttrs(cleaned)}
}

// WithGroup keeps the guard in front.
func (g guard) WithGroup(name string) slog.Handler { return guard{g.Handler.WithGroup(name)} }

// secretNames are keys whose value is never written, whatever it looks like.
var secretNames = map[string]bool{
	"password": true, "passphrase": true, "secret": true, "token": true, "key": true, "cookie": true, "authorization": true,
	"phone": true, "email": true, "to": true, "from": true, "addr": true, "ip": true, "code": true, "body": true, "text": true,
}

func clean(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		group := make([]slog.Attr, 0, len(v.Group()))
		for _, below := range v.Group() {
			group = append(group, clean(below))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	}
	if secretNames[a.Key] {
		return slog.String(a.Key, redacted)
	}
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Redact(v.String()))
	case slog.KindAny:
		return slog.String(a.Key, Redact(inText(v.Any())))
	}
	return slog.Attr{Key: a.Key, Value: v}
}

func inText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	case []byte:
		return redacted
	}
	if b, err := json.Marshal(v); err == nil {
		return strings.Trim(string(b), `"`)
	}
	return fmt.Sprintf("%T", v)
}

// What is blotted out of texts.
var (
	emailForm    = regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*\.\p{L}{2,}`)
	phoneForm    = regexp.MustCompile(`\+[1-9][0-9]{0,3}[ -]?[0-9][0-9 -]{5,14}[0-9]|\b1[3-9][0-9]{9}\b`)
	secretForm   = regexp.MustCompile(`\b[A-Za-z0-9_-]{43,}\b`)
	userinfoForm = regexp.MustCompile(`//[^/@\s:]*:[^/@\s]*@`)
	addressForm  = regexp.MustCompile(`\b[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]+\b|\[[0-9a-fA-F:]+(%[0-9a-zA-Z]+)?\]:[0-9]+`)
)

// Redact blots e-mail addresses, phone numbers, tokens, passwords in addresses
// and socket addresses out of a text. A text with none of them is returned as it is, fast.
func Redact(s string) string {
	if !suspicious(s) {
		return s
	}
	s = userinfoForm.ReplaceAllString(s, "//"+redacted+"@")
	s = emailForm.ReplaceAllString(s, redacted)
	s = addressForm.ReplaceAllString(s, redacted)
	s = phoneForm.ReplaceAllString(s, redacted)
	return secretForm.ReplaceAllString(s, redacted)
}

// suspicious passes over the text once: an @, a long run of digits, a long run
// of the letters of tokens, or a digit or bracket before a colon and a digit.
func suspicious(s string) bool {
	digits, letters := 0, 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '@':
			return true
		case c >= '0' && c <= '9':
			digits++
			letters++
			if i >= 2 && s[i-1] == ':' && (s[i-2] == ']' || s[i-2] >= '0' && s[i-2] <= '9') {
				return true
			}
		case c == ' ' || c == '-':
			letters++ // phone numbers are written in groups
			if c == ' ' {
				letters = 0
			}
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
			digits = 0
			letters++
		default:
			digits, letters = 0, 0
		}
		if digits >= 7 || letters >= 43 {
			return true
		}
	}
	return false
}
