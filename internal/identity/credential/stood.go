package credential

import "time"

// StoodAt is the password that an account had just before a time and that had
// stood for at least so long then, as if it were the present one; of those that
// were too young the one before. No password is not an error. It is for undoing a
// takeover: what a thief set a moment before is nobody's knowledge.
func (p *Passwords) StoodAt(s Stored, at time.Time, least time.Duration) (Stored, error) {
	none := Stored{id: s.id}
	if s.isSet && s.setAt.Before(at) && at.Sub(s.setAt) >= least {
		return s, nil
	}
	for i, e := range s.earlier {
		var since time.Time // of the oldest that is remembered it is not known
		if i+1 < len(s.earlier) {
			since = s.earlier[i+1].replacedAt
		}
		end := e.replacedAt
		if at.Before(end) {
			end = at
		}
		if !since.Before(at) || end.Sub(since) < least {
			continue
		}
		if at.Sub(end) >= least { // it was given up before all this
			return none, nil
		}
		h, err := p.open(e.sealed, earlierPlace(s.id, e.nth))
		if err != nil {
			return none, err
		}
		return Stored{id: s.id, isSet: true, setAt: since, sealed: e.sealed, hash: h}, nil
	}
	return none, nil
}

// ReplacedAt is when the last password that had stood for at least so long was
// replaced; zero: none is remembered.
func (s Stored) ReplacedAt(least time.Duration) time.Time {
	for i, e := range s.earlier {
		if i+1 == len(s.earlier) || e.replacedAt.Sub(s.earlier[i+1].replacedAt) >= least {
			return e.replacedAt
		}
	}
	return time.Time{}
}
