package job

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// run is one claimed job in the hands of this node.
type run struct {
	job  Job
	kind *kind
}

// result is what became of a run, on its way to the store.
type result struct {
	*run
	done func(ctx context.Context, tx *sqldb.Tx) error
	err  error
}

// begin hands claimed jobs to workers. A job that this node still works on,
// because its clock was moved past the lease, is not begun a second time.
func (s *shift) begin(jobs []Job) {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range jobs {
		if q.held[j.ID] != nil {
			continue
		}
		k := q.kinds[j.Kind]
		r := &run{job: j, kind: k}
		q.held[j.ID] = r
		if k.running < k.options.Workers {
			k.running++
			s.runs.Go(func() { s.work(r) })
		} else {
			k.waiting = append(k.waiting, r)
		}
	}
}

// work runs r, and then what waits of its kind.
func (s *shift) work(r *run) {
	for r != nil {
		res := result{run: r}
		now := s.q.clock.Now()
		if r.job.ExpiresAt.IsZero() || now.Before(r.job.ExpiresAt) {
			res.done, res.err = s.call(r)
		} else {
			s.q.log.Info("a job expired before it ran", "kind", r.job.Kind, "job", r.job.ID)
		}
		if res.err == nil || s.hard.Err() == nil {
			s.results <- res
		} // else the node is going down and the run was cut off: its lease is given back
		r = s.next(r.kind)
	}
}

// next is the next claimed job of a kind, or nil to let the worker go.
func (s *shift) next(k *kind) *run {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	wasHungry := k.hungry()
	var r *run
	if len(k.waiting) > 0 {
		r, k.waiting = k.waiting[0], k.waiting[1:]
	} else {
		k.running--
	}
	if r == nil || k.hungry() && !wasHungry {
		q.stir()
	}
	return r
}

// call runs the handler. A panic is one failed run.
func (s *shift) call(r *run) (done func(ctx context.Context, tx *sqldb.Tx) error, err error) {
	ctx, cancel := context.WithTimeout(s.hard, r.kind.options.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(r, p)
		}
	}()
	return r.kind.handler(ctx, r.job)
}

func (s *shift) panicked(r *run, p any) error {
	stack := make([]byte, 8<<10)
	stack = stack[:runtime.Stack(stack, false)]
	err := fmt.Errorf("panic: %v", p)
	s.q.log.Error("a job panicked", "kind", r.job.Kind, "job", r.job.ID, "error", scrub(err), "stack", string(stack))
	return err
}

// again decides about a failed run: when it is tried again, or zero if it is dead.
func (q *Queue) again(r *run, err error, now time.Time) (at time.Time) {
	k := r.kind
	var p *permanent
	if k.period == 0 && (r.job.Attempt >= k.options.Attempts || errors.As(err, &p)) {
		return time.Time{}
	}
	return now.Add(max(k.options.Backoff(r.job.Attempt), time.Millisecond))
}

// errorMost bounds how much of an error is kept, in bytes.
const errorMost = 300

var private = regexp.MustCompile(`[^\s"'<>(),;=:]*@[^\s"'<>(),;]*|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,}|\+?\d(?:[ .()-]{0,2}\d){5,}|[A-Za-z0-9_-]{22,}|[^\x20-\x7e]+`)

// scrub makes an error fit to be kept and logged: carriers and mail servers echo
// addresses and numbers in theirs. What looks like an address, a number of six
// digits and more, or a token, and everything outside ASCII, is left out.
func scrub(err error) string {
	text := err.Error()
	if len(text) > 4*errorMost {
		text = text[:4*errorMost]
	}
	text = private.ReplaceAllString(text, "...")
	return text[:min(len(text), errorMost)]
}
