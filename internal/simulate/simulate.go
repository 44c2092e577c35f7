// Package simulate holds people of paper: owners of accounts and those who would
// like to have them, playing against the policy in virtual time. It asks the same
// policy.Decide as the doors do and adds what is around it: who holds what and how
// long, who is told and when they look, what can be objected to and restored. It
// must never decide by itself whether proofs are enough, and the same seed always
// gives the same story. It owns no table.
package simulate

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

const day = 24 * time.Hour

// session is how long a session lives at most.
const session = 30 * day

// horizon is when it is looked who is in: whoever is then has lasting access.
const horizon = 60 * day

// stays is how long a wait that is over can be used.
const stays = 7 * day

// start is the moment of the attack, or of the loss.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Setting is one way to run the house.
type Setting struct {
	Name       string
	Policy     policy.Settings
	Thresholds policy.Thresholds
	Silent     bool // nobody is told of anything
	Protect    bool // who can has chosen that texts alone are never enough
}

// Settings are those that are compared, the usual one first.
func Settings() []Setting {
	numbers := policy.DefaultThresholds
	numbers.SilentPhone = 90 * day
	never := policy.DefaultThresholds
	never.SilentPhone = 10000 * day
	return []Setting{
		{Name: "default", Thresholds: policy.DefaultThresholds},
		{Name: "a password alone opens", Policy: policy.Settings{PasswordAlone: true}, Thresholds: policy.DefaultThresholds},
		{Name: "no waits", Policy: policy.Settings{NoWaits: true}, Thresholds: policy.DefaultThresholds},
		{Name: "texts alone never enough", Thresholds: policy.DefaultThresholds, Protect: true},
		{Name: "numbers doubted after 90 days", Thresholds: numbers},
		{Name: "numbers never doubted", Thresholds: never},
		{Name: "nobody is told", Thresholds: policy.DefaultThresholds, Silent: true},
	}
}

// Row is what came of one kind of attacker under one setting.
type Row struct {
	Setting  string `json:"setting"`
	Attacker string `json:"attacker"`
	People   int    `json:"people"`
	// Entered is how many accounts the attacker was ever in; for who begins with a
	// session, all. Kept is how many the attacker is in at the end, or has destroyed.
	Entered int `json:"entered"`
	Kept    int `json:"kept"`
	// Out are owners who at the end have wanted in for a week and cannot, without an
	// appeal; Wrongly those of them who have a strong method or any two.
	Out     int `json:"out"`
	Wrongly int `json:"wrongly_out"`
	// Disturbed are owners who for some time could not get in, and Hours how long that
	// was for the median of them who got back.
	Disturbed int     `json:"disturbed"`
	Hours     float64 `json:"median_hours"`
}

// compared is which part of the people the settings other than the first are played with.
const compared = 10

// Run plays people, each against one kind of attacker or against bad luck, under the
// first setting, and a part of the same people under the others.
func Run(people int, seed uint64, settings []Setting) []Row {
	var rows []Row
	for i, s := range settings {
		n := people
		if i > 0 {
			n = people / compared
		}
		rows = append(rows, play(n, seed, &s)...)
	}
	return rows
}

func play(people int, seed uint64, s *Setting) []Row {
	rows := make([]Row, len(attackers))
	times := make([][]time.Duration, len(attackers))
	house := policy.New(s.Policy)
	for i := range people {
		k := i % len(attackers)
		p := newStory(rand.New(rand.NewPCG(seed, uint64(i))), house, s, attackers[k])
		p.play()
		times[k] = rows[k].count(p, times[k])
	}
	for k := range rows {
		rows[k].Setting, rows[k].Attacker = s.Name, attackers[k].name
		slices.Sort(times[k])
		if n := len(times[k]); n > 0 {
			rows[k].Hours = times[k][n/2].Round(time.Hour).Hours()
		}
	}
	return rows
}

func (r *Row) count(p *story, times []time.Duration) []time.Duration {
	r.People++
	if p.entered {
		r.Entered++
	}
	if p.keeps() {
		r.Kept++
	}
	if p.outSince >= 0 || p.recovered > 0 {
		r.Disturbed++
	}
	switch {
	case p.outSince >= 0 && (p.gone || horizon-p.outSince > 7*day):
		r.Out++
		if !p.gone && p.enoughLeft() {
			r.Wrongly++
		}
	case p.outSince < 0 && p.recovered > 0:
		times = append(times, p.recovered)
	}
	return times
}

// role is who acts.
type role int

const (
	owner role = iota
	thief
)

// span is a stretch of time; the zero value is none.
type span struct{ from, to time.Duration }

func (s span) has(t time.Duration) bool { return t >= s.from && t < s.to }

