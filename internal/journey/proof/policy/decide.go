package policy

import (
	"math/bits"
	"slices"
	"time"
)

// Decide answers a question.
func (p *Policy) Decide(q Question) Decision {
	row := rowOf(q.Action)
	if row == nil {
		return Decision{Needed: High, Appeal: true} // what is not in the table is never enough
	}
	v := p.look(&q, row, q.Now)
	d := Decision{Needed: v.need, Reached: v.reached(v.given)}
	lacks := v.lacks(v.given)
	if lacks == 0 {
		d.Enough = true
		return d
	}
	if lacks&untilLater == 0 {
		v.waits(&d)
		if d.Enough {
			return d
		}
		v.offer(&d)
	}
	d.Why = v.why(lacks)
	p.later(v, &d)
	d.Appeal = d.stuck() && d.TooNew.IsZero()
	return d
}

// Objects tells whether an objection that comes by a contact stops a wait; q is the
// question of who waits. The contact must be one that could carry a decision itself,
// as the account stood by which the wait is judged: else whoever got hold of a number
// yesterday, or was given an abandoned one, could keep its owner waiting for ever.
// And it does not outweigh two other proofs: the one with more proof wins.
func (p *Policy) Objects(q Question, by Method) bool {
	row := rowOf(q.Action)
	if row == nil {
		return true
	}
	v := p.look(&q, row, q.Now)
	return v.ways.carry&bit(by) != 0 && (v.given.carry&^bit(by)).proofs() < 2
}

// stuck tells whether there is nothing to do now.
func (d *Decision) stuck() bool {
	return len(d.Offer) == 0 && len(d.Unavailable) == 0 && d.Wait == 0 && d.ReadyAt.IsZero()
}

// proofs are proofs by what they are good for.
type proofs struct {
	all     set // whatever was proved
	settled set // of it, what is not too new
	carry   set // of that, what is not doubted either: it can carry a decision
}

func (a proofs) and(b proofs) proofs {
	return proofs{a.all | b.all, a.settled | b.settled, a.carry | b.carry}
}

// view is a question, sorted out as things are at one moment.
type view struct {
	*Question
	row      *need
	settings Settings
	at       time.Time
	asks     asks
	takes    Method
	easy     bool // one proof is enough
	guarded  bool // its owner chose more than the usual
	doubted  set
	ways     proofs // all that the account has
	usable   set    // of it, what can be used now
	was      proofs // what it had Young ago, but for prompts
	given    proofs
	ageing   bool // something of it will be older
	need     Level
	// everything: doubt keeps the account from the level that it needs, so that all
	// that it has must be shown: doubt never makes anything easier.
	everything bool
}

// look sorts a question out.
func (p *Policy) look(q *Question, row *need, at time.Time) *view {
	v := &view{Question: q, row: row, settings: p.settings, at: at, asks: row.asks, takes: row.takes}
	if q.Replaced != "" {
		v.takes = q.Replaced
	}
	for _, m := range q.Risk.Doubted {
		v.doubted |= bit(m)
	}
	if q.Standing.Protected {
		v.doubted |= sms // S-81
	}
	old := set(0)
	for _, w := range q.Standing.Ways {
		b, young := v.bit(w.Method, true), v.young(w.Since)
		v.ways, v.ageing = v.ways.and(v.sort(b, young)), v.ageing || young
		// What a prompt needs comes and goes with sessions: it can be shown, and nobody
		// is asked for more because one more device is, or was, signed in.
		if (!young || w.Replaced) && w.Method != DevicePrompt {
			old |= b
		}
		if w.Unavailable == "" {
			v.usable |= b
		}
	}
	v.was = v.sort(old, false)
	if takes := bit(v.takes); takes&v.ways.all != 0 && takes&old == 0 {
		v.easy, v.asks = true, v.asks&^(settled|held) // an intruder's way goes with one older proof
	}
	v.easy = v.easy || v.asks&setsUp != 0 && at.Sub(q.Standing.CreatedAt) < Newborn
	v.guarded = q.Standing.TwoStep || q.Standing.Protected || v.ways.all&enrolled != 0
	for _, g := range q.Given {
		v.given = v.given.and(v.counted(g))
	}
	v.need, v.everything = v.needed()
	return v
}

// bit is the place of a method, with all that it can prove; 0 for what does not count.
func (v *view) bit(m Method, verifies bool) set {
	b := bit(m)
	if m == Passkey && verifies {
		b |= verified
	}
	if m == Questions && !v.settings.Questions {
		return 0
	}
	return b
}

