package job

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// batch bounds how many results share one transaction.
const batch = 128

// finish stores results until the channel is closed. Results that are there
// together share one transaction, which is what makes thousands of jobs a
// second cheap.
func (s *shift) finish() {
	for first := range s.results {
		all := []result{first}
		for more := true; more && len(all) < batch; {
			select {
			case r, open := <-s.results:
				if more = open; open {
					all = append(all, r)
				}
			default:
				more = false
			}
		}
		s.store(all)
		s.q.letGo(all)
	}
}

// letGo takes jobs out of hand once their results are stored, or cannot be.
func (q *Queue) letGo(all []result) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range all {
		delete(q.held, r.job.ID)
	}
}

// store writes results in one transaction; if that fails, one by one, so that
// one job's failing done does not undo the others.
func (s *shift) store(all []result) {
	err := s.try(all)
	if err == nil {
		return
	}
	if len(all) > 1 {
		for _, r := range all {
			s.store([]result{r})
		}
		return
	}
	r := all[0]
	if r.err == nil && !errors.Is(err, sqldb.ErrBusy) { // its done failed: so did the run
		r.done, r.err = nil, err
		err = s.try([]result{r})
	}
	if err != nil { // the lease ends and it runs again
		s.q.log.Error("a job's result could not be stored", "kind", r.job.Kind, "job", r.job.ID, "error", scrub(err))
	}
}

// try writes results in one transaction, patiently while the database is busy:
// what is not written is work done twice.
func (s *shift) try(all []result) error {
	ctx := context.WithoutCancel(s.hard)
	for tries := 1; ; tries++ {
		err := s.q.db.InTx(ctx, func(tx *sqldb.Tx) error { return s.write(ctx, tx, all) })
		if !errors.Is(err, sqldb.ErrBusy) || tries == 5 || s.hard.Err() != nil {
			return err
		}
		timer := time.NewTimer(time.Duration(tries) * 100 * time.Millisecond)
		select {
		case <-timer.C:
		case <-s.hard.Done():
		}
		timer.Stop()
	}
}

// write deletes what is finished, and runs its done if the lease was still ours:
// else another node has the job, and its run is the one that counts.
func (s *shift) write(ctx context.Context, tx *sqldb.Tx, all []result) error {
	var ids []string
	for _, r := range all {
		if r.err == nil && r.kind.period == 0 {
			ids = append(ids, r.job.ID)
		}
	}
	ours, err := s.q.remove(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, r := range all {
		switch {
		case r.err != nil:
			err = s.q.fail(ctx, tx, r)
		case r.kind.period > 0:
			err = s.q.plan(ctx, tx, r)
		case r.done != nil && ours[r.job.ID]:
			err = s.effect(ctx, tx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *shift) effect(ctx context.Context, tx *sqldb.Tx, r result) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(r.run, p)
		}
	}()
	return r.done(ctx, tx)
}

// remove deletes jobs that are still ours and answers which were.
func (q *Queue) remove(ctx context.Context, tx *sqldb.Tx, ids []string) (map[string]bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `DELETE FROM job WHERE lease = $1 AND id IN `+list(2, ids)+` RETURNING id`, with(ids, q.node)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ours := make(map[string]bool, len(ids))
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ours[id] = true
	}
	return ours, rows.Err()
}

// fail puts a failed job back for later, or to the dead.
func (q *Queue) fail(ctx context.Context, tx *sqldb.Tx, r result) error {
	at := q.again(r.run, r.err, tx.Now())
	if e := r.job.ExpiresAt; !e.IsZero() && !at.IsZero() && !at.Before(e) {
		_, err := tx.Exec(ctx, `DELETE FROM job WHERE id = $1 AND lease = $2`, r.job.ID, q.node)
		return err
	}
	dead := int64(0)
	if at.IsZero() {
		dead, at = sqldb.Micros(tx.Now()), tx.Now()
	}
	text := scrub(r.err)
	n, err := tx.Exec(ctx, `UPDATE job SET due_at = $1, lease = '', dead_at = $2, error = $3 WHERE id = $4 AND lease = $5`,
		sqldb.Micros(at), dead, text, r.job.ID, q.node)
	if err != nil || n == 0 {
		return err
	}
	tx.AfterCommit(func() {
		if dead != 0 {
			q.log.Error("a job is dead", "kind", r.job.Kind, "job", r.job.ID, "attempt", r.job.Attempt, "error", text)
		} else {
			q.log.Warn("a job failed and will be tried again", "kind", r.job.Kind, "job", r.job.ID, "attempt", r.job.Attempt, "error", text)
		}
		q.stir() // the runner learns when it is due again
	})
	return nil
}

// everyKey is the key of the one row that a periodic job has.
const everyKey = "every"

// plant makes the rows of the periodic jobs. A period that was made shorter
// counts from now.
func (q *Queue) plant(ctx context.Context) error {
	q.mu.Lock()
	kinds := maps.Clone(q.kinds)
	q.mu.Unlock()
	return q.db.InTx(ctx, func(tx *sqldb.Tx) error {
		for _, k := range kinds {
			if k.period == 0 {
				continue
			}
			if err := q.Put(ctx, tx, Job{Kind: k.name, Key: everyKey}); err != nil {
				return err
			}
			latest := sqldb.Micros(tx.Now().Add(k.period))
			if _, err := tx.Exec(ctx, `UPDATE job SET due_at = $1 WHERE kind = $2 AND unique_key = $3 AND dead_at = 0 AND lease = '' AND due_at > $1`, latest, k.name, everyKey); err != nil {
				return err
			}
		}
		return nil
	})
}

// plan puts a periodic job off to its next turn.
func (q *Queue) plan(ctx context.Context, tx *sqldb.Tx, r result) error {
	_, err := tx.Exec(ctx, `UPDATE job SET due_at = $1, lease = '', attempt = 0, error = '' WHERE id = $2 AND lease = $3`,
		sqldb.Micros(tx.Now().Add(r.kind.period)), r.job.ID, q.node)
	tx.AfterCommit(q.stir)
	return err
}

// list is the IN list for ids from place n on. Widths are powers of two, so
// that few statements are prepared; with fills them up.
func list(n int, ids []string) string { return sqldb.In(n, width(len(ids))) }

func with(ids []string, before ...any) []any {
	args := slices.Grow(before, width(len(ids)))
	for i := range width(len(ids)) {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	return args
}

func width(n int) int {
	w := 1
	for w < n {
		w *= 2
	}
	return w
}
