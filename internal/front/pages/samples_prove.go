package pages

import (
	"maps"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
)

// proving plays a step of a proof at the address of a journey.
func proving(kind string, present func(s *stage) step.Step, refusal, field string) func(s *stage) (view, error) {
	return func(s *stage) (view, error) {
		if refusal == "" {
			return s.play(kind, present(s), nil, "", nil)
		}
		return s.play(kind, present(s), nil, "", s.declared(refusal).On(field))
	}
}

// proveStories are the steps that every journey with a proof shares.
func proveStories() []story {
	head := func(t step.Type, inputs ...string) step.Head { return step.Head{Type: t, Inputs: inputs} }
	phone, mail := "+86 138 **** 8000", "l***@example.com"
	first := func(*stage) step.Step { // before a first proof: the same for everybody
		return step.ChooseMethod{Head: head(step.TypeChooseMethod, "method", "taken_over", "back"), For: "recover",
			Methods: []step.Method{{Method: "sms_code"}, {Method: "email_code"}, {Method: "passkey"}, {Method: "totp"}, {Method: "recovery_code"}, {Method: "password"}}, Unavailable: []step.Method{}}
	}
	second := func(s *stage) step.Step {
		later := s.f.now.Add(50 * time.Hour)
		return step.ChooseMethod{Head: head(step.TypeChooseMethod, "method", "wait"), For: "sign_in", Why: []string{"new_device", "new_country", "something_new"}, Proved: []string{"password"},
			Methods:     []step.Method{{Method: "passkey"}, {Method: "device_prompt"}, {Method: "sms_code", To: phone}},
			Unavailable: []step.Method{{Method: "questions", Reason: "too_many_tries", RetryAt: &later}, {Method: "email_code", To: mail, Reason: "something_new"}},
			Wait:        &step.WaitOption{Hours: 72}}
	}
	stuck := func(s *stage) step.Step {
		return step.ChooseMethod{Head: head(step.TypeChooseMethod, "method", "wait"), For: "unfreeze", Proved: []string{"sms_code"},
			Methods: []step.Method{}, Unavailable: []step.Method{{Method: "email_code", Reason: "not_set"}}, Wait: &step.WaitOption{Hours: 24}}
	}
	gone := func(s *stage) step.Step {
		return step.ChooseMethod{Head: head(step.TypeChooseMethod, "method", "wait", "back"), For: "change_phone", Why: []string{"not_alone"},
			Methods: []step.Method{{Method: "sms_code", To: phone}, {Method: "password"}}, Unavailable: []step.Method{}, Wait: &step.WaitOption{Hours: 72}}
	}
	waiting := func(s *stage) step.Step {
		return step.Wait{Head: head(step.TypeWait, "back"), Until: s.f.now.Add(26 * time.Hour), Reason: "recover", Told: []string{phone, mail}}
	}
	plain := func(s *stage) step.Step {
		return step.Wait{Head: head(step.TypeWait), Until: s.f.now.Add(26 * time.Hour), Reason: "something_new"}
	}
	confirm := func(action string, effects ...step.Effect) func(*stage) step.Step {
		return func(*stage) step.Step {
			return step.Confirm{Head: head(step.TypeConfirm, "confirm"), Action: action, Effects: effects}
		}
	}
	freeze := confirm("freeze", step.Effect{Effect: "sessions_end", Count: 3}, step.Effect{Effect: "sign_in_stops"}, step.Effect{Effect: "contact_told", To: phone}, step.Effect{Effect: "nothing_lost"})
	remove := confirm("remove_phone", step.Effect{Effect: "contact_goes", To: phone}, step.Effect{Effect: "contact_told", To: mail}, step.Effect{Effect: "can_undo", Count: 72})
	return []story{
		{name: "prove.choose_first", make: proving("recover", first, "", "")},
		{name: "prove.choose_second", make: proving("signin", second, "", "")},
		{name: "prove.choose_none", make: proving("unfreeze", stuck, "", "")},
		{name: "prove.choose_old_gone", make: proving("change_phone", gone, "", "")},
		{name: "prove.choose_limited", status: 429, make: proving("signin", second, "codes_limited", "")},
		{name: "prove.choose_unavailable", status: 403, make: proving("signin", second, "method_unavailable", "method")},
		{name: "prove.wait", make: proving("recover", waiting, "", "")},
		{name: "prove.wait_other", make: proving("recover", plain, "", "")},
		{name: "prove.confirm_freeze", make: proving("freeze", freeze, "", "")},
		{name: "prove.confirm_remove", make: proving("remove_phone", remove, "", "")},
		{name: "prove.confirm_other", make: proving("freeze", confirm("something_new", step.Effect{Effect: "something_new"}), "", "")},
	}
}

// resultStories are the endings of journeys.
func resultStories() []story {
	all := []story{{name: "result.found_id", make: func(s *stage) (view, error) { return s.foundView(s.f, "4821 0937 5564"), nil }}}
	for _, name := range slices.Sorted(maps.Keys(results)) {
		all = append(all, story{name: "result." + name, make: func(s *stage) (view, error) { return s.resultView(s.f, name, "/account/profile"), nil }})
	}
	return all
}
