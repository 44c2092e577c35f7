// Package prompt holds the questions that an account's signed-in devices are
// asked: somebody proves elsewhere that the account is theirs, is this you? An
// account has one question at a time; who asks next waits for it to end. The
// package must never say who may be asked, nor what an answer is worth. It owns
// the table prompt.
package prompt

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// State is how far a question has come.
type State string

// The states. A question ends by its time too, whatever its state.
const (
	Waiting   State = "waiting"
	Approved  State = "approved"  // and not yet used
	Denied    State = "denied"    // "no, it is not me", or a wrong number
	Used      State = "used"      // the approval proved what it was asked for
	Withdrawn State = "withdrawn" // by who asked
)

// Life is how long a question can be answered, and its answer be used.
const Life = 2 * time.Minute

// Question is what the asked devices show.
type Question struct {
	Purpose string   `json:"purpose"` // the action that the proof is for
	Number  string   `json:"number"`  // two digits, shown to who asks
	Choices []string `json:"choices"` // three, the number among them
	Device  string   `json:"device"`  // name of the device that asks; empty: not known
	Kind    string   `json:"kind"`
	Place   string   `json:"place"` // approximate; empty: not known
	// Began is when the journey that asks began: a session that is younger may not
	// answer.
	Began time.Time `json:"began"`
	// Lane is whom a refusal slows, as the limits count it.
	Lane string `json:"lane"`
}

// Prompt is a question to the devices of an account.
type Prompt struct {
	ID        string
	AccountID account.ID
	JourneyID string // that asks, and alone can use the answer
	DeviceID  string // that asks, as this account knows it or would; empty: it keeps nothing
	State     State
	Question
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Store keeps prompts.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

func place(id string) seal.Place { return seal.Place{Table: "prompt", Column: "question", Row: id} }

// Numbers draws the number and three different choices with it among them, from
// 10 to 99, in a random order.
func Numbers() (number string, choices []string) {
	for len(choices) < 3 {
		n := strconv.FormatInt(10+randid.Below(90), 10)
		if !slices.Contains(choices, n) {
			choices = append(choices, n)
		}
	}
	return choices[randid.Below(3)], choices
}

// Ask puts a question, for Life. It is one conditional write: won is false while
// a question of another journey is open or its approval not yet used. Of the same
// journey a new question takes the place of the old.
func (s *Store) Ask(ctx context.Context, tx *sqldb.Tx, p Prompt) (_ Prompt, won bool, err error) {
	p.ID, p.State, p.CreatedAt, p.ExpiresAt = randid.ID(tx.Now()), Waiting, tx.Now(), tx.Now().Add(Life)
	plain, err := json.Marshal(p.Question)
	if err != nil {
		return p, false, err
	}
	n, err := tx.Exec(ctx, `INSERT INTO prompt (account_id, id, journey_id, device_id, state, question, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, journey_id = excluded.journey_id, device_id = excluded.device_id, state = excluded.state,
		question = excluded.question, created_at = excluded.created_at, expires_at = excluded.expires_at
		WHERE prompt.journey_id = excluded.journey_id OR prompt.state NOT IN ('waiting', 'approved') OR prompt.expires_at <= excluded.created_at`,
		int64(p.AccountID), p.ID, p.JourneyID, p.DeviceID, string(p.State), s.ring.Seal(plain, place(p.ID)), sqldb.Micros(p.CreatedAt), sqldb.Micros(p.ExpiresAt))
	return p, n > 0, err
}

// Latest reads the last question of an account, also when it is over;
// sqldb.ErrNone if there never was one.
func (s *Store) Latest(ctx context.Context, q sqldb.Querier, id account.ID) (Prompt, error) {
	p := Prompt{AccountID: id}
	var sealed []byte
	var created, expires int64
	err := q.QueryRow(ctx, `SELECT id, journey_id, device_id, state, question, created_at, expires_at FROM prompt WHERE account_id = $1`, int64(id)).
		Scan(&p.ID, &p.JourneyID, &p.DeviceID, &p.State, &sealed, &created, &expires)
	if err != nil {
		return p, err
	}
	p.CreatedAt, p.ExpiresAt = sqldb.FromMicros(created), sqldb.FromMicros(expires)
	plain, err := s.ring.Open(sealed, place(p.ID))
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(plain, &p.Question)
}

// Open tells whether the question can be answered at now.
func (p Prompt) Open(now time.Time) bool { return p.State == Waiting && now.Before(p.ExpiresAt) }

// Settle takes a question that is in time from one state to the next; won is
// false if it was not in that state any more, or is another one: of all who
// answer, one does (S-12).
func (s *Store) Settle(ctx context.Context, tx *sqldb.Tx, id account.ID, promptID string, from, to State) (won bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE prompt SET state = $4 WHERE account_id = $1 AND id = $2 AND state = $3 AND expires_at > $5`,
		int64(id), promptID, string(from), string(to), sqldb.Micros(tx.Now()))
	return n > 0, err
}

// watchMost is how many accounts one question of Watch is about.
const watchMost = 200

// Mark is a question as who watches for one sees it.
type Mark struct {
	ID    string
	State State
}

// Watch reads the questions of some accounts that are in time: one read for every
// 200 accounts, which opens none of them.
func (s *Store) Watch(ctx context.Context, q sqldb.Querier, ids []account.ID) (map[account.ID]Mark, error) {
	out := map[account.ID]Mark{}
	for len(ids) > 0 {
		some := ids[:min(len(ids), watchMost)]
		ids = ids[len(some):]
		if err := watch(ctx, q, some, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func watch(ctx context.Context, q sqldb.Querier, ids []account.ID, out map[account.ID]Mark) error {
	args := make([]any, watchMost+1)
	args[0] = sqldb.Micros(q.Now())
	for i := range watchMost { // one text, whatever their number
		args[i+1] = int64(ids[min(i, len(ids)-1)])
	}
	rows, err := q.Query(ctx, `SELECT account_id, id, state FROM prompt WHERE expires_at > $1 AND account_id IN `+sqldb.In(2, watchMost), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var m Mark
		if err := rows.Scan(&id, &m.ID, &m.State); err != nil {
			return err
		}
		out[account.ID(id)] = m
	}
	return rows.Err()
}

// Sealed names the sealed column, for a rotation of the keys.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "prompt", Sealed: "question", Key: []string{"account_id", "id"},
		Place: func(key []any) seal.Place { return place(key[1].(string)) }}}
}
