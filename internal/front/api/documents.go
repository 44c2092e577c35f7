package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// anyStep is a step in an answer: one of the typed steps.
type anyStep struct{ step.Step }

// MarshalJSON writes the step itself.
func (s anyStep) MarshalJSON() ([]byte, error) { return json.Marshal(s.Step) }

// steps lists a value of every step type.
var steps = []step.Step{
	step.Identify{}, step.Password{}, step.Code{}, step.ChooseMethod{}, step.Captcha{},
	step.NewPassword{}, step.AddContact{}, step.Wait{}, step.Done{},
}

// stepTypes names them, in the same order.
var stepTypes = []step.Type{
	step.TypeIdentify, step.TypePassword, step.TypeCode, step.TypeChooseMethod, step.TypeCaptcha,
	step.TypeNewPassword, step.TypeAddContact, step.TypeWait, step.TypeDone,
}

// Schema tells the OpenAPI document that a step is one of the typed ones.
func (anyStep) Schema(r huma.Registry) *huma.Schema {
	s := &huma.Schema{Discriminator: &huma.Discriminator{PropertyName: "type", Mapping: map[string]string{}}}
	for i, one := range steps {
		t := reflect.TypeOf(one)
		ref := r.Schema(t, true, "Step"+t.Name())
		s.OneOf = append(s.OneOf, ref)
		s.Discriminator.Mapping[string(stepTypes[i])] = ref.Ref
	}
	return s
}

// documents serves the OpenAPI document. It is made once, after all operations stand.
func (a *api) documents() {
	a.describeFailures()
	doc, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		panic(err) // the document is made of our own types
	}
	var pretty bytes.Buffer
	_ = json.Indent(&pretty, doc, "", " ")
	a.Router.Handle("GET /api/openapi.json", func(w http.ResponseWriter, r *http.Request) error {
		return httpd.WriteBuffer(w, "application/json", bytes.NewBuffer(pretty.Bytes()))
	})
}

// describeFailures gives every operation the problem document as its refusal,
// with the codes that stand.
func (a *api) describeFailures() {
	codes := make([]any, 0)
	for _, f := range fault.All() {
		codes = append(codes, f.Code)
	}
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: "string", Description: doc} }
	problem := &huma.Schema{Type: "object", Description: "A refusal (RFC 9457).", AdditionalProperties: true, Properties: map[string]*huma.Schema{
		"type":     text("Address of the help article."),
		"title":    text("In the reader's language."),
		"status":   {Type: "integer"},
		"code":     {Type: "string", Description: "Stable.", Enum: codes},
		"detail":   text("What happened, until when, and what to do, in the reader's language."),
		"field":    text("The field it is about."),
		"retry_at": {Type: "string", Format: "date-time", Description: "When trying again will work."},
		"step":     anyStep{}.Schema(a.huma.OpenAPI().Components.Schemas),
		"id":       text("To quote when the code is internal."),
	}}
	a.huma.OpenAPI().Components.Schemas.Map()["Problem"] = problem
	ref := &huma.Schema{Ref: "#/components/schemas/Problem"}
	for _, path := range a.huma.OpenAPI().Paths {
		for _, o := range []*huma.Operation{path.Get, path.Post, path.Put, path.Patch, path.Delete} {
			if o == nil {
				continue
			}
			for status, r := range o.Responses {
				if status >= "400" {
					r.Content = map[string]*huma.MediaType{"application/problem+json": {Schema: ref}}
				}
			}
		}
	}
}
