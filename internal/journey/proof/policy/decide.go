package policy

import (
	"slices"
	"time"
)

// method is what the policy knows of a method.
type method struct {
	kinds    Kind
	verified Kind // more kinds, if the authenticator verified the person
	strength int  // 1 weak, 2 usual, 3 strong: stands for medium by itself
	second   bool // may be the second step of 2-step verification
}

var methods = map[Method]method{
	SMSCode:      {kinds: Possession, strength: 2, second: true},
	EmailCode:    {kinds: Possession, strength: 1},
	Password:     {kinds: Knowledge, strength: 2},
	Passkey:      {kinds: Possession, verified: Inherence, strength: 3, second: true},
	TOTP:         {kinds: Possession, strength: 3, second: true},
	RecoveryCode: {kinds: Possession, strength: 3, second: true},
	Questions:    {kinds: Knowledge, strength: 1},
	DevicePrompt: {kinds: Possession, strength: 3, second: true},
	LinkedSignIn: {kinds: Possession, strength: 2},
}

// need is a row of the table: the level at low, medium and high risk, and how long
// a wait stands in for what is missing (0: nothing does).
type need struct {
	at   [3]Level
	wait time.Duration
}

var table = map[Action]need{
	SignIn:        {[3]Level{Low, Medium, High}, 72 * time.Hour},
	Recover:       {[3]Level{Low, Medium, High}, 24 * time.Hour},
	SetPassword:   {[3]Level{Medium, Medium, High}, 0},
	ViewContacts:  {[3]Level{Medium, Medium, High}, 0},
	AddContact:    {[3]Level{Medium, Medium, High}, 0},
	ChangePhone:   {[3]Level{Medium, Medium, High}, 0},
	ChangeEmail:   {[3]Level{Medium, Medium, High}, 0},
	ReplacePhone:  {[3]Level{High, High, High}, 0},
	ReplaceEmail:  {[3]Level{High, High, High}, 0},
	RemovePhone:   {[3]Level{High, High, High}, 0},
	RemoveEmail:   {[3]Level{High, High, High}, 0},
	AddMethod:     {[3]Level{Medium, Medium, High}, 0},
	RemoveMethod:  {[3]Level{Medium, Medium, High}, 0},
	RecoveryCodes: {[3]Level{High, High, High}, 0},
	TwoStepOn:     {[3]Level{Medium, Medium, High}, 0},
	TwoStepOff:    {[3]Level{High, High, High}, 0},
	TrustDevice:   {[3]Level{Medium, Medium, High}, 0},
	Freeze:        {[3]Level{Low, Low, Low}, 0},
	Unfreeze:      {[3]Level{High, High, High}, 24 * time.Hour},
	Link:          {[3]Level{Medium, Medium, High}, 0},
	Unlink:        {[3]Level{Medium, Medium, High}, 0},
	Export:        {[3]Level{High, High, High}, 0},
	Delete:        {[3]Level{High, High, High}, 0},
}

// level is what proofs are worth together: one decisive proof is low, a strong one
// or two kinds are medium, two kinds of which one is possessed and more than an
// e-mail are high. Two of the same kind are one.
func level(given []Given) Level {
	var kinds Kind
	strong, decisive, firm := false, false, false
	for _, g := range given {
		m := methods[g.Method]
		k := m.kinds
		if g.Verified {
			k |= m.verified
		}
		if m.strength > 1 || g.Method == EmailCode {
			decisive = true
		}
		if g.Method == Questions && !strong {
			continue // counted below, beside something strong only (S-79)
		}
		kinds |= k
		strong = strong || m.strength >= 3
		firm = firm || m.kinds&Possession != 0 && m.strength >= 2
	}
	two := kinds&(kinds-1) != 0
	switch {
	case two && firm:
		return High
	case two || strong:
		return Medium
	case decisive:
		return Low
	}
	return None
}

