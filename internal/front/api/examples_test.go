package api

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
)

// UnmarshalJSON reads a step as a client would: by its type.
func (s *anyStep) UnmarshalJSON(text []byte) error {
	var head struct{ Type string }
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	for _, k := range stepKinds {
		if string(k.kind) != head.Type {
			continue
		}
		v := reflect.New(reflect.TypeOf(k.value))
		if err := httpd.UnmarshalJSON(text, v.Interface()); err != nil {
			return err
		}
		s.Step = v.Elem().Interface().(step.Step)
		return nil
	}
	return errors.New("an unknown step")
}

// Every example is read by the strict decoder into the type that it stands for,
// and written again without loss.
func TestExamples_AreOfTheirTypes(t *testing.T) {
	for _, tt := range []struct {
		examples     []example
		body, answer any
	}{
		{beginExamples, beginJourney{}, journeyView{}},
		{answerExamples, flow.Input{}, journeyView{}},
		{showExamples, nil, journeyView{}},
		{sessionExamples, nil, sessionView{}},
		{accountExamples, nil, accountView{}},
		{changeExamples, changeAccount{}, accountView{}},
		{contactsExamples, nil, contactsView{}},
		{passwordExamples, setPassword{}, nil},
		{methodsExamples, nil, methodsView{}},
		{devicesExamples, nil, devicesView{}},
		{endedExamples, nil, endedView{}},
		{activityExamples, nil, activityView{}},
		{linkedExamples, nil, linkedListView{}},
		{linkExamples, nil, journeyView{}},
	} {
		for _, e := range tt.examples {
			same(t, e.body, tt.body)
			same(t, e.answer, tt.answer)
		}
	}
}

// same reads text as a value of a type and compares what is written of it.
func same(t *testing.T, text string, of any) {
	t.Helper()
	if text == "" {
		return
	}
	v := reflect.New(reflect.TypeOf(of))
	if err := httpd.UnmarshalJSON([]byte(text), v.Interface()); err != nil {
		t.Errorf("%T: %v in %s", of, err, text)
		return
	}
	again, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := errors.Join(json.Unmarshal([]byte(text), &want), json.Unmarshal(again, &got)); err != nil {
		t.Fatal(err)
	}
	if m, ok := want.(map[string]any); ok && m["keep_others"] == false {
		delete(m, "keep_others") // left out is the same
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%T: reading and writing (-example +again):\n%s", of, diff)
	}
}

// The secrets of the examples have the length of real ones.
func TestExamples_SecretsLookReal(t *testing.T) {
	if len(exampleKey) != secretLength || len(exampleID) != 22 {
		t.Errorf("the key has %d characters and the id %d", len(exampleKey), len(exampleID))
	}
	var done journeyView
	if err := httpd.UnmarshalJSON([]byte(answerExamples[1].answer), &done); err != nil {
		t.Fatal(err)
	}
	d := done.Step.Step.(step.Done)
	if len(d.Session.Token) != 4+8+secretLength || len(d.Device.Token) != secretLength || len(d.Device.ID) != 22 {
		t.Errorf("session token %d, device token %d, device id %d characters", len(d.Session.Token), len(d.Device.Token), len(d.Device.ID))
	}
}

// The inputs of the document take the fields of the wire's one input, all of them.
func TestInputs_CoverTheWire(t *testing.T) {
	fields := map[string]bool{}
	for _, in := range inputKinds {
		for _, f := range in.fields {
			fields[f.name] = true
		}
	}
	typ := reflect.TypeFor[flow.Input]()
	want := map[string]bool{}
	for i := range typ.NumField() {
		if name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ","); name != "input" {
			want[name] = true
		}
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields of inputs (-wire +document):\n%s", diff)
	}
	offered := map[string]bool{}
	for _, k := range stepKinds {
		for _, in := range k.inputs {
			offered[in] = true
		}
	}
	for _, in := range inputKinds {
		if !offered[in.name] {
			t.Errorf("no step offers %s", in.name)
		}
		delete(offered, in.name)
	}
	if len(offered) > 0 {
		t.Errorf("nobody describes %v", offered)
	}
}
