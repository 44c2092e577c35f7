package provider

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// retryMost is the longest pause that a vendor can make us name.
const retryMost = 24 * time.Hour

// Down is what a status alone says: Temporary for 5xx, RateLimited for 429, each with
// the vendor's Retry-After, and Malformed for 3xx and 1xx, because no redirect is
// followed. Nil: the body has to say it.
func (a Answer) Down(now time.Time) *Failure {
	var f *Failure
	switch {
	case a.Status >= 500:
		f = Fail(Temporary, strconv.Itoa(a.Status))
	case a.Status == http.StatusTooManyRequests:
		f = Fail(RateLimited, strconv.Itoa(a.Status))
	case a.Status < 200, a.Status >= 300 && a.Status < 400:
		return Fail(Malformed, strconv.Itoa(a.Status))
	default:
		return nil
	}
	if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil && s > 0 {
		f.RetryAt = now.Add(min(time.Duration(min(s, 1<<20))*time.Second, retryMost))
	} else if at, err := http.ParseTime(a.Header.Get("Retry-After")); err == nil && at.After(now) && at.Before(now.Add(retryMost)) {
		f.RetryAt = at
	}
	return f
}

// Object reads the body as one JSON object, whatever its media type says: names count
// by case, a name twice and broken UTF-8 are refused. It fails with a Malformed
// *Failure that shows nothing of the body.
func (a Answer) Object(into any) error { return ReadObject(a.Body, into) }

// ReadObject is Answer.Object for text from elsewhere.
func ReadObject(text []byte, into any) error {
	if text = bytes.TrimSpace(text); len(text) == 0 || text[0] != '{' {
		return Fail(Malformed, "no_object")
	}
	if err := json.Unmarshal(text, into); err != nil {
		return Fail(Malformed, "json")
	}
	return nil
}

// Text is a JSON string or number, read as text: vendors switch between the two for
// IDs, codes and lifetimes. A number stands as it was written.
type Text string

// UnmarshalJSON reads a string or a number; null is empty, anything else is an error.
func (t *Text) UnmarshalJSON(raw []byte) error {
	v := jsontext.Value(raw)
	switch v.Kind() {
	case 'n':
		*t = ""
	case '0':
		*t = Text(v)
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*t = Text(s)
	default:
		return Fail(Malformed, "type")
	}
	return nil
}

// Int is the number that the text is; ok is false if it is none.
func (t Text) Int() (n int64, ok bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(string(t)), 10, 64)
	return n, err == nil
}