var always = span{-1 << 62, 1 << 62}

// way is a method of an account, and who can use it when.
type way struct {
	policy.Way
	held     [2]span
	verifies [2]bool
	deaf     bool // a mailbox that nobody reads
}

func (w way) contact() bool { return w.Method == policy.SMSCode || w.Method == policy.EmailCode }

// account is what the house keeps.
type account struct {
	created      time.Time
	ways         []way
	twoStep      bool
	twoStepSince time.Time
	protected    bool
	recoveredAt  time.Time
	phoneSilent  time.Duration // before the start
	frozen       bool
	thawsAt      time.Duration // 0: only its owner lifts it
	leavesAt     time.Duration // -1: does not
	gone         bool
}

func (a account) clone() account {
	a.ways = slices.Clone(a.ways)
	return a
}

func (a *account) has(m policy.Method) bool {
	return slices.ContainsFunc(a.ways, func(w way) bool { return w.Method == m })
}

// actor is one of the two as the house sees them.
type actor struct {
	in      bool          // has a session
	until   time.Duration // when it ends
	known   bool          // on a device that the account knows
	left    bool          // a footprint: the account was signed in to from here
	since   time.Time
	trusted bool
	seen    policy.Seen // from where they come
	moved   bool        // the session is used from elsewhere
	waits   []policy.Wait
	fresh   []policy.Given // proofs that the session had when it was stolen
}

// pending is a change that happens when its time to object is over.
type pending struct {
	at time.Duration
	do func()
}

// event is when somebody looks again.
type event struct {
	at  time.Duration
	who role
	why cause
}

type cause int

const (
	again  cause = iota // on their own
	use                 // the owner wants to use the account
	notice              // the owner reads a notice, which has a link to undo and freeze
	knows               // the owner learns of it without a notice
)

// story is one person's.
type story struct {
	*rand.Rand
	house   *policy.Policy
	setting *Setting
	kind    attacker
	account
	former    *account // as it was before the first thing that the thief changed
	changedAt time.Duration
	actors    [2]actor
	pending   []pending
	events    []event
	asked     []policy.Way
	shown     []policy.Given
	now       time.Duration
	turn      role
	owner     habits
	entered   bool
	froze     bool
	outSince  time.Duration // since when the owner wants in and cannot; -1: is in, or does not know
	recovered time.Duration // how long that was
}

// play goes through the events until the horizon.
func (s *story) play() {
	for len(s.events) > 0 {
		first := 0
		for i, e := range s.events {
			if e.at < s.events[first].at {
				first = i
			}
		}
		e := s.events[first]
		s.events = slices.Delete(s.events, first, first+1)
		if e.at > horizon {
			continue
		}
		s.now, s.turn = e.at, e.who
		if s.leavesAt >= 0 && s.now >= s.leavesAt {
			s.gone = true
		}
		s.ripen()
		if s.frozen && s.thawsAt > 0 && s.now >= s.thawsAt {
			s.frozen = false
		}
		if x := &s.actors[thief]; x.in && s.now >= x.until {
			x.in = false
		}
		if e.who == thief {
			s.attack()
		} else {
			s.defend(e.why)
		}
	}
	s.now = horizon
	s.frozen = s.frozen && s.thawsAt == 0
	if s.leavesAt >= 0 && s.now >= s.leavesAt {
		s.gone = true
	}
	if s.gone && s.outSince < 0 {
		s.outSince = s.now
	}
}

// ripen does what nobody objected to in time.
func (s *story) ripen() {
	var rest []pending
	for _, p := range s.pending {
		if p.at > s.now {
			rest = append(rest, p)
			continue
		}
		p.do()
	}
	s.pending = rest
}

func (s *story) at(who role, t time.Duration, why cause) {
	e := event{t, who, why}
	if t > horizon || slices.Contains(s.events, e) || t == s.now && s.events != nil && why == again && who == s.turn {
		return
	}
	s.events = append(s.events, e)
}

func (s *story) clock() time.Time { return start.Add(s.now) }

// standing is how an account stands, as the policy reads it.
func (s *story) standing(a *account, who role) policy.Standing {
	x := &s.actors[who]
	st := policy.Standing{CreatedAt: a.created, TwoStep: a.twoStep, TwoStepSince: a.twoStepSince, Protected: a.protected,
		RecoveredAt: a.recoveredAt, KnownDevice: x.known, DeviceSince: x.since, TrustedDevice: x.trusted, Waits: x.waits}
	s.asked = s.asked[:0]
	for i := range a.ways {
		s.asked = append(s.asked, a.ways[i].Way)
	}
	st.Ways = s.asked
	return st
}

