package step

// Add makes a step take more inputs: those that a journey has beside the ones that
// the step has by itself. A step that can take none is left as it is.
func Add(s Step, inputs ...string) Step {
	add := func(h *Head) { h.Inputs = append(append([]string{}, h.Inputs...), inputs...) }
	switch x := s.(type) {
	case Password:
		add(&x.Head)
		return x
	case Code:
		add(&x.Head)
		return x
	case ChooseMethod:
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
	case Confirm:
		add(&x.Head)
		return x
	}
	return s
}
