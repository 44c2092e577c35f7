package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// spec is the served document, read as any client would.
type spec struct {
	raw   map[string]any
	paths map[string]map[string]any
}

// came notes which refusals came in all tests: "operationId code".
var came = struct {
	sync.Mutex
	codes map[string]bool
	doc   *spec
}{codes: map[string]bool{}}

func readSpec(t *testing.T, h *house) *spec {
	t.Helper()
	r := httptest.NewRequest("GET", "/api/openapi.json", nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	s := &spec{paths: map[string]map[string]any{}}
	if err := json.Unmarshal(w.Body.Bytes(), &s.raw); err != nil {
		t.Fatal(err)
	}
	for path, item := range s.raw["paths"].(map[string]any) {
		s.paths[path] = item.(map[string]any)
	}
	came.Lock()
	came.doc = s
	came.Unlock()
	return s
}

// operation finds what the document says of a request; nil if nothing.
func (s *spec) operation(r *http.Request) map[string]any {
	if r.Method != strings.ToUpper(r.Method) {
		return nil // it is another method (RFC 9110 section 9.1)
	}
	method := strings.ToLower(r.Method)
	if method == "head" {
		method = "get"
	}
	best, found := -1, map[string]any(nil)
	for path, item := range s.paths {
		want, got := strings.Split(path, "/"), strings.Split(r.URL.Path, "/")
		exact := 0
		if len(want) != len(got) || !slices.EqualFunc(want, got, func(w, g string) bool {
			if w == g {
				exact++
			}
			return w == g || strings.HasPrefix(w, "{")
		}) {
			continue
		}
		if o, ok := item[method].(map[string]any); ok && exact > best {
			best, found = exact, o
		}
	}
	return found
}

// check holds an answer against the document: its status, its type, every
// member of its body, and the code of a refusal (S-133).
func (s *spec) check(t *testing.T, r *http.Request, got reply) {
	t.Helper()
	o := s.operation(r)
	if o == nil {
		if got.status < 400 && strings.HasPrefix(r.URL.Path, "/api/v1") {
			t.Errorf("%s %s is not in the document", r.Method, r.URL.Path)
		}
		return
	}
	id := o["operationId"].(string)
	came.Lock()
	came.codes[id+" "+got.str("code")] = true
	came.Unlock()
	responses := o["responses"].(map[string]any)
	response, ok := responses[strconv.Itoa(got.status)].(map[string]any)
	code := got.str("code")
	if !ok || got.status >= 400 && !s.lists(response, code) {
		if response, _ = responses["default"].(map[string]any); got.status < 400 || !s.lists(response, code) {
			t.Errorf("%s: the document does not know the answer %d %s", id, got.status, code)
			return
		}
	}
	content, _ := response["content"].(map[string]any)
	kind := got.header.Get("Content-Type")
	if content == nil || r.Method == http.MethodHead {
		if got.text != "" {
			t.Errorf("%s: %d came with a body", id, got.status)
		}
		return
	}
	media, ok := content[kind].(map[string]any)
	if !ok {
		t.Errorf("%s: the document does not know the type %q of %d", id, kind, got.status)
		return
	}
	if strings.Contains(kind, "json") {
		for _, fault := range s.validate(media["schema"], any(got.json), "") {
			t.Errorf("%s: %d: %s in %s", id, got.status, fault, got.text)
		}
	}
}

// codes are the codes that a response lists.
func codesOf(response map[string]any) []string {
	var out []string
	content, _ := response["content"].(map[string]any)
	media, _ := content["application/problem+json"].(map[string]any)
	schema, _ := media["schema"].(map[string]any)
	all, _ := schema["allOf"].([]any)
	for _, part := range all {
		properties, _ := part.(map[string]any)["properties"].(map[string]any)
		code, _ := properties["code"].(map[string]any)
		list, _ := code["enum"].([]any)
		for _, c := range list {
			out = append(out, c.(string))
		}
	}
	return out
}

func (s *spec) lists(response map[string]any, code string) bool {
	return code != "" && slices.Contains(codesOf(response), code)
}

func (s *spec) resolve(schema any) (map[string]any, string) {
	m, _ := schema.(map[string]any)
	for m["$ref"] != nil {
		var v any = s.raw
		for part := range strings.SplitSeq(strings.TrimPrefix(m["$ref"].(string), "#/"), "/") {
			v = v.(map[string]any)[part]
		}
		next, ok := v.(map[string]any)
		if !ok {
			return nil, "the reference " + m["$ref"].(string) + " leads nowhere"
		}
		m = next
	}
	return m, ""
}

// validate is the part of JSON Schema 2020-12 that the document uses. Members
// that the schema does not name are faults, although clients have to pass over them.
func (s *spec) validate(schema, v any, at string) []string {
	m, fault := s.resolve(schema)
	if fault != "" {
		return []string{fault}
	}
	if all, ok := m["allOf"].([]any); ok {
		var out []string
		for i, part := range all {
			if i == 0 {
				out = append(out, s.validate(part, v, at)...)
				continue
			}
			for name, p := range part.(map[string]any)["properties"].(map[string]any) {
				out = append(out, s.validate(p, v.(map[string]any)[name], at+"."+name)...)
			}
		}
		return out
	}
	if one, ok := m["oneOf"].([]any); ok {
		return s.oneOf(m, one, v, at)
	}
	if enum, ok := m["enum"].([]any); ok && !slices.ContainsFunc(enum, func(e any) bool { return reflect.DeepEqual(e, v) }) {
		return []string{at + " is none of the listed values"}
	}
	switch m["type"] {
	case "object":
		return s.object(m, v, at)
	case "array":
		list, ok := v.([]any)
		if !ok {
			return []string{at + " is no array"}
		}
		var out []string
		for _, item := range list {
			out = append(out, s.validate(m["items"], item, at+"[]")...)
		}
		return out
	}
	return scalar(m, v, at)
}

func (s *spec) oneOf(m map[string]any, one []any, v any, at string) []string {
	d := m["discriminator"].(map[string]any)
	o, _ := v.(map[string]any)
	kind, _ := o[d["propertyName"].(string)].(string)
	ref, ok := d["mapping"].(map[string]any)[kind]
	if !ok || !slices.ContainsFunc(one, func(x any) bool { return x.(map[string]any)["$ref"] == ref }) {
		return []string{at + " is of no listed kind"}
	}
	return s.validate(map[string]any{"$ref": ref}, v, at)
}

func (s *spec) object(m map[string]any, v any, at string) []string {
	o, ok := v.(map[string]any)
	if !ok {
		return []string{at + " is no object"}
	}
	var out []string
	properties, _ := m["properties"].(map[string]any)
	for name, value := range o {
		switch p, known := properties[name]; {
		case known:
			out = append(out, s.validate(p, value, at+"."+name)...)
		case m["additionalProperties"] == true: // JSON of somebody else's making
		case m["additionalProperties"] != nil && m["additionalProperties"] != false:
			out = append(out, s.validate(m["additionalProperties"], value, at+"."+name)...)
		default:
			out = append(out, at+"."+name+" is not documented")
		}
	}
	required, _ := m["required"].([]any)
	for _, name := range required {
		if _, there := o[name.(string)]; !there {
			out = append(out, at+"."+name.(string)+" is missing")
		}
	}
	return out
}

func scalar(m map[string]any, v any, at string) []string {
	ok := true
	switch m["type"] {
	case "string":
		var text string
		if text, ok = v.(string); ok && m["format"] == "date-time" {
			_, err := time.Parse(time.RFC3339, text)
			ok = err == nil && strings.HasSuffix(text, "Z")
		}
	case "integer":
		n, is := v.(float64)
		ok = is && n == float64(int64(n))
	case "boolean":
		_, ok = v.(bool)
	case nil:
		return []string{at + " has no type in the document"}
	}
	if !ok {
		return []string{at + " does not fit its type"}
	}
	return nil
}

func TestSpec_ValidatorRefuses(t *testing.T) {
	s := &spec{raw: map[string]any{}}
	object := map[string]any{"type": "object", "required": []any{"a"}, "properties": map[string]any{
		"a": map[string]any{"type": "string", "enum": []any{"x"}}, "n": map[string]any{"type": "integer"}, "at": map[string]any{"type": "string", "format": "date-time"}}}
	for text, faults := range map[string]int{
		`{"a":"x","n":1,"at":"2026-11-22T10:00:00Z"}`: 0, `{"a":"y"}`: 1, `{}`: 1, `{"a":"x","z":1}`: 1, `{"a":"x","n":1.5}`: 1,
		`{"a":"x","at":"2026-11-22"}`: 1, `{"a":1}`: 1, `[]`: 1, `{"a":"x","n":null}`: 1,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got := s.validate(object, v, ""); len(got) != faults {
			t.Errorf("%s: %v, want %d faults", text, got, faults)
		}
	}
}
