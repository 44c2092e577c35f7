package step

import "slices"

// With offers one more input at a step, if it is not offered yet.
func With(s Step, input string) Step {
	add := func(h *Head) {
		if !slices.Contains(h.Inputs, input) {
			h.Inputs = append(slices.Clone(h.Inputs), input)
		}
	}
	switch x := s.(type) {
	case ChooseMethod:
		add(&x.Head)
		return x
	case Password:
		add(&x.Head)
		return x
	case Code:
		add(&x.Head)
		return x
	case TOTP:
		add(&x.Head)
		return x
	case RecoveryCode:
		add(&x.Head)
		return x
	case Questions:
		add(&x.Head)
		return x
	case Passkey:
		add(&x.Head)
		return x
	case DevicePrompt:
		add(&x.Head)
		return x
	case Wait:
		add(&x.Head)
		return x
	}
	return s // the others are of journeys, which say themselves what they take
}
