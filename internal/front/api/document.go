package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

const (
	aboutAPI = "Every step of a journey is handed out as one typed object; every refusal is application/problem+json (RFC 9457) with a stable code. " +
		"Times are RFC 3339 in UTC. Answers may grow: clients ignore members that they do not know. Requests may not: an unknown, repeated or null member is refused."
	aboutBearer = "The session token that the last step of a journey hands out, for apps and devices."
	aboutCookie = "The session of a browser that signed in on the hosted pages. A call that changes something then has to come from our own origin."
	aboutKey    = "The key of the journey, from the answer that began it. Without it, or with another's, the journey is not found."
)

// Schema tells the document that a step is one of the typed ones.
func (anyStep) Schema(r huma.Registry) *huma.Schema {
	if _, done := r.Map()["Step"]; !done {
		s := &huma.Schema{Description: "The present step of a journey.", Discriminator: &huma.Discriminator{PropertyName: "type", Mapping: map[string]string{}}}
		r.Map()["Step"] = s
		for _, k := range stepKinds {
			ref := refTo(k.schema)
			s.OneOf = append(s.OneOf, ref)
			s.Discriminator.Mapping[string(k.kind)] = ref.Ref
			r.Map()[k.schema] = describeStep(r, k)
		}
	}
	return refTo("Step")
}

func refTo(schema string) *huma.Schema { return &huma.Schema{Ref: "#/components/schemas/" + schema} }

// describeStep makes the schema of one step type: its type is a constant, and
// its inputs are those that it may offer.
func describeStep(r huma.Registry, k stepKind) *huma.Schema {
	s := huma.SchemaFromType(r, reflect.TypeOf(k.value))
	s.Description = k.when
	s.Properties["type"] = &huma.Schema{Type: "string", Enum: []any{string(k.kind)}}
	offered := &huma.Schema{Type: "array", Description: "The inputs that this step takes now.", Items: &huma.Schema{Type: "string"}}
	for _, in := range k.inputs {
		offered.Items.Enum = append(offered.Items.Enum, in)
	}
	s.Properties["inputs"] = offered
	if challenge := s.Properties["challenge"]; challenge != nil {
		work := r.Schema(reflect.TypeFor[captcha.Challenge](), true, "")
		s.Properties["challenge"] = &huma.Schema{Ref: work.Ref, Description: challenge.Description}
	}
	for _, name := range []string{"options", "passkey"} {
		if asked := s.Properties[name]; asked != nil {
			options := r.Schema(reflect.TypeFor[passkey.RequestOptions](), true, "")
			s.Properties[name] = &huma.Schema{Ref: options.Ref, Description: asked.Description}
		}
	}
	return s
}

// describeField makes the schema of one field of an input.
func describeField(f inputField) *huma.Schema {
	switch f.holds {
	case "texts":
		return &huma.Schema{Type: "array", Description: f.about, Items: &huma.Schema{Type: "string"}}
	case "object":
		return &huma.Schema{Type: "object", Description: f.about, AdditionalProperties: true}
	}
	return &huma.Schema{Type: "string", Description: f.about, Enum: f.enum}
}

// describeInputs makes the schema of an input: one of the inputs, each with the
// fields that it takes and no others.
func describeInputs(r huma.Registry) *huma.Schema {
	all := &huma.Schema{Description: "One input to a step.", Discriminator: &huma.Discriminator{PropertyName: "input", Mapping: map[string]string{}}}
	for _, in := range inputKinds {
		s := &huma.Schema{Type: "object", Description: in.about, AdditionalProperties: false, Required: []string{"input"},
			Properties: map[string]*huma.Schema{"input": {Type: "string", Enum: []any{in.name}}}}
		for _, f := range in.fields {
			s.Properties[f.name] = describeField(f)
			if !f.optional {
				s.Required = append(s.Required, f.name)
			}
		}
		r.Map()[in.schema] = s
		all.OneOf = append(all.OneOf, refTo(in.schema))
		all.Discriminator.Mapping[in.name] = refTo(in.schema).Ref
	}
	r.Map()["Input"] = all
	return refTo("Input")
}

