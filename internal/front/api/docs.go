package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

//go:embed docs.html
var docsText string

// docsPage is the page of the API: the document for people. Sentences about the
// whole are in the reader's language; what the calls say of themselves is the
// document's, in English.
type docsPage struct {
	voice   locale.Voice
	Server  string
	Lang    locale.Tag
	Dir     string
	Walk    []walkStep
	Groups  []docsGroup
	Steps   []docsStep
	Inputs  []docsInput
	Codes   []docsCode
	Foreign bool // the reader's language is not the document's
}

// T says a message.
func (p docsPage) T(key string, args ...any) string { return p.voice.T(key, args...) }

type docsGroup struct {
	Name  string
	Calls []docsCall
}

type docsCall struct {
	ID, Method, Path, Summary, About, Repeat string
	Session, Key                             bool
	Sent                                     []docsMember
	Query                                    []docsMember
	Answer                                   []docsMember
	Example, Result                          string
	Status                                   int
	StatusText                               string
	Codes                                    []string
}

type docsMember struct {
	Name, Type, About string
	Optional          bool
	Enum              []string
}

type docsStep struct {
	Type, When string
	Inputs     []string
	Members    []docsMember
}

type docsInput struct {
	Name, About string
	Fields      []docsMember
	Codes       []string
}

type docsCode struct {
	Code          string
	Status        int
	Title, Detail string
	Help          string // "" without an article
}

// walkStep is one command of the introduction.
type walkStep struct{ Key, Command, Answer string }

// walk is the way to a session in four calls, as commands of a shell.
func walk(server string) []walkStep {
	send := func(path, key, body string) string {
		c := "curl " + server + path
		if key != "" {
			c += " \\\n  -H 'Journey-Key: " + key + "'"
		}
		return c + " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + body + "'"
	}
	return []walkStep{
		{"begin", send("/api/v1/journeys", "", beginExamples[0].body), `{"id":"ID","key":"KEY","step":{"type":"identify","inputs":["phone","email","username"]}}`},
		{"phone", send("/api/v1/journeys/ID", "KEY", `{"input":"phone","phone":"+14155550123"}`),
			`{"id":"ID","step":{"type":"code","channel":"sms","to":"+1 415 *** **23","length":6,"inputs":["code","resend","other_way","back"]}}`},
		{"code", send("/api/v1/journeys/ID", "KEY", `{"input":"code","code":"CODE"}`),
			`{"id":"ID","step":{"type":"done","account":{"id":"482109375564","nickname":""},"session":{"token":"TOKEN"}}}`},
		{"session", "curl " + server + "/api/v1/session \\\n  -H 'Authorization: Bearer TOKEN'",
			`{"account":{"id":"482109375564"},"device":{"name":"Pixel 9"}}`},
	}
}

// serveDocs answers the page, where there is a layout to show it in.
func (a *api) serveDocs(doc *huma.OpenAPI) {
	if a.Show == nil {
		return
	}
	t := template.Must(template.New("docs").Option("missingkey=error").Parse(docsText))
	groups, steps := a.docsGroups(doc), docsSteps(doc)
	a.Router.Handle("GET /api/docs", func(w http.ResponseWriter, r *http.Request) error {
		i := httpd.From(r.Context())
		p := docsPage{voice: a.Words.In(i.Locale, i.Zone, a.Router.Now()), Server: a.Server, Lang: i.Locale, Dir: a.Words.Dir(i.Locale), Walk: walk(a.Server), Groups: groups, Steps: steps,
			Inputs: docsInputs(), Foreign: i.Locale != "en"}
		p.Codes = a.docsCodes(p.voice)
		var b bytes.Buffer
		if err := t.Execute(&b, p); err != nil {
			return err
		}
		return a.Show(w, r, p.T("page.docs.title"), template.HTML(b.String()))
	}, httpd.As(a.Page))
}

func (a *api) docsGroups(doc *huma.OpenAPI) []docsGroup {
	var groups []docsGroup
	for _, c := range a.calls {
		i := slices.IndexFunc(groups, func(g docsGroup) bool { return g.Name == c.tag })
		if i < 0 {
			i, groups = len(groups), append(groups, docsGroup{Name: c.tag})
		}
		groups[i].Calls = append(groups[i].Calls, docsCallOf(doc, c))
	}
	return groups
}

