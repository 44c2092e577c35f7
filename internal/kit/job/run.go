package job

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

const (
	// lease is how long a job stays with a node that says nothing. A living node
	// renews it, so it only has to be longer than a stall of the node or the database.
	lease = time.Minute
	// beatEvery is how often the leases are renewed.
	beatEvery = lease / 3
	// poll is how often the runner looks for what other processes have put. What
	// this process puts wakes it.
	poll = time.Second
	// grace is how long running jobs may go on after the end of Run's context.
	grace = 5 * time.Second
)

// Run works until ctx ends. It then begins nothing new, lets running jobs go on
// for some seconds, and gives the leases of the rest back, so that another node
// takes them at once. It answers nil, or what kept it from starting.
func (q *Queue) Run(ctx context.Context) error {
	if !q.began.CompareAndSwap(false, true) {
		return errors.New("job: the queue runs already")
	}
	defer q.began.Store(false)
	if err := q.plant(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s := &shift{q: q, hard: hard, results: make(chan result, 4*batch), beatAt: q.clock.Now().Add(beatEvery)}
	var finisher sync.WaitGroup
	finisher.Go(s.finish)

	s.loop(ctx)

	timer := time.AfterFunc(grace, cancel)
	defer timer.Stop()
	q.giveBack(q.unbegun())
	s.runs.Wait()
	close(s.results)
	finisher.Wait()
	q.giveBack(q.holding())
	return nil
}

// shift is one call of Run.
type shift struct {
	q       *Queue
	hard    context.Context // ends when the grace is over
	runs    sync.WaitGroup
	results chan result
	beatAt  time.Time
}

// loop looks, claims and waits until ctx ends.
func (s *shift) loop(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		moved := s.q.clock.Moved() // before looking at the time, so that no move is missed
		next, err := s.step(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			s.q.log.Error("the job queue cannot reach the database", "error", scrub(err))
		}
		failing = err != nil
		wait := poll
		if err == nil {
			wait = next
		}
		if wait == 0 {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.q.wake:
		case <-moved:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// step renews leases, claims what is due, and answers how long nothing will be
// due: 0 if there may be more now, at most poll.
func (s *shift) step(ctx context.Context) (time.Duration, error) {
	now := s.q.clock.Now()
	if !now.Before(s.beatAt) {
		if err := s.q.beat(ctx, now); err != nil {
			return 0, err
		}
		s.beatAt = now.Add(beatEvery)
	}
	due, next, err := s.q.look(ctx, now)
	if err != nil || len(due) == 0 {
		return next, err
	}
	jobs, err := s.q.claim(ctx, due)
	if err != nil {
		return 0, err
	}
	if len(jobs) == 0 {
		return time.Millisecond, nil // other nodes were quicker
	}
	s.begin(jobs)
	return 0, nil
}

// want is how many jobs of a kind this node can take.
type want struct {
	name string
	most int
}

// wants lists the kinds and how many of each this node can take. It takes as many
// as it has workers beyond those that run, so that workers do not wait for claims.
func (q *Queue) wants() []want {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]want, 0, len(q.kinds))
	for _, k := range q.kinds {
		w := want{name: k.name}
		if k.hungry() {
			w.most = 2*k.options.Workers - k.running - len(k.waiting)
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b want) int { return cmp.Compare(a.name, b.name) })
	return out
}

// hungry asks for more when half of the reserve is used up, so that one claim
// serves several runs.
func (k *kind) hungry() bool { return len(k.waiting) <= k.options.Workers/2 }

// look reads which kinds are due and wanted, and how long until the next one is
// due, at most poll. It asks for all kinds, so that its text is always the same
// and stays prepared; a kind that is not wanted wakes the runner when it is.
func (q *Queue) look(ctx context.Context, now time.Time) (due []want, next time.Duration, err error) {
	wants := q.wants()
	if len(wants) == 0 {
		return nil, poll, nil
	}
	var text strings.Builder
	args := make([]any, 0, len(wants))
	for i, w := range wants {
		if i > 0 {
			text.WriteString(" UNION ALL ")
		}
		text.WriteString("SELECT " + strconv.Itoa(i) + ", COALESCE((SELECT MIN(due_at) FROM job WHERE dead_at = 0 AND kind = $" + strconv.Itoa(i+1) + "), 0)")
		args = append(args, w.name)
	}
	rows, err := q.db.Query(ctx, text.String(), args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	next = poll
	for rows.Next() {
		var i int
		var at int64
		if err := rows.Scan(&i, &at); err != nil {
			return nil, 0, err
		}
		wait := sqldb.FromMicros(at).Sub(now)
		switch {
		case at == 0 || wants[i].most == 0:
		case wait <= 0:
			due = append(due, wants[i])
		default:
			next = min(next, max(wait, time.Millisecond))
		}
	}
	return due, next, rows.Err()
}

// claim leases what is due of the given kinds to this node.
func (q *Queue) claim(ctx context.Context, due []want) (jobs []Job, err error) {
	err = q.db.InTx(ctx, func(tx *sqldb.Tx) error {
		jobs = jobs[:0]
		for _, w := range due {
			// Materialized, because PostgreSQL may run a subquery with LIMIT more than once.
			rows, err := tx.Query(ctx, `WITH due AS MATERIALIZED (SELECT id FROM job WHERE dead_at = 0 AND kind = $3 AND due_at <= $4 ORDER BY due_at LIMIT $5`+tx.SkipLocked()+`)
				UPDATE job SET due_at = $1, lease = $2, attempt = attempt + 1 WHERE id IN (SELECT id FROM due)
				RETURNING id, kind, account_id, unique_key, due_at, expires_at, attempt, payload`,
				sqldb.Micros(tx.Now().Add(lease)), q.node, w.name, sqldb.Micros(tx.Now()), w.most)
			if err != nil {
				return err
			}
			for rows.Next() {
				var j Job
				var due, expires int64
				if err := rows.Scan(&j.ID, &j.Kind, &j.AccountID, &j.Key, &due, &expires, &j.Attempt, &j.Payload); err != nil {
					rows.Close()
					return err
				}
				j.DueAt, j.ExpiresAt = sqldb.FromMicros(due), sqldb.FromMicros(expires)
				jobs = append(jobs, j)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(jobs, func(a, b Job) int { return strings.Compare(a.ID, b.ID) }) // about as they were put
	return jobs, nil
}

// beat renews the leases of this node.
func (q *Queue) beat(ctx context.Context, now time.Time) error {
	for ids := range slices.Chunk(q.holding(), batch) {
		err := q.db.InTx(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE job SET due_at = $1 WHERE lease = $2 AND dead_at = 0 AND id IN `+list(3, ids), with(ids, sqldb.Micros(now.Add(lease)), q.node)...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unbegun takes the claimed jobs that no worker has begun out of hand.
func (q *Queue) unbegun() (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, k := range q.kinds {
		for _, r := range k.waiting {
			ids = append(ids, r.job.ID)
			delete(q.held, r.job.ID)
		}
		k.waiting = nil
	}
	return ids
}

func (q *Queue) holding() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Sorted(maps.Keys(q.held))
}

// giveBack ends the leases of jobs that were not run, at shutdown. If the
// database cannot be reached they end by themselves.
func (q *Queue) giveBack(ids []string) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for ids := range slices.Chunk(ids, batch) {
		err := q.db.InTx(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE job SET due_at = $1, lease = '', attempt = attempt - 1 WHERE lease = $2 AND dead_at = 0 AND id IN `+list(3, ids),
				with(ids, sqldb.Micros(tx.Now()), q.node)...)
			return err
		})
		if err != nil {
			q.log.Warn("job leases could not be given back", "jobs", len(ids), "error", scrub(err))
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		delete(q.held, id)
	}
}