// sort tells what proofs by these methods are good for.
func (v *view) sort(b set, young bool) proofs {
	if young {
		return proofs{all: b}
	}
	return proofs{all: b, settled: b, carry: b &^ v.doubted}
}

// counted is what a given proof is good for: nothing if it is too old, was given
// elsewhere or for something smaller, or if the account has no such way any more.
func (v *view) counted(g Given) proofs {
	since, have := g.Since, false
	for _, w := range v.Standing.Ways {
		if w.Method == g.Method {
			have = true
			if g.Since.IsZero() && w.Since.After(since) {
				since = w.Since // it may have been the youngest
			}
		}
	}
	if !have || g.Elsewhere || v.Now.Sub(g.At) > FreshFor {
		return proofs{}
	}
	if g.For != "" && g.For != v.Action {
		if of := rowOf(g.For); of == nil || !of.covers(v.row) {
			return proofs{}
		}
	}
	return v.sort(v.bit(g.Method, g.Verified), v.young(since))
}

// young tells whether what came at a moment is too new to carry a decision. What
// came with the account is as old as it. To sign in on a device that the account
// has long known, a new contact is good enough.
func (v *view) young(since time.Time) bool {
	recent := func(t time.Time) bool {
		return v.at.Sub(t) < Young && t.Sub(v.Standing.CreatedAt) > Newborn
	}
	if v.Action == SignIn && v.Standing.KnownDevice && !recent(v.Standing.DeviceSince) {
		return false
	}
	return recent(since)
}

// reached is the level of proofs. What is new or doubted lifts by one what carries.
func (v *view) reached(p proofs) Level {
	if v.asks&anyProof != 0 {
		return p.all.level()
	}
	carried := p.carry.level()
	if carried == None {
		return None
	}
	return min(v.counting(p).level(), carried+1)
}

// counting is what counts of proofs for this action.
func (v *view) counting(p proofs) set {
	if v.asks&settled != 0 {
		return p.settled
	}
	return p.all
}

// asked is the level of the table.
func (v *view) asked() Level { return v.row.at[min(max(v.Risk.Level, Low), High)-1] }

// needed is the level of the table, or as much as the account could show Young ago,
// and whether that is less than it could without doubt.
func (v *view) needed() (need Level, everything bool) {
	at := v.asked()
	switch {
	case v.easy:
		return Low, false
	case v.asks&whole != 0:
		return at, false
	}
	need = min(at, max(v.reached(v.was), Low))
	return need, need < min(at, v.was.all.level())
}

// lack is what proofs are short of. It is a set.
type lack uint8

const (
	assurance  lack = 1 << iota
	secondStep      // S-40
	more            // than a password (S-23)
	twoOfThem       // S-74
	another         // than what is replaced (S-67)
	untilLater      // S-78
)

// besidesLevel are the lacks as people are told of them.
var besidesLevel = []struct {
	of     lack
	signal Signal
}{{secondStep, TwoStepAsks}, {more, PasswordFirst}, {twoOfThem, TwoKinds}, {another, NotAlone}, {untilLater, JustRecovered}}

// lacks says what proofs are short of; nothing: they are enough.
func (v *view) lacks(p proofs) (l lack) {
	st, signIn, way := &v.Standing, v.Action == SignIn, v.asks&door != 0
	reached := v.reached(p)
	if reached < v.need || v.everything && reached < v.asked() && v.was.all&^questions&^p.all != 0 {
		l |= assurance
	}
	if st.TwoStep && way && !(signIn && st.TrustedDevice) && !p.all.twoSteps() {
		l |= secondStep
	}
	if p.all&^questions == password && !v.settings.PasswordAlone && way && !(signIn && st.KnownDevice) && v.Action != SetPassword {
		l |= more
	}
	if (v.asks&twoProofs != 0 && !v.easy || v.asks&twoKinds != 0 && v.guarded) && !v.independent(v.counting(p)) {
		l |= twoOfThem
	}
	beside := bit(v.takes) | questions | verified
	if v.ways.settled&bit(v.takes) != 0 && v.was.settled&^beside != 0 && v.counting(p)&^beside == 0 {
		l |= another
	}
	if v.asks&held != 0 && v.at.Before(v.heldUntil()) {
		l |= untilLater
	}
	return l
}

func (v *view) enough(p proofs) bool { return v.lacks(p) == 0 }

