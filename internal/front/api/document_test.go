package api_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

var update = flag.Bool("update", false, "write the papers in docs anew")

// paper compares a file of docs with what the code says, or writes it.
func paper(t *testing.T, name string, want []byte) {
	t.Helper()
	file := filepath.Join("..", "..", "..", "docs", name)
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("docs/%s is not what the code says; run go test ./internal/front/api -update\n%s", name, diff)
	}
}

func oneHouse(t *testing.T) *house {
	t.Helper()
	c := clock.At(sqldbtest.Start)
	return newHouse(t, sqldbtest.SQLite(t, c), c)
}

func TestDocument_IsThePaper(t *testing.T) {
	h := oneHouse(t)
	r := h.send(call{method: "GET", path: "/api/openapi.json"}).want(200, "")
	if r.header.Get("Content-Type") != "application/json" {
		t.Errorf("it is %s", r.header.Get("Content-Type"))
	}
	paper(t, "openapi.json", []byte(r.text+"\n"))
}

// each visits every object of a JSON value with its path.
func visit(v any, at string, f func(at string, m map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		f(at, v)
		for name, inner := range v {
			visit(inner, at+"/"+name, f)
		}
	case []any:
		for _, inner := range v {
			visit(inner, at+"[]", f)
		}
	}
}

func TestDocument_IsWhole(t *testing.T) {
	h := oneHouse(t)
	s := h.doc
	if s.raw["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", s.raw["openapi"])
	}
	used := map[string]bool{}
	visit(s.raw, "", func(at string, m map[string]any) {
		ref, is := m["$ref"].(string)
		if !is {
			return
		}
		used[ref] = true
		if _, fault := s.resolve(m); fault != "" {
			t.Errorf("%s: %s", at, fault)
		}
	})
	components := s.raw["components"].(map[string]any)
	for name := range components["schemas"].(map[string]any) {
		if !used["#/components/schemas/"+name] {
			t.Errorf("nothing uses the schema %s", name)
		}
	}
	ids := map[string]string{}
	for path, item := range s.paths {
		if strings.HasPrefix(path, "/lab") {
			t.Errorf("the lab is in the document: %s", path)
		}
		for method, o := range item {
			h.checkOperation(path, method, o.(map[string]any), ids)
		}
	}
	schemes := components["securitySchemes"].(map[string]any)
	if schemes["cookie"].(map[string]any)["name"] != "__Host-session" || schemes["bearer"].(map[string]any)["scheme"] != "bearer" {
		t.Errorf("the security schemes are %v", schemes)
	}
}

