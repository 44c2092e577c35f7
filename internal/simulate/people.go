package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

// letters are the methods of mixes, as in docs/matrix.md.
var letters = map[rune]policy.Method{'S': policy.SMSCode, 'E': policy.EmailCode, 'P': policy.Password, 'K': policy.Passkey,
	'T': policy.TOTP, 'R': policy.RecoveryCode, 'D': policy.DevicePrompt, 'L': policy.LinkedSignIn}

// mixes are what accounts have, and how many of a hundred have it: a guess at a
// phone-first consumer house, with more of the guarded than there are.
var mixes = []struct {
	has     string
	twoStep bool
	share   int
}{
	{"S", false, 20}, {"SP", false, 16}, {"SE", false, 6}, {"SEP", false, 14}, {"EP", false, 8}, {"SL", false, 5}, {"SPL", false, 4},
	{"SK", false, 4}, {"SPK", false, 4}, {"SEPK", false, 4}, {"SPT", false, 2},
	{"SPR", true, 3}, {"SPTR", true, 3}, {"SEPTR", true, 3}, {"SEPKTR", true, 2}, {"EPTR", true, 1}, {"STR", true, 1},
}

// newStory draws a person, an account and what happens to them.
func newStory(r *rand.Rand, house *policy.Policy, setting *Setting, a attacker) *story {
	s := &story{Rand: r, house: house, setting: setting, kind: a, outSince: -1}
	pick, mix := r.IntN(100), 0
	for pick >= mixes[mix].share {
		pick -= mixes[mix].share
		mix++
	}
	s.account = account{created: start.Add(-time.Duration(30+r.IntN(1500)) * day), twoStep: mixes[mix].twoStep, leavesAt: -1,
		phoneSilent: time.Duration(r.ExpFloat64() * float64(40*day))}
	for _, c := range mixes[mix].has {
		w := way{Way: policy.Way{Method: letters[c], Since: start.Add(-20 * day)}}
		w.held[owner], w.verifies[owner] = always, c == 'K'
		w.deaf = c == 'E' && r.IntN(10) == 0
		s.ways = append(s.ways, w)
	}
	if !s.has(policy.DevicePrompt) && s.chance(40) { // another device is signed in and can be asked
		w := way{Way: policy.Way{Method: policy.DevicePrompt, Since: start.Add(-20 * day)}}
		w.held[owner] = always
		s.ways = append(s.ways, w)
	}
	other := s.has(policy.EmailCode) || s.has(policy.Passkey) || s.has(policy.TOTP)
	s.protected = (r.IntN(50) == 0 || setting.Protect) && other
	s.owner = [...]habits{{mean: 4 * time.Hour, every: day}, {mean: 4 * time.Hour, every: 4 * day}, {mean: 36 * time.Hour, every: 4 * day},
		{mean: 36 * time.Hour, every: 30 * day}, {deaf: true, every: 2 * day}, {deaf: true, every: 30 * day}}[[...]int{0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 4, 5}[r.IntN(12)]]
	s.actors[owner] = actor{in: true, known: true, seen: policy.Seen{NewNetwork: r.IntN(3) == 0, NewCountry: r.IntN(30) == 0}}
	s.actors[thief] = actor{seen: policy.Seen{NewNetwork: true, NewCountry: r.IntN(2) == 0, NetworkListed: r.IntN(4) == 0}}
	a.begin(s)
	s.at(thief, 0, again)
	s.at(owner, s.owner.next(r), use)
	return s
}

// chance is true n times in a hundred.
func (s *story) chance(n int) bool { return s.IntN(100) < n }

// between draws a time.
func (s *story) between(from, to time.Duration) time.Duration {
	return from + time.Duration(s.Float64()*float64(to-from))
}

// each changes every way of a method.
func (a *account) each(m policy.Method, f func(*way)) {
	for i := range a.ways {
		if a.ways[i].Method == m {
			f(&a.ways[i])
		}
	}
}

// takes lets the thief use a method for a time, with so much luck.
func (s *story) takes(m policy.Method, luck int, until time.Duration) {
	if s.chance(luck) {
		s.each(m, func(w *way) { w.held[thief] = span{-1, until} })
	}
}

// loses takes a method from the owner until it comes back.
func (s *story) loses(m policy.Method, luck int, until time.Duration) {
	if s.chance(luck) {
		s.each(m, func(w *way) { w.held[owner] = span{until, 1 << 62} })
	}
}

const never = 1 << 61

// attacker is a kind of attacker (security yardstick, section 2): what they hold, what
// the owner lost thereby, and who learns of it.
type attacker struct {
	name   string
	begin  func(s *story)
	spite  bool // wants to freeze and delete
	stolen bool // begins with a session
}

const badLuck = "none, but things get lost"