// describe makes the library's operation of a call.
func (a *api) describe(c call) huma.Operation {
	o := huma.Operation{
		OperationID: c.id, Method: c.method, Path: c.path, Tags: []string{c.tag}, Summary: c.summary, Description: c.about,
		DefaultStatus: c.status, SkipValidateBody: true, SkipValidateParams: true, Responses: map[string]*huma.Response{},
	}
	if c.repeat != "" {
		o.Description = strings.TrimSpace(c.about + "\n\nSent again because the answer was lost: " + lowerFirst(c.repeat))
	}
	if c.session {
		o.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	if c.maybe {
		o.Security = []map[string][]string{{}, {"bearer": {}}, {"cookie": {}}}
	}
	if c.key {
		o.Parameters = append(o.Parameters, &huma.Param{Name: keyHeader, In: "header", Required: true, Description: aboutKey,
			Schema: &huma.Schema{Type: "string"}, Example: exampleKey})
	}
	a.describeAnswer(&o, c)
	a.describeRefusals(&o, c)
	return o
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// describeBody is told to the document only when the library knows the call:
// it would read the body itself.
func (a *api) describeBody(o *huma.Operation, c call) {
	r := a.huma.OpenAPI().Components.Schemas
	if c.media != nil {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, kind := range c.media {
			o.RequestBody.Content[kind] = &huma.MediaType{}
		}
	}
	if c.target == nil {
		return
	}
	schema := describeInputs
	if _, ok := c.target.(*flow.Input); !ok {
		schema = func(huma.Registry) *huma.Schema { return r.Schema(reflect.TypeOf(c.target).Elem(), true, "") }
	}
	m := &huma.MediaType{Schema: schema(r), Examples: map[string]*huma.Example{}}
	for _, e := range c.examples {
		if e.body != "" {
			m.Examples[e.name] = &huma.Example{Summary: e.summary, Value: json.RawMessage(e.body)}
		}
	}
	o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": m}}
}

// describeAnswer prepares the answer of success; the library adds its schema.
func (a *api) describeAnswer(o *huma.Operation, c call) {
	ok := &huma.Response{Description: http.StatusText(c.status)}
	o.Responses[strconv.Itoa(c.status)] = ok
	if c.sends != "" {
		ok.Content = map[string]*huma.MediaType{c.sends: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
		if c.id == "get-captcha" {
			ok.Content["audio/wav"] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
		}
		return
	}
	examples := map[string]*huma.Example{}
	for _, e := range c.examples {
		if e.answer != "" {
			examples[e.name] = &huma.Example{Summary: e.summary, Value: json.RawMessage(e.answer)}
		}
	}
	if len(examples) > 0 {
		ok.Content = map[string]*huma.MediaType{"application/json": {Examples: examples}}
	}
}

// refusals are the faults that a call itself can answer, not counting the frame's.
func (c call) refusals() []*fault.Fault {
	all := slices.Clone(c.refuses)
	if c.session || c.maybe {
		all = append(all, session.Required)
	}
	if c.writes() {
		all = append(all, writeFaults...)
	}
	if c.writes() && c.media == nil {
		all = append(all, httpd.InvalidJSON)
	}
	return distinct(all)
}

// describeRefusals gives the call its refusals by status, each with the codes
// that it can have there; what the frame refuses is the default answer.
func (a *api) describeRefusals(o *huma.Operation, c call) {
	codes := map[string][]any{}
	for _, f := range c.refusals() {
		status := strconv.Itoa(f.Status)
		codes[status] = append(codes[status], f.Code)
	}
	for status, list := range codes {
		n, _ := strconv.Atoi(status)
		o.Responses[status] = refusal(http.StatusText(n), list)
	}
	var list []any
	for _, f := range distinct(frameFaults) {
		list = append(list, f.Code)
	}
	o.Responses["default"] = refusal("Whatever can refuse any call", list)
}

func refusal(description string, codes []any) *huma.Response {
	schema := &huma.Schema{AllOf: []*huma.Schema{refTo("Problem"), {Properties: map[string]*huma.Schema{"code": {Type: "string", Enum: codes}}}}}
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
		Headers: map[string]*huma.Param{"Retry-After": {Description: "Seconds until retry_at, where waiting helps.", Schema: &huma.Schema{Type: "integer"}}}}
}

// document makes the OpenAPI document of all calls; it is made once.
func (a *api) document() *huma.OpenAPI {
	doc := a.huma.OpenAPI()
	doc.Servers = []*huma.Server{{URL: a.Server}}
	doc.Info.Description = aboutAPI
	cookie := "__Host-session"
	if !strings.HasPrefix(a.Server, "https://") {
		cookie = "session"
	}
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: aboutBearer},
		"cookie": {Type: "apiKey", In: "cookie", Name: cookie, Description: aboutCookie},
	}
	for _, c := range a.calls {
		o := operationOf(doc, c)
		a.describeBody(o, c)
		ok := o.Responses[strconv.Itoa(c.status)]
		delete(ok.Headers, "Content-Type") // which OpenAPI ignores
	}
	schemas := doc.Components.Schemas.Map()
	schemas["Problem"] = problemSchema(doc.Components.Schemas)
	delete(schemas, "ErrorModel") // the library's own, which nothing here answers
	delete(schemas, "ErrorDetail")
	for name, s := range schemas {
		if !strings.HasPrefix(name, "Input") && !slices.Contains(sentSchemas, name) {
			s.AdditionalProperties = openEnded(s) // answers may grow
		}
	}
	return doc
}