func docsCallOf(doc *huma.OpenAPI, c call) docsCall {
	o := operationOf(doc, c)
	d := docsCall{ID: c.id, Method: c.method, Path: c.path, Summary: c.summary, About: c.about, Repeat: c.repeat,
		Session: c.session, Key: c.key, Status: c.status, StatusText: http.StatusText(c.status)}
	for _, p := range o.Parameters {
		if p.In == "query" {
			d.Query = append(d.Query, docsMember{Name: p.Name, Type: "string", About: p.Description, Optional: !p.Required})
		}
	}
	if o.RequestBody != nil {
		if m := o.RequestBody.Content["application/json"]; m != nil && !c.key {
			d.Sent = members(doc, m.Schema, "")
		}
	}
	if m := o.Responses[strconv.Itoa(c.status)].Content["application/json"]; m != nil {
		d.Answer = members(doc, m.Schema, "")
	}
	for _, e := range c.examples {
		if d.Example == "" && d.Result == "" {
			d.Example, d.Result = indented(e.body), indented(e.answer)
		}
	}
	for _, f := range c.refusals() {
		d.Codes = append(d.Codes, f.Code)
	}
	return d
}

func indented(text string) string {
	if text == "" {
		return ""
	}
	var b bytes.Buffer
	_ = json.Indent(&b, []byte(text), "", "  ") // an example of ours
	return b.String()
}

// members lists the members of a schema in the order of their names, those that
// are needed first; what stands in an object or a list of objects follows it
// with its path.
func members(doc *huma.OpenAPI, s *huma.Schema, path string) []docsMember {
	s = resolve(doc, s)
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	needed := func(name string) bool { return slices.Contains(s.Required, name) }
	slices.SortFunc(names, func(a, b string) int {
		if needed(a) != needed(b) {
			if needed(a) {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	var out []docsMember
	for _, name := range names {
		p := s.Properties[name]
		full := resolve(doc, p)
		m := docsMember{Name: path + name, Type: typeName(doc, full), About: p.Description, Optional: !needed(name)}
		for _, v := range full.Enum {
			m.Enum = append(m.Enum, v.(string))
		}
		out = append(out, m)
		switch inner := full; {
		case name == "step" || name == "challenge":
		case inner.Type == "array":
			out = append(out, members(doc, inner.Items, path+name+"[].")...)
		default:
			out = append(out, members(doc, inner, path+name+".")...)
		}
	}
	return out
}

func resolve(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	for s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeName(doc *huma.OpenAPI, s *huma.Schema) string {
	switch {
	case s.Format == "date-time":
		return "time"
	case s.OneOf != nil:
		return "step"
	case s.Type == "array":
		return typeName(doc, resolve(doc, s.Items)) + "[]"
	}
	return s.Type
}

func docsSteps(doc *huma.OpenAPI) []docsStep {
	var out []docsStep
	for _, k := range stepKinds {
		s := docsStep{Type: string(k.kind), When: k.when, Inputs: k.inputs}
		for _, m := range members(doc, refTo(k.schema), "") {
			if m.Name != "type" && m.Name != "inputs" {
				s.Members = append(s.Members, m)
			}
		}
		out = append(out, s)
	}
	return out
}

func docsInputs() []docsInput {
	var out []docsInput
	for _, in := range inputKinds {
		d := docsInput{Name: in.name, About: in.about}
		for _, f := range in.fields {
			d.Fields = append(d.Fields, docsMember{Name: f.name, About: f.about, Optional: f.optional})
		}
		for _, f := range distinct(in.refuses) {
			d.Codes = append(d.Codes, f.Code)
		}
		out = append(out, d)
	}
	return out
}

// docsCodes lists every refusal of the API in the reader's words; what a
// sentence is filled with stands in it as {name}.
func (a *api) docsCodes(v locale.Voice) []docsCode {
	all := slices.Clone(frameFaults)
	for _, c := range a.calls {
		all = append(all, c.refusals()...)
	}
	slices.SortFunc(all, func(x, y *fault.Fault) int { return strings.Compare(x.Code, y.Code) })
	var out []docsCode
	for _, f := range slices.CompactFunc(all, func(x, y *fault.Fault) bool { return x.Code == y.Code }) {
		d := docsCode{Code: f.Code, Status: f.Status, Title: a.bare(v, "fault."+f.Code+".title"), Detail: a.bare(v, "fault."+f.Code+".detail")}
		if a.HasArticle == nil || a.HasArticle(f.Topic) {
			d.Help = "/help/" + f.Topic
		}
		out = append(out, d)
	}
	return out
}

// bare says a message with its places as they are.
func (a *api) bare(v locale.Voice, key string) string {
	var args []any
	for _, place := range a.Words.Places(v.Tag(), key) {
		args = append(args, place, "{"+place+"}")
	}
	return v.T(key, args...)
}