var attackers = []attacker{
	{name: "stranger", begin: func(s *story) {
		s.takes(policy.Password, 30, never) // from a leak
	}},
	{name: "SIM thief", begin: func(s *story) {
		noticed := s.between(time.Hour, 2*day) // no network
		back := noticed + s.between(4*time.Hour, 3*day)
		s.takes(policy.SMSCode, 100, back)
		s.loses(policy.SMSCode, 100, back)
		s.takes(policy.Password, 20, never)
		if s.chance(30) {
			s.actors[thief].seen.SIMSwappedAt = start // the carrier tells
		}
		s.at(owner, back, knows)
	}},
	{name: "new owner of the number", begin: func(s *story) {
		since := s.between(60*day, 600*day) // carriers give numbers out again after 45 to 90 days
		s.takes(policy.SMSCode, 100, never)
		s.loses(policy.SMSCode, 100, never)
		s.phoneSilent += since
		s.actors[thief].seen.NewCountry, s.actors[thief].seen.NetworkListed = false, false
		s.actors[thief].seen.NumberReassigned = s.chance(30)
	}},
	{name: "phone thief", begin: stealPhone},
	{name: "cookie thief", stolen: true, begin: func(s *story) {
		x := &s.actors[thief]
		x.in, x.until, x.known, x.trusted, x.moved = true, s.between(16*day, session), true, s.chance(50), true
		if s.chance(5) { // within ten minutes of a sign-in: its proofs are fresh, but of elsewhere
			for _, w := range s.ways[:1+s.IntN(len(s.ways))] {
				x.fresh = append(x.fresh, policy.Given{Method: w.Method, At: s.clock(), Verified: true, Since: w.Since, Elsewhere: true})
			}
		}
	}},
	{name: "thief of cookies and passwords", stolen: true, begin: func(s *story) {
		x := &s.actors[thief]
		x.in, x.until, x.known, x.trusted, x.moved = true, s.between(16*day, session), true, s.chance(50), true
		s.takes(policy.Password, 80, never)        // saved in the same browser
		s.takes(policy.DevicePrompt, 100, x.until) // the stolen session answers what another device of the thief's asks
	}},
	{name: "spiteful acquaintance", spite: true, begin: func(s *story) {
		x := &s.actors[thief]
		x.seen = policy.Seen{}
		x.known = s.chance(20)
		s.takes(policy.Password, 15, never)
		if s.chance(30) { // a phone on the table
			s.takes(policy.SMSCode, 100, []time.Duration{10 * time.Minute, 2 * day, 30 * day}[s.IntN(3)])
		}
	}},
	{name: badLuck, begin: loseThings},
}

// stealPhone: an unlocked phone, with what is on it.
func stealPhone(s *story) {
	noticed := s.between(20*time.Minute, day)
	cut := noticed + s.between(0, day)             // phone wiped, mailbox signed out
	sim := noticed + s.between(6*time.Hour, 4*day) // a new SIM
	x := &s.actors[thief]
	x.in, x.until, x.known, x.trusted = true, s.between(16*day, session), true, true
	x.seen = policy.Seen{NewNetwork: true}
	s.takes(policy.SMSCode, 100, sim)
	s.loses(policy.SMSCode, 100, sim)
	s.takes(policy.EmailCode, 85, cut)
	s.takes(policy.TOTP, 90, cut)
	s.takes(policy.DevicePrompt, 100, cut)
	s.takes(policy.Password, 25, never)
	s.takes(policy.RecoveryCode, 15, never)
	if s.chance(10) { // the PIN was watched
		s.takes(policy.Passkey, 100, cut)
		s.each(policy.Passkey, func(w *way) { w.verifies[thief] = true })
	}
	s.loses(policy.TOTP, 90, never)
	s.loses(policy.DevicePrompt, 30, never)
	s.loses(policy.Passkey, 30, never) // the others are synced
	s.actors[owner].in, s.actors[owner].known = false, s.chance(50)
	s.outSince = 0
	s.at(owner, noticed, knows)
	s.at(owner, sim, knows)
}

// loseThings: nobody attacks; phones drown, passwords are forgotten.
func loseThings(s *story) {
	if s.chance(70) {
		back := s.between(4*time.Hour, 5*day)
		if s.chance(15) {
			back = never
		}
		s.loses(policy.SMSCode, 100, back)
		s.loses(policy.TOTP, 80, never)
		s.loses(policy.DevicePrompt, 50, never)
		s.loses(policy.Passkey, 30, never)
		s.at(owner, back, again)
	}
	s.loses(policy.Password, 40, never)
	s.loses(policy.EmailCode, 15, never)
	s.loses(policy.RecoveryCode, 40, never)
	s.loses(policy.LinkedSignIn, 10, never)
	s.actors[owner].in, s.actors[owner].known = false, s.chance(30)
	s.outSince = 0
	s.at(owner, 0, knows)
}