func (h *house) checkOperation(path, method string, o map[string]any, ids map[string]string) {
	t, id := h.t, o["operationId"].(string)
	t.Helper()
	if ids[id] != "" {
		t.Errorf("%s is the operation of %s and of %s", id, ids[id], path)
	}
	ids[id] = path
	if o["summary"] == "" || len(o["tags"].([]any)) != 1 {
		t.Errorf("%s says too little of itself", id)
	}
	declared := map[string]bool{}
	list, _ := o["parameters"].([]any)
	for _, p := range list {
		declared[p.(map[string]any)["name"].(string)] = true
		if p.(map[string]any)["description"] == nil {
			t.Errorf("%s: the parameter %s is not explained", id, p.(map[string]any)["name"])
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		if name := strings.Trim(part, "{}"); name != part && !declared[name] {
			t.Errorf("%s does not declare {%s}", id, name)
		}
	}
	if strings.HasPrefix(path, "/api/v1/journeys/{id}") != declared["Journey-Key"] {
		t.Errorf("%s: Journey-Key is declared: %v", id, declared["Journey-Key"])
	}
	responses := o["responses"].(map[string]any)
	h.checkRefusals(id, responses)
	_, secured := o["security"]
	if _, says := responses["401"]; secured && !says {
		t.Errorf("%s needs a session and never answers 401", id)
	}
	if method != "get" && !strings.Contains(o["description"].(string), "Sent again") {
		t.Errorf("%s does not say what it does when it is sent again (R-03)", id)
	}
}

// checkRefusals holds the codes of an operation against the declared faults.
func (h *house) checkRefusals(id string, responses map[string]any) {
	h.t.Helper()
	for status, response := range responses {
		if status < "400" {
			continue
		}
		codes := codesOf(response.(map[string]any))
		if len(codes) == 0 {
			h.t.Errorf("%s: %s has no codes", id, status)
		}
		for _, code := range codes {
			i := slices.IndexFunc(fault.All(), func(f *fault.Fault) bool { return f.Code == code })
			if i < 0 || status != "default" && http.StatusText(fault.All()[i].Status) != response.(map[string]any)["description"] {
				h.t.Errorf("%s: %s does not belong to %s", id, code, status)
			}
		}
	}
}

// The examples fit their schemas, and the house takes those of requests.
func TestDocument_ExamplesAreTrue(t *testing.T) {
	h := oneHouse(t)
	n := 0
	for _, item := range h.doc.paths {
		for _, o := range item {
			o := o.(map[string]any)
			id := o["operationId"].(string)
			check := func(of string, content any) {
				media, _ := content.(map[string]any)
				m, _ := media["application/json"].(map[string]any)
				examples, _ := m["examples"].(map[string]any)
				for name, e := range examples {
					n++
					for _, fault := range h.doc.validate(m["schema"], e.(map[string]any)["value"], name) {
						t.Errorf("%s, %s: %s", id, of, fault)
					}
				}
				if m != nil && len(examples) == 0 {
					t.Errorf("%s has no example of its %s", id, of)
				}
			}
			if b, ok := o["requestBody"].(map[string]any); ok {
				check("body", b["content"])
			}
			for status, r := range o["responses"].(map[string]any) {
				if status < "300" {
					check("answer", r.(map[string]any)["content"])
				}
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d examples", n)
	}
}

// What the contract shows works as it stands there.
func TestDocument_ContractWalk(t *testing.T) {
	each(t, func(h *house) {
		j, r := h.begin(`{"kind":"signin", "region":"intl", "locale":"en", "device":{"name":"Pixel 9","kind":"phone"}}`)
		for _, name := range []string{"id", "key", "kind", "expires_at", "step"} {
			if r.at(name) == nil {
				t.Errorf("the answer to the beginning has no %s", name)
			}
		}
		r = j.give(`{"input":"phone", "phone":"+8613800138000"}`).want(200, "").step("code")
		for name, want := range map[string]any{"channel": "sms", "to": "+86 138 **** 8000", "length": 6.0} {
			if got := r.at("step." + name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		for _, name := range []string{"expires_at", "resend_at", "inputs", "delivery"} {
			if r.at("step."+name) == nil {
				t.Errorf("the step code has no %s", name)
			}
		}
		r = j.input("code", "code", h.box.code("+8613800138000")).want(200, "").step("done")
		for _, name := range []string{"account.id", "account.nickname", "created", "session.token", "session.expires_at"} {
			if r.at("step."+name) == nil {
				t.Errorf("the step done has no %s", name)
			}
		}
	})
}

// The commands of the page are the calls that they describe.
func TestDocs_TheWalkWorks(t *testing.T) {
	h := oneHouse(t)
	page := h.send(call{method: "GET", path: "/api/docs"})
	if page.status != 200 {
		t.Fatal(page.status, page.text)
	}
	commands := commandsOf(t, page.text)
	if len(commands) != 4 {
		t.Fatalf("the page has %d commands", len(commands))
	}
	known := map[string]string{}
	var last reply
	for _, c := range commands {
		for name, value := range known {
			c.path, c.body = strings.ReplaceAll(c.path, name, value), strings.ReplaceAll(c.body, name, value)
			c.key, c.token = strings.ReplaceAll(c.key, name, value), strings.ReplaceAll(c.token, name, value)
		}
		if last = h.send(c); last.status >= 300 {
			t.Fatalf("%s %s: %d %s", c.method, c.path, last.status, last.text)
		}
		for name, path := range map[string]string{"ID": "id", "KEY": "key", "TOKEN": "step.session.token"} {
			if v := last.str(path); v != "" && known[name] == "" {
				known[name] = v
			}
		}
		if strings.Contains(c.body, `"phone":"+`) {
			known["CODE"] = h.box.code("+14155550123")
		}
	}
	if last.str("account.id") == "" {
		t.Errorf("the walk ends with %s", last.text)
	}
}

func TestDocs_TellOfEverything(t *testing.T) {
	h := oneHouse(t)
	for _, l := range []string{"en", "zh-Hans"} {
		r := h.send(call{method: "GET", path: "/api/docs", change: headers("Accept-Language", l)})
		for path, item := range h.doc.paths {
			for method, o := range item {
				for _, text := range []string{strings.ToUpper(method) + " " + path, `id="` + o.(map[string]any)["operationId"].(string) + `"`} {
					if !strings.Contains(r.text, text) {
						t.Errorf("%s: the page lacks %s", l, text)
					}
				}
				for _, response := range o.(map[string]any)["responses"].(map[string]any) {
					for _, code := range codesOf(response.(map[string]any)) {
						if !strings.Contains(r.text, `id="code-`+code+`"`) {
							t.Errorf("%s: the page lacks the code %s", l, code)
						}
					}
				}
			}
		}
		for _, bad := range []string{"page.docs.", "<script", "fault.", "%!", "ZgotmplZ"} {
			if strings.Contains(r.text, bad) {
				t.Errorf("%s: the page holds %q", l, bad)
			}
		}
		if !strings.Contains(r.header.Get("Content-Security-Policy"), "nonce-") {
			t.Errorf("the page has no policy of pages: %v", r.header)
		}
	}
}
