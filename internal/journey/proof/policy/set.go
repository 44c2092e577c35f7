package policy

import "math/bits"

// set is a set of proofs: a bit for each of methods, and one more for a passkey
// whose authenticator verified the person.
type set uint16

const verified set = 1 << 15

// bit is the place of a method in a set; 0 if there is no such method.
func bit(m Method) set {
	for i := range methods {
		if methods[i].name == m {
			return 1 << i
		}
	}
	return 0
}

var (
	passkey   = bit(Passkey)
	password  = bit(Password)
	sms       = bit(SMSCode)
	email     = bit(EmailCode)
	questions = bit(Questions)
	contacts  = sms | email
	enrolled  = passkey | bit(TOTP)
	steps     = pick(func(m method) bool { return m.first })
	seconds   = pick(func(m method) bool { return m.second })
	strongs   = pick(func(m method) bool { return m.strength == strong })
	firm      = pick(func(m method) bool { return m.kinds&Possession != 0 && m.strength >= usual })
)

func pick(f func(method) bool) (s set) {
	for i := range methods {
		if f(methods[i]) {
			s |= 1 << i
		}
	}
	return s
}

// proofs tells how many methods are in a set that count as proofs: questions never
// are one by themselves.
func (s set) proofs() int { return bits.OnesCount16(uint16(s &^ verified &^ questions)) }

// kinds are those that a set of proofs rests on. Questions lend none (S-79).
func (s set) kinds() (k Kind) {
	if s&password != 0 {
		k |= Knowledge
	}
	if s&^(password|questions|verified) != 0 {
		k |= Possession
	}
	if s&passkey != 0 && s&verified != 0 {
		k |= Inherence
	}
	return k
}

// two tells whether a set rests on more than one kind. Two methods of one kind are
// one: a text and an e-mail are two things that one thief carries away.
func (s set) two() bool {
	k := s.kinds()
	return k&(k-1) != 0
}

// level is what proofs are worth together: one is low, a strong one or two kinds
// are medium, two kinds of which one is possessed and more than an e-mail are high.
// Questions lift phone and mailbox together to medium and nothing else: they are
// worth nothing alone, beside a text only, or beside a password (S-79).
func (s set) level() Level {
	switch {
	case s.two() && s&firm != 0:
		return High
	case s.two() || s&strongs != 0 || s&questions != 0 && s&contacts == contacts:
		return Medium
	case s&^(questions|verified) != 0:
		return Low
	}
	return None
}

// twoSteps tells whether a set fulfills 2-step verification: two different methods of
// which one may be the second, or one passkey that verified the person. An e-mail is
// neither step, and a text twice is one method (S-40).
func (s set) twoSteps() bool {
	return s&passkey != 0 && s&verified != 0 || s&seconds != 0 && (s&steps).proofs() > 1
}

// list names the methods of a set, the strongest first.
func (s set) list() []Method {
	var out []Method
	for i := range methods {
		if s&(1<<i) != 0 {
			out = append(out, methods[i].name)
		}
	}
	return out
}
