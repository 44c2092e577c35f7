package httpd

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type sample struct {
	Name   string `json:"name"`
	Count  int    `json:"count"`
	On     bool   `json:"on"`
	Device *struct {
		Kind string `json:"kind"`
	} `json:"device"`
	Any any `json:"any"`
}

func TestS126_json(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		code, field      string
	}{
		{"right", "application/json", `{"name":"é","count":3,"on":true,"device":{"kind":"phone"}}`, "", ""},
		{"charset", "application/json; charset=UTF-8", `{}`, "", ""},
		{"spaces around", "application/json", " {} \n", "", ""},
		{"no type", "", `{}`, "media_type", ""},
		{"text", "text/plain", `{}`, "media_type", ""},
		{"suffix", "application/problem+json", `{}`, "media_type", ""},
		{"other charset", "application/json; charset=latin1", `{}`, "media_type", ""},
		{"unknown name", "application/json", `{"admin":true}`, "invalid_json", ""},
		{"unknown name below", "application/json", `{"device":{"kind":"a","x":1}}`, "invalid_json", ""},
		{"duplicate", "application/json", `{"name":"a","name":"b"}`, "invalid_json", ""},
		{"duplicate by escape", "application/json", `{"name":"a","n\u0061me":"b"}`, "invalid_json", ""},
		{"duplicate inside any", "application/json", `{"any":{"a":1,"a":2}}`, "invalid_json", ""},
		{"other case", "application/json", `{"Name":"a"}`, "invalid_json", ""},
		{"two values", "application/json", `{}{}`, "invalid_json", ""},
		{"trailing", "application/json", `{} x`, "invalid_json", ""},
		{"empty", "application/json", ``, "invalid_json", ""},
		{"byte order mark", "application/json", "\xef\xbb\xbf{}", "invalid_json", ""},
		{"invalid UTF-8", "application/json", "{\"name\":\"\xff\"}", "invalid_json", ""},
		{"lone surrogate", "application/json", `{"name":"\ud800"}`, "invalid_json", ""},
		{"control", "application/json", "{\"name\":\"a\nb\"}", "invalid_json", ""},
		{"comment", "application/json", `{/**/}`, "invalid_json", ""},
		{"wrong type", "application/json", `{"name":5}`, "invalid_input", "name"},
		{"number as text", "application/json", `{"count":"5"}`, "invalid_input", "count"},
		{"fraction", "application/json", `{"count":1.5}`, "invalid_input", "count"},
		{"huge number", "application/json", `{"count":99999999999999999999}`, "invalid_input", "count"},
		{"below", "application/json", `{"device":{"kind":[]}}`, "invalid_input", "device.kind"},
		{"not an object", "application/json", `[]`, "invalid_input", ""},
		{"16 deep", "application/json", `{"any":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`, "", ""},
		{"17 deep", "application/json", `{"any":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, "invalid_json", ""},
		{"very deep", "application/json", strings.Repeat("[", 60000), "invalid_json", ""},
		{"brackets in text", "application/json", `{"name":"` + strings.Repeat("[", 50) + `\"["}`, "", ""},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		var v sample
		f := fault.From(DecodeJSON(r, &v))
		switch {
		case f == nil && c.code != "":
			t.Errorf("%s is taken as %+v", c.name, v)
		case f != nil && (f.Code != c.code || f.Field != c.field):
			t.Errorf("%s: %s %q", c.name, f.Code, f.Field)
		}
	}
}

func TestS126_twoTypes(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{}`))
	r.Header["Content-Type"] = []string{"application/json", "text/plain"}
	if err := DecodeJSON(r, &sample{}); fault.From(err) == nil {
		t.Error("two content types are taken")
	}
}

// FuzzJSON: whatever we take, the standard decoder reads the same from it.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"name":"a","device":{"kind":"b"}}`))
	f.Add([]byte(`{"name":"a","n\u0061me":"b"}`))
	f.Add([]byte(`{"any":[[[[{"x":1e400}]]]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var mine, std sample
		err := UnmarshalJSON(body, &mine)
		if err != nil {
			if fault.From(err) == nil {
				t.Errorf("not a fault: %v", err)
			}
			return
		}
		if !json.Valid(body) {
			t.Errorf("%q is taken and is no JSON", body)
		}
		if err := json.Unmarshal(body, &std); err != nil {
			t.Skip() // limits of the other decoder
		}
		if mine.Name != std.Name || mine.Count != std.Count || mine.On != std.On || (mine.Device == nil) != (std.Device == nil) {
			t.Errorf("%q: %+v and %+v", body, mine, std)
		}
	})
}
