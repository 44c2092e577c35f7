package quota

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// mark says that n was charged at a time, in microseconds.
type mark struct {
	at int64
	n  int
}

// marks are in order of time, no two at the same.
type marks []mark

// exact is how many marks are kept as they are. Beyond that neighbors are
// joined, at most exact to a window.
const exact = 32

func (m marks) newest() int64 {
	if len(m) == 0 {
		return 0
	}
	return m[len(m)-1].at
}

// since adds up what was charged after a time.
func (m marks) since(after int64) (n int) {
	for i := len(m) - 1; i >= 0 && m[i].at > after; i-- {
		n += m[i].n
	}
	return n
}

// add charges n now. A clock that was set back does not make the past cheaper.
func (m marks) add(now int64, n int) marks {
	if last := len(m) - 1; last >= 0 && m[last].at >= now {
		out := slices.Clone(m)
		out[last].n += n
		return out
	}
	return append(slices.Clip(m), mark{now, n})
}

// take removes the newest n charges.
func (m marks) take(n int) marks {
	out := slices.Clone(m)
	for n > 0 && len(out) > 0 {
		last := &out[len(out)-1]
		if last.n > n {
			last.n -= n
			break
		}
		n -= last.n
		out = out[:len(out)-1]
	}
	return out
}

func (l Limit) longest() (d time.Duration) {
	for _, w := range l.Windows {
		d = max(d, w.Per)
	}
	return d
}

// pace is how long the next charge must stay behind the newest when k count.
func (l Limit) pace(k int) int64 {
	if k == 0 || len(l.Pace) == 0 {
		return 0
	}
	return l.Pace[min(k, len(l.Pace))-1].Microseconds()
}

// allows tells whether n may be charged now. Where there is no pace, the newest
// mark may lie after now: of two transactions that run at once, the later one
// may have come first.
func (l Limit) allows(m marks, now int64, n int) bool {
	for _, w := range l.Windows {
		if m.since(now-w.Per.Microseconds())+n > w.Max {
			return false
		}
	}
	pace := l.pace(m.since(now - l.longest().Microseconds()))
	return pace == 0 || now >= m.newest()+pace
}

// retryAt is the first time after now at which n may be charged; 0 if that never
// comes. What is allowed changes only when a mark leaves a window or a pace has
// passed, so these times are all there is to try.
func (l Limit) retryAt(m marks, now int64, n int) int64 {
	var times []int64
	for _, w := range l.Windows {
		if n > w.Max {
			return 0
		}
		for _, one := range m {
			times = append(times, one.at+w.Per.Microseconds())
		}
	}
	for _, p := range l.Pace {
		times = append(times, m.newest()+p.Microseconds())
	}
	slices.Sort(times)
	for _, at := range times {
		if at > now && l.allows(m, at, n) {
			return at
		}
	}
	return 0
}

// tidy drops the marks that count no more, and when more than exact are left,
// joins neighbors: in the shortest window that a mark is still within, there are
// at most exact slots. A joined mark has the time of its newest part, so that
// nothing is ever forgotten early, and at most a slot (3 % of the window) late.
func (l Limit) tidy(m marks, now int64) marks {
	from := now - l.longest().Microseconds()
	first, _ := slices.BinarySearchFunc(m, from+1, func(a mark, at int64) int { return cmp.Compare(a.at, at) })
	m = m[first:]
	if len(m) <= exact {
		return m
	}
	out := make(marks, 0, len(m))
	var slotOf, slot int64
	for _, one := range m {
		size := l.slot(now - one.at)
		if n := len(out); n > 0 && size == slotOf && one.at/size == slot {
			out[n-1].at = one.at
			out[n-1].n += one.n
			continue
		}
		slotOf, slot = size, one.at/size
		out = append(out, one)
	}
	return out
}

// slot is how closely a mark of an age is kept, in microseconds.
func (l Limit) slot(age int64) int64 {
	shortest := l.longest().Microseconds()
	for _, w := range l.Windows {
		if per := w.Per.Microseconds(); per > age && per < shortest {
			shortest = per
		}
	}
	return max(shortest/exact, 1)
}

// layout is the first byte of stored marks.
const layout = 1

// encode writes marks as numbers of variable length: each time as the distance
// from the one before, then how much. A text limit's row has about 8 bytes a mark.
func (m marks) encode() []byte {
	b := make([]byte, 1, 1+9*len(m))
	b[0] = layout
	last := int64(0)
	for _, one := range m {
		b = binary.AppendUvarint(b, uint64(one.at-last))
		b = binary.AppendUvarint(b, uint64(one.n))
		last = one.at
	}
	return b
}

var errLayout = errors.New("quota: stored marks cannot be read")

func decode(b []byte) (m marks, err error) {
	if len(b) == 0 || b[0] != layout {
		return nil, errLayout
	}
	b = b[1:]
	last := int64(0)
	for len(b) > 0 {
		delta, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, errLayout
		}
		n, size2 := binary.Uvarint(b[size:])
		if size2 <= 0 || n > 1<<40 || delta > 1<<60 {
			return nil, errLayout
		}
		b = b[size+size2:]
		last += int64(delta)
		m = append(m, mark{last, int(n)})
	}
	return m, nil
}
