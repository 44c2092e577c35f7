package invariant

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// facts is what is looked at of a journey's sealed facts; the rest is its own.
type facts struct {
	Sent struct {
		Codes []struct {
			Message string    `json:"message"`
			Tries   int       `json:"tries"`
			SentAt  time.Time `json:"sent_at"`
			UsedAt  time.Time `json:"used_at"`
		} `json:"codes"`
	} `json:"sent"`
	Proved []struct {
		Method string    `json:"method"`
		At     time.Time `json:"at"`
	} `json:"proved"`
	Done *struct {
		At       time.Time `json:"at"`
		Account  int64     `json:"account"`
		DeviceID string    `json:"device_id"`
	} `json:"done"`
}

// The most wrong tries of a code, and the most codes that a journey remembers.
const (
	triesMost = 5
	codesMost = 8
)

// story is a journey as it is looked at.
type story struct {
	id, step  string
	createdAt int64
	facts
}

// history is what all journeys together say.
type history struct {
	*Ledger
	found    []Broken
	messages map[string]bool // that a journey sent
	full     int64           // when the oldest journey began that may have forgotten some; 0: none
	ends     map[string]string
}

// journeys looks at the journeys that are kept (a day beyond their end): each
// code counted once, each end with its session or a later end, each code message
// with its cause.
func (l *Ledger) journeys(ctx context.Context) ([]Broken, error) {
	h := &history{Ledger: l, messages: map[string]bool{}, ends: map[string]string{}}
	from := sqldb.Micros(l.db.Now().Add(-24 * time.Hour))
	for after := ""; ; {
		some, last, err := h.some(ctx, after)
		if err != nil {
			return nil, err
		}
		for _, s := range some {
			if err := h.read(ctx, s); err != nil {
				return nil, err
			}
		}
		if last == "" {
			break
		}
		after = last
	}
	err := h.causes(ctx, from)
	return h.found, err
}

func (h *history) breaks(sentence, of string) { h.found = append(h.found, Broken{sentence, of}) }

// some reads the next journeys; last is "" at the end of the table.
func (h *history) some(ctx context.Context, after string) (some []story, last string, err error) {
	rows, err := h.db.Query(ctx, `SELECT id, step, facts, created_at FROM journey WHERE id > $1 ORDER BY id LIMIT $2`, after, page)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var s story
		var sealed []byte
		if err := rows.Scan(&s.id, &s.step, &sealed, &s.createdAt); err != nil {
			return nil, "", err
		}
		if n++; n == page {
			last = s.id
		}
		plain, err := h.ring.Open(sealed, seal.Place{Table: "journey", Column: "facts", Row: s.id})
		if err == nil {
			err = json.Unmarshal(plain, &s.facts)
		}
		if err != nil {
			h.breaks("a journey opens under the key ring", s.id)
			continue
		}
		some = append(some, s)
	}
	return some, last, rows.Err()
}

func (h *history) read(ctx context.Context, s story) error {
	used := map[time.Time]int{}
	for _, c := range s.Sent.Codes {
		h.messages[c.Message] = true
		if c.Tries > triesMost {
			h.breaks("a code is guessed at five times", s.id)
		}
		if !c.UsedAt.IsZero() {
			used[c.UsedAt]++
		}
	}
	full := len(s.Sent.Codes) >= codesMost
	if full && (h.full == 0 || s.createdAt < h.full) {
		h.full = s.createdAt
	}
	for at, n := range used {
		if n > 1 {
			h.breaks("one code proves at a time", s.id+" "+at.Format(time.RFC3339Nano))
		}
	}
	for _, p := range s.Proved {
		if p.Method != "password" && used[p.At] != 1 && !full {
			h.breaks("a proof by code has used up its code", s.id)
		}
	}
	if (s.Done != nil) != (s.step == "done") {
		h.breaks("a journey's step is where its facts lead", s.id)
	}
	if s.Done == nil {
		return nil
	}
	return h.end(ctx, s)
}

// Acts that end a session other than that which began it.
const laterEnds = `('signed_out', 'device_removed', 'others_signed_out', 'password_set', 'operator_sign_out')`

// wait is the longest that a transaction waits for another: what it writes stands
// at the time of its beginning, so an end may stand that much before what it ended.
const wait = 30 * time.Second

// end checks that a journey that is done began one session, which is still there
// or was ended since: by an act, or by a later sign-in on the same device.
func (h *history) end(ctx context.Context, s story) error {
	d, at := s.Done, sqldb.Micros(s.Done.At)
	key := fmt.Sprint(d.Account, d.DeviceID, at)
	if other := h.ends[key]; other != "" {
		h.breaks("a session is the end of one journey", other+" "+s.id)
	}
	h.ends[key] = s.id
	var began, there, ended int64
	err := h.db.QueryRow(ctx, `SELECT
		(SELECT COUNT(*) FROM audit WHERE account_id = $1 AND kind = 'signed_in' AND device_id = $2 AND at BETWEEN $3 AND $3 + 1),
		(SELECT COUNT(*) FROM session WHERE account_id = $1 AND device_id = $2 AND created_at = $3),
		(SELECT COUNT(*) FROM audit WHERE account_id = $1 AND at > $4 AND (kind IN `+laterEnds+` OR kind = 'signed_in' AND device_id = $2 AND NOT at BETWEEN $3 AND $3 + 1))`,
		d.Account, d.DeviceID, at, at-wait.Microseconds()).Scan(&began, &there, &ended)
	switch {
	case err != nil:
		return err
	case began != 1:
		h.breaks("a journey that is done has its sign-in", s.id)
	case there > 1, there == 0 && ended == 0:
		h.breaks("a journey that is done has its session, or a later end of it", s.id)
	}
	return nil
}

// causes checks that every message with a code since from was sent by a journey,
// unless a journey has sent more than it remembers.
func (h *history) causes(ctx context.Context, from int64) error {
	rows, err := h.db.Query(ctx, `SELECT id, posted_at FROM courier_message WHERE purpose IN ('signin', 'device', 'contact') AND posted_at >= $1`, from)
	if err != nil {
		return err
	}
	defer rows.Close()
	told := 0
	for rows.Next() && told < most {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return err
		}
		if !h.messages[id] && (h.full == 0 || at < h.full) {
			h.breaks("a code message has the journey that sent it", id)
			told++
		}
		delete(h.messages, id)
	}
	return rows.Err()
}
