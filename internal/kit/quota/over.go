package quota

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Over looks through the whole table for rows that say that more was charged
// within a window than a limit of that name ever gives, and answers how many
// there are of each name. Spend cannot make one, so there is none unless a limit
// was lowered since or something went around this package. Rows of names that
// limits does not hold are passed over.
func Over(ctx context.Context, q sqldb.Querier, limits ...Limit) (map[string]int, error) {
	byName := map[string]Limit{}
	for _, l := range limits {
		byName[l.Name] = l
	}
	out := map[string]int{}
	for after := []byte{}; after != nil; {
		var err error
		if after, err = over(ctx, q, after, byName, out); err != nil {
			return nil, fmt.Errorf("quota: looking for excess: %w", err)
		}
	}
	return out, nil
}

// over looks at the next rows, and answers the last of them or nil at the end of the table.
func over(ctx context.Context, q sqldb.Querier, after []byte, limits map[string]Limit, out map[string]int) (last []byte, err error) {
	rows, err := q.Query(ctx, `SELECT id, name, marks FROM quota WHERE id > $1 ORDER BY id LIMIT $2`, after, sweepStep)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id, stored []byte
		var name string
		if err := rows.Scan(&id, &name, &stored); err != nil {
			return nil, err
		}
		if n++; n == sweepStep {
			last = id
		}
		m, err := decode(stored)
		if err != nil {
			return nil, err
		}
		if l, known := limits[name]; known && l.exceeded(m) {
			out[name]++
		}
	}
	return last, rows.Err()
}

// exceeded tells whether any window that ends with a mark holds too much. Joined
// marks have the time of their newest part, so of a long row only the last window
// is looked at, without its oldest mark.
func (l Limit) exceeded(m marks) bool {
	first := 0
	if len(m) > exact {
		first = len(m) - 1
	}
	for _, w := range l.Windows {
		for i := first; i < len(m); i++ {
			from := m[i].at - w.Per.Microseconds()
			sum := m[:i+1].since(from)
			if first > 0 {
				sum -= m[:i+1].oldest(from)
			}
			if sum > w.Max {
				return true
			}
		}
	}
	return false
}

// oldest is what the first mark after a time was charged.
func (m marks) oldest(after int64) int {
	for _, one := range m {
		if one.at > after {
			return one.n
		}
	}
	return 0
}
