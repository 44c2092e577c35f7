package towntest

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Visit is one person's way through a journey.
type Visit struct {
	*Town
	Visitor flow.Visitor
	Handle  flow.Handle
	Step    step.Step
	Err     error
}

// Begin begins a journey.
func (w *Town) Begin(v flow.Visitor, b flow.Begin) *Visit {
	w.Helper()
	t, err := w.Runner.Begin(w.Context(), v, b)
	if err != nil {
		w.Fatal(err)
	}
	return &Visit{Town: w, Visitor: v, Handle: flow.Handle{ID: t.ID, Key: t.Key}, Step: t.Step}
}

// Give answers the present step and keeps what came back.
func (v *Visit) Give(in flow.Input) *Visit {
	v.Helper()
	t, err := v.Runner.Answer(context.WithoutCancel(v.Context()), v.Visitor, v.Handle, in)
	if err != nil && fault.From(err) == nil {
		v.Fatalf("%s: %v", in.Input, err)
	}
	v.Err = err
	if t.Step != nil {
		v.Step = t.Step
	}
	return v
}

// Phone, Email and Username say who.
func (v *Visit) Phone(number string) *Visit {
	v.Helper()
	return v.Give(flow.Input{Input: "phone", Phone: number})
}

// Email says who by an e-mail address.
func (v *Visit) Email(address string) *Visit {
	v.Helper()
	return v.Give(flow.Input{Input: "email", Email: address})
}

// Username says who by a username.
func (v *Visit) Username(name string) *Visit {
	v.Helper()
	return v.Give(flow.Input{Input: "username", Username: name})
}

// Code enters a code.
func (v *Visit) Code(digits string) *Visit {
	v.Helper()
	return v.Give(flow.Input{Input: "code", Code: digits})
}

// CodeOf enters the code that came to an address.
func (v *Visit) CodeOf(address string) *Visit {
	v.Helper()
	return v.Code(v.Post.Code(address))
}

// By goes on with another method, from wherever the journey stands.
func (v *Visit) By(method string) *Visit {
	v.Helper()
	if v.Step.StepType() != step.TypeChooseMethod {
		v.Just("other_way").Want(step.TypeChooseMethod, "")
	}
	return v.Give(flow.Input{Input: "method", Method: method})
}

// Just gives an input without fields.
func (v *Visit) Just(input string) *Visit {
	v.Helper()
	return v.Give(flow.Input{Input: input})
}

// Password proves by a password.
func (v *Visit) Password(p string) *Visit {
	v.Helper()
	return v.Give(flow.Input{Input: "password", Password: p})
}

// NewPassword ends a recovery.
func (v *Visit) NewPassword(p string) *Visit {
	v.Helper()
	return v.Give(flow.Input{Input: "new_password", Password: p})
}

// Want checks where the journey stands, "" for no refusal.
func (v *Visit) Want(at step.Type, code string) *Visit {
	v.Helper()
	got := ""
	if f := fault.From(v.Err); f != nil {
		got = f.Code
	}
	if v.Step.StepType() != at || got != code {
		v.Fatalf("at %q with %q; want %q with %q (step %+v)", v.Step.StepType(), got, at, code, v.Step)
	}
	return v
}

// Done is the end.
func (v *Visit) Done() step.Done {
	v.Helper()
	v.Want(step.TypeDone, "")
	return v.Step.(step.Done)
}

// Fault is the refusal; nil: none.
func (v *Visit) Fault() *fault.Fault { return fault.From(v.Err) }

// Said is all that a person sees of where the journey stands.
func (v *Visit) Said() string {
	v.Helper()
	text, err := json.Marshal(v.Step)
	if err != nil {
		v.Fatal(err)
	}
	if f := v.Fault(); f != nil {
		args, _ := json.Marshal(f.Args)
		return strings.Join([]string{f.Code, f.Field, string(args), f.RetryAt.String(), string(text)}, " ")
	}
	return string(text)
}