// sentSchemas are the schemas of what is sent to us, whose members are all that there are.
var sentSchemas = []string{"BeginJourney", "BeginDevice", "ChangeAccount", "SetPassword", "AddPasskey", "RenamePasskey"}

// openEnded keeps maps of texts, and opens what the library closed.
func openEnded(s *huma.Schema) any {
	if closed, is := s.AdditionalProperties.(bool); is && !closed {
		return nil
	}
	return s.AdditionalProperties
}

func operationOf(doc *huma.OpenAPI, c call) *huma.Operation {
	p := doc.Paths[c.path]
	switch c.method {
	case http.MethodGet:
		return p.Get
	case http.MethodPost:
		return p.Post
	case http.MethodPut:
		return p.Put
	case http.MethodPatch:
		return p.Patch
	}
	return p.Delete
}

// problemSchema is the refusal, with every member that one of ours carries.
func problemSchema(r huma.Registry) *huma.Schema {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: "string", Description: doc} }
	moment := func(doc string) *huma.Schema {
		return &huma.Schema{Type: "string", Format: "date-time", Description: doc}
	}
	number := func(doc string) *huma.Schema { return &huma.Schema{Type: "integer", Description: doc} }
	return &huma.Schema{Type: "object", Description: "A refusal (RFC 9457).", Required: []string{"type", "title", "status", "code", "detail"}, Properties: map[string]*huma.Schema{
		"type":          text("Address of the help article, relative to the server."),
		"title":         text("In the reader's language."),
		"status":        number("The HTTP status."),
		"code":          text("Stable; decide by it."),
		"detail":        text("What happened, until when, and what to do, in the reader's language."),
		"field":         text("The member of the request that it is about."),
		"retry_at":      moment("When trying again will work; Retry-After says the same in seconds."),
		"step":          anyStep{}.Schema(r),
		"id":            text("To quote to support, with the code internal."),
		"reason":        text("What exactly is wrong, as a word."),
		"hint":          text("What the username looks like: email, phone, account_id or none."),
		"limit":         text("Which limit: destination, network, device, country or account."),
		"tries_left":    number("How often this code can still be tried."),
		"time":          moment("When the code expired or was replaced."),
		"replaced_at":   moment("When the typed password was replaced; only on a device that the account knows."),
		"method":        text("The way to prove that the refusal is about."),
		"provider":      text("The third-party provider that the refusal is about."),
		"since":         moment("Since when the account is frozen or blocked."),
		"by":            text("Who froze it, in the reader's language: its owner, a rule, support."),
		"rule":          text("The rule that froze it."),
		"way":           text("The path of the page that lifts it."),
		"left":          number("How many there are still."),
		"username":      text("The kind of the username: phone, email or id."),
		"country":       text("ISO 3166-1 alpha-2."),
		"min":           number("The least length."),
		"max":           number("The greatest length."),
		"max_megabytes": number("The greatest size of a picture."),
		"for":           text("The act that needs a fresh proof."),
		"present":       text("The type of the present step."),
	}}
}

// serveDocument answers the document.
func (a *api) serveDocument(doc *huma.OpenAPI) {
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err) // the document is made of our own types
	}
	var pretty bytes.Buffer
	_ = json.Indent(&pretty, text, "", " ") // it was just written
	a.Router.Handle("GET /api/openapi.json", func(w http.ResponseWriter, r *http.Request) error {
		return httpd.WriteBuffer(w, "application/json", bytes.NewBuffer(pretty.Bytes()))
	})
}
