package httpgw

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
)

// Dialect is how a carrier spells. A path ("messages.0.id") names a member of a
// JSON answer: members by name, elements by number, joined by dots.
type Dialect struct {
	// Path is added to Config.Base. It takes no placeholders.
	Path string
	// ContentType is "application/json" or "application/x-www-form-urlencoded".
	ContentType string
	// Body is the request's body with places {id} {to} {to_digits} {from} {text}
	// {callback} {expires_at}. In JSON each place stands inside quotation marks; in
	// a form each place is a value. What is filled in is escaped.
	Body string
	// KeyHeader carries the message's id, so that a repetition sends nothing; "": the
	// carrier has no such header and nothing is ever repeated.
	KeyHeader string

	// ID is the path of the carrier's id in the answer; "": it answers none, and its receipts name ours.
	ID string
	// Status is the path of a word that must be one of OK for the text to be taken; "": the HTTP status says it.
	Status string
	OK     []string
	// Error is the path of the word that says what is wrong, and Errors what it means.
	Error  string
	Errors map[string]Meaning

	Event EventDialect
}

// Meaning is what a carrier's word means to us.
type Meaning struct {
	Class  attempt.Class
	Reason string
}

// EventDialect is how a carrier reports. Reports are JSON objects, JSON arrays of
// them, or forms.
type EventDialect struct {
	ID, At                 string // paths in either kind of report
	MessageID              string // of receipts; a report that has it is one
	State, Reason          string
	States, Reasons        map[string]string // the carrier's words to sms.State and to attempt's reasons
	From, To, Text         string            // of texts from people
	TimeHeader, SignHeader string            // "" takes X-Signature-Timestamp and X-Signature
}

// Default is the dialect of docs/protocols/http-carrier.md.
func Default() Dialect {
	refused := map[string]Meaning{
		"number_unknown":     {attempt.Permanent, attempt.NumberUnknown},
		"not_mobile":         {attempt.Permanent, attempt.NotMobile},
		"blocked":            {attempt.Permanent, attempt.Blocked},
		"country_not_served": {attempt.Elsewhere, attempt.CountryNotServed},
		"filtered":           {attempt.Elsewhere, attempt.Filtered},
		"service":            {attempt.Elsewhere, attempt.Service},
	}
	reasons := map[string]string{}
	for _, r := range []string{attempt.HandsetOff, attempt.NumberUnknown, attempt.NotMobile, attempt.Blocked, attempt.Filtered, attempt.Expired, attempt.Service, attempt.Unknown} {
		reasons[r] = r
	}
	return Dialect{
		Path:        "/messages",
		ContentType: jsonType,
		Body:        `{"id":"{id}","to":"{to}","from":"{from}","text":"{text}","callback":"{callback}","expires_at":"{expires_at}"}`,
		KeyHeader:   "Idempotency-Key",
		ID:          "id",
		Error:       "error",
		Errors:      refused,
		Event: EventDialect{
			ID: "id", At: "at", MessageID: "message_id", State: "state", Reason: "reason",
			States:  map[string]string{"sent": "sent", "delivered": "delivered", "failed": "failed"},
			Reasons: reasons, From: "from", To: "to", Text: "text",
		},
	}
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

var place = regexp.MustCompile(`\{[a-z_]+\}`)

var places = map[string]bool{"{id}": true, "{to}": true, "{to_digits}": true, "{from}": true, "{text}": true, "{callback}": true, "{expires_at}": true}

// check finds what is wrong with a dialect, all at once.
func (d Dialect) check() error {
	var faults []error
	filled := d.fill(func(string) string { return "x" })
	switch d.ContentType {
	case jsonType:
		if !json.Valid([]byte(filled)) {
			faults = append(faults, errors.New("body is not JSON once its places are filled"))
		}
	case formType:
		if _, err := url.ParseQuery(filled); err != nil || strings.ContainsAny(filled, " \r\n") {
			faults = append(faults, errors.New("body is not a form once its places are filled"))
		}
	default:
		faults = append(faults, fmt.Errorf("content type %q is neither %s nor %s", d.ContentType, jsonType, formType))
	}
	for _, p := range place.FindAllString(d.Body, -1) {
		if !places[p] {
			faults = append(faults, fmt.Errorf("body has an unknown place %s", p))
		}
	}
	if !strings.Contains(d.Body, "{text}") || !strings.Contains(d.Body, "{to}") && !strings.Contains(d.Body, "{to_digits}") {
		faults = append(faults, errors.New("body lacks the place {text} or {to}"))
	}
	for word, m := range d.Errors {
		if m.Class != attempt.Temporary && m.Class != attempt.Elsewhere && m.Class != attempt.Permanent || !attempt.Known(m.Reason) {
			faults = append(faults, fmt.Errorf("errors: %q means nothing that is known", word))
		}
	}
	for word, state := range d.Event.States {
		if state != "sent" && state != "delivered" && state != "failed" {
			faults = append(faults, fmt.Errorf("states: %q is no state", word))
		}
	}
	for word, reason := range d.Event.Reasons {
		if !attempt.Known(reason) {
			faults = append(faults, fmt.Errorf("reasons: %q is no reason", word))
		}
	}
	return errors.Join(faults...)
}

// fill replaces each place once; what is filled in is not looked at again.
func (d Dialect) fill(value func(place string) string) string {
	return place.ReplaceAllStringFunc(d.Body, value)
}

// escape fits a value into the body: into a JSON string, or into a form.
func (d Dialect) escape(value string) string {
	if d.ContentType == formType {
		return url.QueryEscape(value)
	}
	quoted, err := json.Marshal(value) // invalid UTF-8 becomes U+FFFD
	if err != nil {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

// at finds a path in a decoded JSON value or a form; "" if there is nothing. Numbers and
// booleans become text, because carriers change their minds about quotation marks.
func at(v any, path string) string {
	if path == "" {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(node) {
				return ""
			}
			v = node[i]
		default:
			return ""
		}
	}
	switch leaf := v.(type) {
	case string:
		return leaf
	case json.Number:
		return leaf.String()
	case bool:
		return strconv.FormatBool(leaf)
	}
	return ""
}
