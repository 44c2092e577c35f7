package simulate

import (
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

// tries are when a thief comes back, beside the times that waits and youth end.
var tries = []time.Duration{0, time.Hour, day, 2 * day, 3*day + time.Hour, 4 * day, 5 * day, 6*day + time.Hour, 8 * day, 10 * day, 14 * day, 21 * day, 30 * day, 45 * day}

// attack is a turn of the thief, who tries everything that the policy grants, the
// most useful first.
func (s *story) attack() {
	x := &s.actors[thief]
	if s.kind.name == badLuck || s.gone {
		return
	}
	for _, t := range tries {
		if t > s.now {
			s.at(thief, t, again)
			break
		}
	}
	if s.frozen {
		s.unfreeze(thief)
	}
	if !s.frozen && !x.in {
		s.enter()
	}
	if x.in {
		s.entered = true
		s.settleIn()
	} else if !s.frozen && !s.froze && (s.kind.spite || len(x.waits) == 0) && s.decide(&s.account, thief, policy.Freeze, "").Enough {
		// Out of spite, or because lifting a freeze might be easier than getting in.
		s.froze = true
		s.freeze(thief)
		s.tell("")
		s.unfreeze(thief)
	}
}

// enter tries the front door, then recovery, then to wait for it.
func (s *story) enter() {
	x := &s.actors[thief]
	if d := s.decide(&s.account, thief, policy.SignIn, ""); d.Enough {
		x.in, x.until = true, s.now+session
		if !x.known {
			x.known, x.since = true, s.clock()
			s.tell(s.opened()) // a new device
		} else if x.seen.NewNetwork && !x.left {
			s.tell(s.opened()) // a known one, on a network that the account was not used from
		}
		x.left = true
		return
	}
	d := s.decide(&s.account, thief, policy.Recover, "")
	if d.Enough {
		s.change()
		s.recover(thief, !x.waitOf(policy.Recover).IsZero())
		s.tell("")
		return
	}
	s.wait(thief, policy.Recover, d)
}

// opened is the contact whose code opens the front door: its notice is left out, since
// who holds it knows (decision 0022).
func (s *story) opened() policy.Method {
	for _, m := range []policy.Method{policy.SMSCode, policy.EmailCode} {
		for _, w := range s.ways {
			if w.Method == m && w.held[thief].has(s.now) {
				return m
			}
		}
	}
	return ""
}

// change remembers how the account was before the first thing that the thief changes.
func (s *story) change() {
	if s.former == nil || s.now-s.changedAt > policy.RestoreFor {
		before := s.account.clone()
		s.former = &before
	}
	s.changedAt = s.now
}

// recover is the end of a recovery: a new password, and everybody else is out. Where
// waiting stood in for the second step, 2-step verification ends too.
func (s *story) recover(who role, waited bool) {
	s.newPassword(who)
	s.recoveredAt = s.clock()
	if waited {
		s.twoStep = false
	}
	for r := range s.actors {
		s.actors[r].waits = nil
	}
	s.actors[who].in, s.actors[who].known, s.actors[who].since = true, true, s.clock()
	s.actors[who].until = s.now + session
	other := &s.actors[1-who]
	other.in, other.trusted, other.known = false, false, other.known && who == thief // the owner looks through the devices
	s.actors[thief].fresh = nil
	s.pending = nil
}

func (s *story) newPassword(who role) {
	w := way{Way: policy.Way{Method: policy.Password, Since: s.clock()}}
	w.held[who] = always
	s.put(w, false)
}

// freeze stops every way in. By one weak proof it is short (S-83).
func (s *story) freeze(who role) {
	if d := s.decide(&s.account, who, policy.Freeze, ""); d.Reached < policy.Medium && (!s.frozen || s.thawsAt > 0) {
		s.thawsAt = s.now + weakFor
		s.at(who, s.thawsAt, again)
	} else {
		s.thawsAt = 0
	}
	s.secure()
}

// weakFor is how long a freeze by one weak proof lasts.
const weakFor = day

func (s *story) secure() {
	s.frozen = true
	s.actors[owner].in, s.actors[thief].in = false, false
	s.actors[owner].waits, s.actors[thief].waits, s.pending = nil, nil, nil
}

// unfreeze lifts a freeze, or waits for it. It sets a new password.
func (s *story) unfreeze(who role) bool {
	d := s.decide(&s.account, who, policy.Unfreeze, "")
	if !d.Enough {
		s.wait(who, policy.Unfreeze, d)
		return false
	}
	if who == thief {
		s.change()
		s.tell("")
	}
	s.frozen = false
	s.recover(who, false)
	return true
}

// settleIn is what a thief does with a session: make ways in, take the owner's away.
func (s *story) settleIn() {
	mine := func(m policy.Method) way {
		w := way{Way: policy.Way{Method: m, Since: s.clock()}}
		w.held[thief], w.verifies[thief] = always, true
		return w
	}
	owned := func(m policy.Method) bool { // there is one, and it is not the thief's alone
		return slices.ContainsFunc(s.ways, func(w way) bool { return w.Method == m && (w.held[owner] != span{} || w.held[thief] != always) })
	}
	has := func(m policy.Method) bool { // the thief has one for good
		return slices.ContainsFunc(s.ways, func(w way) bool { return w.Method == m && w.held[thief] == always && w.held[owner] == span{} })
	}
	if !has(policy.Passkey) && s.may(policy.AddMethod, "") {
		s.did(func() { s.put(mine(policy.Passkey), true) })
	}
	if !has(policy.Password) && s.may(policy.SetPassword, "") {
		s.did(func() { s.put(mine(policy.Password), false); s.signOutOwner() })
	}
	contacts := []struct {
		m                       policy.Method
		change, replace, remove policy.Action
	}{{policy.SMSCode, policy.ChangePhone, policy.ReplacePhone, policy.RemovePhone}, {policy.EmailCode, policy.ChangeEmail, policy.ReplaceEmail, policy.RemoveEmail}}
	for _, c := range contacts {
		switch {
		case !s.has(c.m) && s.may(policy.AddContact, ""):
			s.did(func() { s.put(mine(c.m), false) })
		case owned(c.m) && s.may(c.change, ""):
			s.did(func() { s.put(mine(c.m), false); s.signOutOwner() })
		case owned(c.m) && s.may(c.remove, ""):
			s.did(func() { s.remove(func(w way) bool { return w.Method == c.m }) })
		case owned(c.m) && len(s.pending) == 0 && s.may(c.replace, ""):
			s.tell("")
			s.pending = append(s.pending, pending{s.now + policy.Young, func() { s.change(); s.put(mine(c.m), false); s.signOutOwner() }})
			s.at(thief, s.now+policy.Young, again)
		}
	}
	for _, m := range []policy.Method{policy.Passkey, policy.TOTP, policy.RecoveryCode, policy.DevicePrompt, policy.LinkedSignIn} {
		action := policy.RemoveMethod
		if m == policy.LinkedSignIn {
			action = policy.Unlink
		}
		if owned(m) && s.may(action, m) {
			s.did(func() { s.remove(func(w way) bool { return w.Method == m && w.held[thief] != always }) })
		}
	}
	switch {
	case s.kind.spite && s.leavesAt < 0 && s.may(policy.Delete, ""):
		s.did(func() { s.leavesAt = s.now + 15*day; s.signOutOwner() })
	case !s.twoStep && has(policy.Passkey) && s.may(policy.TwoStepOn, ""):
		s.did(func() { s.twoStep, s.twoStepSince = true, s.clock() }) // so that the owner cannot come back
	}
}

// may asks whether the thief may do something, and comes back when time will help.
func (s *story) may(a policy.Action, takes policy.Method) bool {
	d := s.decide(&s.account, thief, a, takes)
	if !d.Enough && !d.TooNew.IsZero() && len(s.events) < 20 {
		s.at(thief, d.TooNew.Sub(start), again)
	}
	return d.Enough
}

// did changes something and tells every contact of before and after.
func (s *story) did(change func()) {
	s.change()
	change()
	s.tell("")
}

func (s *story) signOutOwner() { s.actors[owner].in = false }
