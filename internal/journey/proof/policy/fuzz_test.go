package policy

import (
	"slices"
	"testing"
	"time"
)

// FuzzDecide asks whatever question comes: it never panics; one more proof never
// closes what was open; neither does less risk or less doubt; and what is not enough
// never stays without a word.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17})
	f.Add([]byte("sign in with a text and an old passkey, please"))
	f.Add([]byte{255, 254, 253, 7, 31, 8, 0, 0, 200, 90, 1, 16, 44, 71, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, q := question(data)
		d := p.Decide(q)
		if !d.Enough && d.stuck() && d.TooNew.IsZero() && !d.Appeal {
			t.Fatalf("no word: %+v of %+v", d, q)
		}
		if d.Enough && (len(d.Offer) > 0 || d.Appeal || d.Wait != 0) {
			t.Fatalf("enough, and yet: %+v of %+v", d, q)
		}
		for _, m := range methods {
			more := q
			more.Given = append(slices.Clone(q.Given), Given{Method: m.name, At: q.Now, Verified: true, Since: q.Now.Add(-100 * Young)})
			after := p.Decide(more)
			if d.Enough && !after.Enough || after.Reached < d.Reached {
				t.Fatalf("with %s it is no longer enough: %+v of %+v", m.name, after, more)
			}
			doubt := q
			doubt.Risk.Doubted = append(slices.Clone(q.Risk.Doubted), m.name)
			if !d.Enough && p.Decide(doubt).Enough {
				t.Fatalf("doubting %s opens: %+v", m.name, q)
			}
		}
		higher := q
		higher.Risk.Level++
		if !d.Enough && p.Decide(higher).Enough {
			t.Fatalf("more risk opens: %+v", q)
		}
	})
}

// question reads a question out of bytes.
func question(data []byte) (*Policy, Question) {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	ago := func() time.Time { return now.Add(-time.Duration(next()*next()) * 3 * time.Minute) }
	flags := next()
	p := New(Settings{PasswordAlone: flags&1 != 0, Questions: flags&2 != 0, NoWaits: flags&4 != 0})
	action := Action("unknown")
	if i := next(); i < 250 {
		action = table[i%len(table)].action
	}
	q := Question{Action: action, Now: now, Risk: Risk{Level: Level(next() % 4)}}
	q.Standing = Standing{CreatedAt: now.Add(-time.Duration(next()) * 10 * time.Hour), TwoStep: flags&8 != 0, Protected: flags&16 != 0,
		KnownDevice: flags&32 != 0, TrustedDevice: flags&64 != 0}
	if flags&128 != 0 {
		q.Standing.RecoveredAt, q.Standing.DeviceSince = ago(), ago()
	}
	for range next() % 8 {
		b := next()
		w := Way{Method: methods[b%len(methods)].name, Since: ago(), Replaced: b&128 != 0}
		if b&64 != 0 {
			w.Unavailable = "limited"
		}
		q.Standing.Ways = append(q.Standing.Ways, w)
	}
	for range next() % 5 {
		b := next()
		g := Given{Method: methods[b%len(methods)].name, At: now.Add(-time.Duration(next()) * 10 * time.Second), Verified: b&128 != 0, Elsewhere: b&64 != 0}
		if b&32 != 0 {
			g.For = table[next()%len(table)].action
		}
		q.Given = append(q.Given, g)
	}
	for range next() % 3 {
		q.Risk.Doubted = append(q.Risk.Doubted, methods[next()%len(methods)].name)
	}
	if b := next(); b&1 != 0 {
		q.Standing.Waits = []Wait{{Action: action, ReadyAt: ago(), EndsAt: now.Add(time.Duration(b) * time.Hour)}}
	}
	if b := next(); b&1 != 0 {
		q.Replaced = methods[b%len(methods)].name
	}
	return p, q
}
