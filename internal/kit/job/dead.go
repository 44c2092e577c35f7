package job

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// deadMost bounds a list of dead letters.
const deadMost = 1000

// Dead lists the jobs that failed for good, the newest first, with the error of
// the last run.
func (q *Queue) Dead(ctx context.Context) ([]Job, error) {
	rows, err := q.db.Query(ctx, `SELECT id, kind, account_id, unique_key, expires_at, attempt, payload, error, dead_at
		FROM job WHERE dead_at <> 0 ORDER BY dead_at DESC, id LIMIT $1`, deadMost)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Job
	for rows.Next() {
		var j Job
		var expires, dead int64
		if err := rows.Scan(&j.ID, &j.Kind, &j.AccountID, &j.Key, &expires, &j.Attempt, &j.Payload, &j.Error, &dead); err != nil {
			return nil, err
		}
		j.ExpiresAt, j.DeadAt = sqldb.FromMicros(expires), sqldb.FromMicros(dead)
		out = append(out, j)
	}
	return out, rows.Err()
}

// Revive gives a dead job all its attempts again, from now on. It answers false
// if there is no such dead job, or a living one has its key.
func (q *Queue) Revive(ctx context.Context, id string) (bool, error) {
	var n int64
	err := q.db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(ctx, `UPDATE job SET dead_at = 0, due_at = $1, attempt = 0, lease = '' WHERE id = $2 AND dead_at <> 0
			AND NOT EXISTS (SELECT 1 FROM job AS other WHERE other.kind = job.kind AND other.unique_key = job.unique_key AND other.unique_key <> '' AND other.dead_at = 0)`,
			sqldb.Micros(tx.Now()), id)
		if n > 0 {
			tx.AfterCommit(q.stir)
		}
		return err
	})
	return n > 0, err
}

// Discard removes a dead job; it answers false if there is none.
func (q *Queue) Discard(ctx context.Context, id string) (bool, error) {
	var n int64
	err := q.db.InTx(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(ctx, `DELETE FROM job WHERE id = $1 AND dead_at <> 0`, id)
		return err
	})
	return n > 0, err
}

// Stats counts the jobs that are due and wait for a worker, and the dead, and
// tells how long the oldest of those that are due has waited. A growing oldest
// or any dead is worth an alarm.
func (q *Queue) Stats(ctx context.Context) (due, dead int, oldest time.Duration, err error) {
	now := q.clock.Now()
	var first int64
	err = q.db.QueryRow(ctx, `SELECT
		(SELECT COUNT(*) FROM job WHERE dead_at = 0 AND due_at <= $1),
		(SELECT COUNT(*) FROM job WHERE dead_at <> 0),
		COALESCE((SELECT MIN(due_at) FROM job WHERE dead_at = 0 AND due_at <= $1), 0)`, sqldb.Micros(now)).Scan(&due, &dead, &first)
	if err != nil || first == 0 {
		return due, dead, 0, err
	}
	return due, dead, now.Sub(sqldb.FromMicros(first)), nil
}
