package simulate

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

// defend is a turn of the owner.
func (s *story) defend(why cause) {
	x := &s.actors[owner]
	if why == use {
		s.at(owner, s.now+s.owner.next(s.Rand), use)
		if x.in && !s.gone {
			return // everything looks as always
		}
	}
	if s.outSince < 0 && (!x.in || s.gone) {
		s.outSince = s.now
	}
	if s.gone {
		return
	}
	if why == notice {
		s.object()
	}
	if !x.in || s.former != nil {
		s.restore()
	}
	if !x.in && !s.getIn() {
		if why == knows && !s.frozen && s.decide(&s.account, owner, policy.Freeze, "").Enough {
			s.freeze(owner)
		}
		if s.now+2*day < horizon && len(s.events) < 20 {
			s.at(owner, s.now+2*day, again)
		}
		return
	}
	if s.outSince >= 0 {
		s.recovered, s.outSince = s.recovered+s.now-s.outSince, -1
	}
	s.cleanUp()
}

// object follows the link of a notice: what happened within the time to object is
// undone, what waits dies, and the account is frozen.
func (s *story) object() {
	if s.frozen && len(s.actors[thief].waits) > 0 && !s.stoppable() {
		return // who waits has shown more
	}
	if s.former != nil && s.now-s.changedAt <= policy.Young {
		s.undo()
	}
	s.thawsAt = 0
	s.secure()
	if s.outSince < 0 {
		s.outSince = s.now
	}
}

// undo puts the account back as it was.
func (s *story) undo() {
	silent := s.phoneSilent
	s.account = s.former.clone()
	s.phoneSilent, s.former = silent, nil
	t := &s.actors[thief]
	t.in, t.known, t.trusted, t.waits, t.fresh = false, false, false, nil, nil
	s.pending = nil
}

// restore recovers by what the account was before the thief's changes (X01).
func (s *story) restore() {
	if s.former == nil || s.now-s.changedAt > policy.RestoreFor {
		return
	}
	before := s.former
	d := s.decide(before, owner, policy.Recover, "")
	if !d.Enough {
		s.ownersWait(before, policy.Recover, d)
		return
	}
	waited := !s.actors[owner].waitOf(policy.Recover).IsZero()
	s.undo()
	s.frozen = false
	s.recover(owner, waited)
}

// getIn signs in, lifts a freeze or recovers, with what the owner has.
func (s *story) getIn() bool {
	x := &s.actors[owner]
	if s.frozen && !s.unfreezeOwn() {
		return false
	}
	if s.decide(&s.account, owner, policy.SignIn, "").Enough {
		x.in = true
		if !x.known {
			x.known, x.since = true, s.clock()
		}
		return true
	}
	d := s.decide(&s.account, owner, policy.Recover, "")
	if d.Enough {
		s.recover(owner, !x.waitOf(policy.Recover).IsZero())
		return true
	}
	s.ownersWait(&s.account, policy.Recover, d)
	return false
}

func (s *story) unfreezeOwn() bool {
	d := s.decide(&s.account, owner, policy.Unfreeze, "")
	if d.Enough {
		return s.unfreeze(owner)
	}
	s.ownersWait(&s.account, policy.Unfreeze, d)
	return false
}

// ownersWait begins a wait, or goes on with it. A thief who holds a contact objects to
// it at once, if that counts.
func (s *story) ownersWait(a *account, action policy.Action, d policy.Decision) {
	for _, w := range a.ways {
		if w.contact() && w.held[thief].has(s.now) && s.house.Objects(s.question(a, owner, action, ""), w.Method) {
			s.actors[owner].waits = nil
			return
		}
	}
	s.wait(owner, action, d)
}

// stoppable tells whether a contact of the owner's stops what the thief waits for.
func (s *story) stoppable() bool {
	q := s.question(&s.account, thief, s.actors[thief].waits[0].Action, "")
	return slices.ContainsFunc(s.ways, func(w way) bool { return w.contact() && w.held[owner].has(s.now) && s.house.Objects(q, w.Method) })
}

// cleanUp is what an owner does who is in and knows: sign out the rest, throw out what
// is not theirs, set a new password, stay.
func (s *story) cleanUp() {
	t := &s.actors[thief]
	t.in, t.known, t.trusted, t.waits, t.fresh, s.pending, s.leavesAt = false, false, false, nil, nil, nil, -1
	if s.kind.name == badLuck {
		return
	}
	intruders := func(w way) bool { return w.held[thief] == always && w.held[owner] == span{} }
	for _, m := range []policy.Method{policy.Passkey, policy.EmailCode} {
		if !slices.ContainsFunc(s.ways, func(w way) bool { return w.Method == m && intruders(w) }) {
			continue
		}
		action := policy.RemoveMethod
		if m == policy.EmailCode {
			action = policy.RemoveEmail
		}
		d := s.decide(&s.account, owner, action, m)
		if d.Enough {
			s.remove(func(w way) bool { return w.Method == m && intruders(w) })
		} else if !d.TooNew.IsZero() {
			s.at(owner, d.TooNew.Sub(start), again)
		}
	}
	if s.kind.name == "phone thief" && s.has(policy.RecoveryCode) { // they may have been in the phone
		if d := s.decide(&s.account, owner, policy.RecoveryCodes, ""); d.Enough {
			s.each(policy.RecoveryCode, func(w *way) { w.held = [2]span{always, {}} })
		} else if !d.TooNew.IsZero() {
			s.at(owner, d.TooNew.Sub(start), again)
		}
	}
	leaked := slices.ContainsFunc(s.ways, func(w way) bool { return w.Method == policy.Password && w.held[thief].has(s.now) })
	if leaked && s.decide(&s.account, owner, policy.SetPassword, "").Enough {
		s.newPassword(owner)
	}
	if !slices.ContainsFunc(s.ways, intruders) {
		s.former = nil
	}
}
