package policy

import "slices"

// references are the values of RFC 8176 section 2 for each method. A third-party
// account has none: what was done there is not known.
var references = map[Method][]string{
	SMSCode:      {"otp", "sms"},
	EmailCode:    {"otp"},
	Password:     {"pwd"},
	Passkey:      {"user"},
	TOTP:         {"otp"},
	RecoveryCode: {"otp"},
	Questions:    {"kba"},
	DevicePrompt: {"mca", "swk", "user"},
}

// AMR names what was given as the claim amr of RFC 8176, sorted, each value once: a
// passkey by where its key is kept, and mfa if more than one kind was proved.
func AMR(given []Given) []string {
	var out []string
	proved := set(0)
	for _, g := range given {
		out = append(out, references[g.Method]...)
		proved |= bit(g.Method)
		if g.Method == Passkey {
			key := "swk"
			if g.Hardware {
				key = "hwk"
			}
			out = append(out, key)
			if g.Verified {
				proved |= verified
			}
		}
	}
	if proved.two() {
		out = append(out, "mfa")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// acrs are the values of the claim acr.
var acrs = map[Level]string{Low: "urn:selfsame:low", Medium: "urn:selfsame:medium", High: "urn:selfsame:high"}

// ACR names a level as the claim acr (RFC 9470); empty for None.
func ACR(level Level) string { return acrs[level] }

// Reached is the level of what was given by itself, whatever account it is for, as
// the claim acr tells it.
func Reached(given []Given) Level {
	proved := set(0)
	for _, g := range given {
		proved |= bit(g.Method)
		if g.Method == Passkey && g.Verified {
			proved |= verified
		}
	}
	return proved.level()
}