// Decide answers a question.
func (p *Policy) Decide(q Question) Decision {
	d := Decision{}
	row, ok := table[q.Action]
	if !ok {
		return d // what is not in the table is never enough
	}
	old, all := p.counted(q)
	d.Needed = row.at[max(q.Risk.Level, Low)-1]
	if best := p.best(q); best < d.Needed {
		d.Needed = max(best, Low)
	}
	d.Reached = level(all)
	if carried := level(old); d.Reached > carried+1 || carried == None {
		d.Reached = min(d.Reached, carried+1)
		if carried == None {
			d.Reached = None
		}
	}
	d.Enough = d.Reached >= d.Needed
	p.signIn(q, all, &d)
	p.waits(q, row, all, &d)
	if !d.Enough {
		p.offer(q, &d)
	}
	return d
}

// counted sorts out what was given: all that counts, and what of it is old enough
// to carry a decision.
func (p *Policy) counted(q Question) (old, all []Given) {
	for _, g := range q.Given {
		i := slices.IndexFunc(q.Standing.Ways, func(w Way) bool { return w.Method == g.Method })
		if i < 0 || q.Now.Sub(g.At) > FreshFor || g.For != "" && table[g.For].at[0] < table[q.Action].at[0] {
			continue
		}
		all = append(all, g)
		way := q.Standing.Ways[i]
		if !g.Since.IsZero() {
			way.Since = g.Since
		}
		if !p.young(q, way) && !slices.Contains(q.Risk.Doubted, g.Method) {
			old = append(old, g)
		}
	}
	return old, all
}

// young tells whether a way is too new to carry a decision. What came with the
// account is as old as it; on a device that the account knows a new contact is
// good enough to sign in.
func (p *Policy) young(q Question, w Way) bool {
	if q.Action == SignIn && q.Standing.KnownDevice {
		return false
	}
	return q.Now.Sub(w.Since) < Young && w.Since.Sub(q.Standing.CreatedAt) > time.Hour
}

// best is the most that the account's ways could reach, those left out that are
// too new, and those kept in whose place was taken by a new one.
func (p *Policy) best(q Question) Level {
	var all []Given
	for _, w := range q.Standing.Ways {
		if p.young(q, w) && !w.Replaced || slices.Contains(q.Risk.Doubted, w.Method) {
			continue
		}
		all = append(all, Given{Method: w.Method, At: q.Now, Verified: true})
	}
	return level(all)
}

// signIn adds what holds for entering only: the second step, and that a password
// is half a proof on an unknown device.
func (p *Policy) signIn(q Question, all []Given, d *Decision) {
	if q.Action != SignIn {
		return
	}
	if !p.settings.PasswordAlone && !q.Standing.KnownDevice && len(all) == 1 && all[0].Method == Password {
		d.Enough, d.Needed = false, max(d.Needed, Medium)
		d.Why = append(d.Why, PasswordFirst)
	}
	if q.Standing.TwoStep && !q.Standing.TrustedDevice && !secondStep(all) {
		d.Enough = false
		d.Why = append(d.Why, TwoStepAsks)
	}
}

// secondStep tells whether two different methods were given of which one may be
// the second, or one that is two.
func secondStep(all []Given) bool {
	for _, g := range all {
		if g.Method == Passkey && g.Verified {
			return true
		}
		for _, other := range all {
			if other.Method != g.Method && methods[g.Method].second {
				return true
			}
		}
	}
	return false
}

// waits lets time stand in for what is missing.
func (p *Policy) waits(q Question, row need, all []Given, d *Decision) {
	if d.Enough || row.wait == 0 || level(all) == None {
		return
	}
	d.Wait = row.wait
	for _, w := range q.Standing.Waits {
		switch {
		case w.Action != q.Action || !q.Now.Before(w.EndsAt):
		case q.Now.Before(w.ReadyAt):
			d.ReadyAt, d.Wait = w.ReadyAt, 0
		default:
			d.Enough, d.Wait = true, 0
			return
		}
	}
}

// offer lists what would help, the strongest first.
func (p *Policy) offer(q Question, d *Decision) {
	for _, w := range q.Standing.Ways {
		used := slices.ContainsFunc(q.Given, func(g Given) bool { return g.Method == w.Method })
		switch {
		case used:
		case w.Unavailable != "":
			d.Unavailable = append(d.Unavailable, w)
		default:
			d.Offer = append(d.Offer, w.Method)
		}
	}
	slices.SortStableFunc(d.Offer, func(a, b Method) int { return methods[b].strength - methods[a].strength })
}
