package httpd

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// maxDepth is how deep JSON may nest.
const maxDepth = 16

// DecodeJSON reads the body into v, strictly (S-126): exactly application/json,
// the route's size, 16 levels, one value, valid UTF-8, no duplicate and no
// unknown names, names compared with their case. Faults: media_type,
// body_too_large, invalid_json (400), and invalid_input (422) with the field for a
// value of the wrong type.
func DecodeJSON(r *http.Request, v any) error {
	if kind, ok := contentType(r); !ok || kind != "application/json" {
		return UnsupportedMedia
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if large := tooLarge(err); large != err {
			return large
		}
		return InvalidJSON.Because(err)
	}
	return UnmarshalJSON(body, v)
}

// UnmarshalJSON is DecodeJSON for a body already read.
func UnmarshalJSON(body []byte, v any) error {
	if tooDeep(body) {
		return InvalidJSON
	}
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	// The decoder's text may quote the input: it stays out of the cause.
	if s, ok := errors.AsType[*json.SemanticError](err); ok && s.Err != json.ErrUnknownName {
		return fault.InvalidInput.On(fieldOf(s.JSONPointer))
	}
	return InvalidJSON
}

// fieldOf turns "/device/name" into "device.name"; what does not look like a
// name of ours is not repeated.
func fieldOf(p jsontext.Pointer) string {
	field := strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
	if len(field) > 64 {
		return ""
	}
	for _, c := range field {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return ""
		}
	}
	return field
}

// tooDeep counts brackets outside strings, so that depth is bounded before any
// decoder recurses.
func tooDeep(body []byte) bool {
	depth, inString, escaped := 0, false, false
	for _, c := range body {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