// given is all that somebody can prove now. More never harms.
func (s *story) given(a *account, who role) []policy.Given {
	out := s.shown[:0]
	for i := range a.ways {
		w := &a.ways[i]
		if w.held[who].has(s.now) {
			out = append(out, policy.Given{Method: w.Method, At: s.clock(), Verified: w.verifies[who], Since: w.Since})
		}
	}
	if who == thief {
		out = append(out, s.actors[thief].fresh...)
	}
	s.shown = out
	return out
}

// question is what the house asks the policy, about the present account or the former.
func (s *story) question(a *account, who role, action policy.Action, replaced policy.Method) policy.Question {
	x := &s.actors[who]
	seen := x.seen
	seen.Now, seen.KnownDevice, seen.SessionMoved = s.clock(), x.known, x.moved && x.in
	seen.PhoneSilentFor = a.phoneSilent + s.now
	risk := s.setting.Thresholds.Assess(seen)
	if a == s.former {
		risk.Level = policy.High // who undoes changes shows all that there was
	}
	return policy.Question{Action: action, Risk: risk, Standing: s.standing(a, who), Given: s.given(a, who), Now: s.clock(), Replaced: replaced}
}

func (s *story) decide(a *account, who role, action policy.Action, replaced policy.Method) policy.Decision {
	return s.house.Decide(s.question(a, who, action, replaced))
}

// tell sends a notice to every contact of before and after but one that proved it, and
// draws when the owner looks.
func (s *story) tell(but policy.Method) {
	if s.setting.Silent || s.owner.deaf {
		return
	}
	reached := false
	for _, a := range []*account{&s.account, s.former} {
		if a == nil {
			continue
		}
		for _, w := range a.ways {
			if w.contact() && w.Method != but && w.held[owner].has(s.now) && !w.deaf {
				reached = true
			}
		}
	}
	if reached {
		s.at(owner, s.now+s.owner.looks(s.Rand), notice)
	}
}

// keeps tells whether the thief is in, or could be, at the end.
func (s *story) keeps() bool {
	if s.gone || s.kind.name == badLuck {
		return s.gone && s.kind.name != badLuck
	}
	x := s.actors[thief]
	return x.in && s.now < x.until || !s.frozen && s.decide(&s.account, thief, policy.SignIn, "").Enough
}

// enoughLeft tells whether the owner has a strong method or any two that belong to
// the account.
func (s *story) enoughLeft() bool {
	n := 0
	for _, w := range s.ways {
		if !w.held[owner].has(s.now) {
			continue
		}
		switch w.Method {
		case policy.Passkey, policy.TOTP, policy.RecoveryCode:
			return true
		}
		n++
	}
	return n >= 2
}

// put adds a way, or puts it in the place of the one of its method.
func (a *account) put(w way, more bool) {
	i := slices.IndexFunc(a.ways, func(x way) bool { return x.Method == w.Method })
	if i < 0 || more {
		a.ways = append(a.ways, w)
		return
	}
	w.Replaced = true
	a.ways[i] = w
}

func (a *account) remove(drop func(way) bool) { a.ways = slices.DeleteFunc(a.ways, drop) }

// waitOf finds when a wait for an action is over; 0: there is none.
func (x *actor) waitOf(a policy.Action) time.Time {
	i := slices.IndexFunc(x.waits, func(w policy.Wait) bool { return w.Action == a })
	if i < 0 {
		return time.Time{}
	}
	return x.waits[i].ReadyAt
}

// wait begins a wait, tells everybody, and comes back when it is over.
func (s *story) wait(who role, a policy.Action, d policy.Decision) bool {
	x := &s.actors[who]
	if d.Wait == 0 {
		if !d.ReadyAt.IsZero() {
			s.at(who, d.ReadyAt.Sub(start), again)
		}
		return !d.ReadyAt.IsZero()
	}
	x.waits = slices.DeleteFunc(x.waits, func(w policy.Wait) bool { return w.Action == a })
	ready := s.clock().Add(d.Wait)
	x.waits = append(x.waits, policy.Wait{Action: a, ReadyAt: ready, EndsAt: ready.Add(stays)})
	s.at(who, s.now+d.Wait, again)
	if who == thief {
		s.tell("")
	}
	return true
}

// habits are how an owner lives with notices.
type habits struct {
	deaf  bool          // reads none
	mean  time.Duration // how long until one is read, on average
	every time.Duration // how often the account is used, on average
}

func (h habits) looks(r *rand.Rand) time.Duration {
	return cmp.Or(time.Duration(r.ExpFloat64()*float64(h.mean)), time.Second)
}

func (h habits) next(r *rand.Rand) time.Duration {
	return cmp.Or(time.Duration(r.ExpFloat64()*float64(h.every)), time.Second)
}