// independent tells whether proofs are two independent ones (S-74): two kinds, or, if
// the account cannot show two kinds and nothing stands in for them, two methods, if
// it has those.
func (v *view) independent(all set) bool {
	if v.was.all.two() || v.asks&whole != 0 {
		return all.two()
	}
	return all.proofs() > 1 || v.was.all.proofs() < 2
}

func (v *view) heldUntil() time.Time {
	if v.Standing.RecoveredAt.IsZero() {
		return time.Time{}
	}
	return v.Standing.RecoveredAt.Add(Young)
}

// why are the reasons to tell. That a first proof is missing needs none.
func (v *view) why(l lack) (out []Signal) {
	sensitive := v.row.at[0] > Low
	if v.given.all == 0 && !sensitive {
		return nil
	}
	for _, r := range besidesLevel {
		if l&r.of != 0 {
			out = append(out, r.signal)
		}
	}
	if l&assurance != 0 && v.Standing.Protected && v.given.all == sms {
		out = append(out, SMSNotAlone)
	}
	if l&assurance != 0 && sensitive {
		out = append(out, Sensitive)
	}
	return out
}

// carriesWait tells whether proofs are enough to let time stand in for the rest. A
// password is not, which strangers may know, unless the account has nothing else.
// Where the owner chose more than the usual, one weak proof is not, if no contact
// but the proved one would hear of it.
func (v *view) carriesWait(p proofs) bool {
	if v.asks&mayWait == 0 || v.settings.NoWaits || p.carry.level() == None {
		return false
	}
	if p.carry.kinds()&Possession == 0 && v.ways.all.kinds()&Possession != 0 {
		return false
	}
	if !v.Standing.TwoStep && !v.Standing.Protected {
		return true
	}
	told := v.ways.all & contacts &^ p.all
	return told != 0 || p.carry&strongs != 0 || p.all.proofs() > 1
}

// waits lets time stand in for what is missing.
func (v *view) waits(d *Decision) {
	if !v.carriesWait(v.given) {
		return
	}
	d.Wait = waitFor(v.guarded)
	for _, w := range v.Standing.Waits {
		switch {
		case w.Action != v.Action || !v.Now.Before(w.EndsAt):
		case v.Now.Before(w.ReadyAt):
			d.ReadyAt, d.Wait = w.ReadyAt, 0
		default:
			d.Enough, d.Waited, d.Wait, d.ReadyAt = true, true, 0, time.Time{}
			return
		}
	}
}

// offer lists what would help: the members of every smallest set of further proofs
// that is enough, and of those that let a wait begin.
func (v *view) offer(d *Decision) {
	helps := v.complete(v.enough)
	if d.Wait == 0 && d.ReadyAt.IsZero() {
		helps |= v.complete(v.carriesWait)
	}
	d.Offer = (helps & v.usable).list()
	for _, w := range v.Standing.Ways {
		if b := bit(w.Method); w.Unavailable != "" && b&helps != 0 && b&v.usable == 0 {
			d.Unavailable = append(d.Unavailable, w)
		}
	}
}

// complete collects the members of the smallest sets of further proofs, of three at
// most, with which the given ones do.
func (v *view) complete(do func(proofs) bool) (helps set) {
	free := v.ways.all &^ v.given.all &^ verified
	if v.given.all&verified == 0 {
		free |= v.ways.all & passkey // once more, and now with a finger or a PIN
	}
	var done []set
	for size := 1; size <= 3; size++ {
		for try := free; try > 0; try = (try - 1) & free {
			if bits.OnesCount16(uint16(try)) != size || slices.ContainsFunc(done, func(s set) bool { return s&try == s }) {
				continue
			}
			with := try
			if try&passkey != 0 {
				with |= verified
			}
			if do(v.given.and(proofs{with, with & v.ways.settled, with & v.ways.carry})) {
				done, helps = append(done, try), helps|try
			}
		}
	}
	return helps
}

// later says when time alone will help.
func (p *Policy) later(v *view, d *Decision) {
	if !v.ageing && !v.at.Before(v.heldUntil()) {
		return
	}
	times := []time.Time{v.heldUntil()}
	for _, w := range v.Standing.Ways {
		times = append(times, w.Since.Add(Young))
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, t := range times {
		if !t.After(v.Now) {
			continue
		}
		then := p.look(v.Question, v.row, t)
		if then.given.all != 0 && then.enough(then.given) || d.stuck() && then.enough(then.ways) {
			d.TooNew = t
			return
		}
	}
}
