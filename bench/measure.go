package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/credential"
)

// row is one measurement: medians over its rounds.
type row struct {
	what, engine      string
	accounts, clients int
	perSecond         float64
	p50, p99          float64 // milliseconds
	cpu, db, own      float64 // microseconds of processor time an act: of the product, of PostgreSQL, of the load process
	of                float64 // the share of the machine's own limit in the same rounds; 0: there is none to compare with
	failed            int
}

// start is how a process comes up on one engine.
type start struct {
	engine          string
	fresh, existing time.Duration
	idle, after     float64 // resident MiB: before any load, after all of it, and half a minute later
	later           float64
}

// results is all of a run.
type results struct {
	options
	limits []limit
	rows   []row
	starts []start
}

// limit is what the machine can do by itself.
type limit struct {
	what      string
	perSecond float64
}

// all makes every measurement.
func (b *bench) all(ctx context.Context) (*results, error) {
	r := &results{options: b.options}
	for _, engine := range b.engines {
		for i, accounts := range b.accounts {
			if err := b.onStore(ctx, r, engine, accounts, i == 0); err != nil {
				return nil, fmt.Errorf("%s with %d accounts: %w", engine, accounts, err)
			}
		}
	}
	for _, p := range []struct {
		name string
		p    credential.Profile
	}{{"default", credential.Default}, {"strict", credential.Strict}} {
		r.limits = append(r.limits, limit{"argon2id, profile " + p.name + ", as many at once as cores", b.median(func() float64 { return hashes(p.p, b.forTime/2) })})
	}
	bare := b.median(func() float64 { return b.bareHTTP() })
	r.limits = append(r.limits, limit{"bare net/http handler, 32 connections", bare})
	return r, ctx.Err()
}

// median of the rounds of f.
func (b *bench) median(f func() float64) float64 {
	var all []float64
	for range b.rounds {
		all = append(all, f())
	}
	return middle(all)
}

func middle(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// onStore measures on one database: everything if whole, else what may grow.
func (b *bench) onStore(ctx context.Context, r *results, engine string, accounts int, whole bool) error {
	say("%s, %d accounts: seeding", engine, accounts)
	s, err := b.store(ctx, engine, fmt.Sprint(accounts))
	if err != nil {
		return err
	}
	if err := b.seed(ctx, s, accounts); err != nil {
		return err
	}
	var up start
	if whole {
		if up, err = b.startUp(ctx, s); err != nil {
			return err
		}
		if err := b.commitLimits(ctx, r, s); err != nil {
			return err
		}
	}
	h, err := b.serve(s)
	if err != nil {
		return err
	}
	defer func() { h.close() }()
	m := &session{bench: b, house: h, store: s, results: r}
	if whole {
		pause(min(5*time.Second, b.forTime))
		up.idle = residentOf(h.cmd.Process.Pid)
	}
	if err := m.journeys(ctx, whole); err != nil {
		return fmt.Errorf("%w\n%s", err, h.lastWords())
	}
	if !whole {
		return nil
	}
	up.after = residentOf(h.cmd.Process.Pid)
	if !b.quick {
		pause(30 * time.Second)
		up.later = residentOf(h.cmd.Process.Pid)
	}
	r.starts = append(r.starts, up)
	return m.variants(ctx)
}

// startUp measures how long a start takes, on a new store and on this one.
func (b *bench) startUp(ctx context.Context, s *store) (start, error) {
	up := start{engine: s.engine}
	var fresh, existing []float64
	for i := range 2*b.rounds + 1 {
		if s.engine == "sqlite" {
			empty, err := b.store(ctx, s.engine, fmt.Sprintf("new-%d", i))
			if err != nil {
				return up, err
			}
			h, err := b.serve(empty)
			if err != nil {
				return up, err
			}
			h.close()
			fresh = append(fresh, h.ready.Seconds())
		}
		h, err := b.serve(s)
		if err != nil {
			return up, err
		}
		h.close()
		existing = append(existing, h.ready.Seconds())
	}
	up.fresh, up.existing = time.Duration(middle(fresh)*1e9), time.Duration(middle(existing)*1e9)
	return up, ctx.Err()
}

func (b *bench) commitLimits(ctx context.Context, r *results, s *store) error {
	for _, clients := range []int{1, 32} {
		var failed error
		n := b.median(func() float64 {
			n, err := commits(ctx, s.url, clients, b.forTime/2)
			if err != nil {
				failed = err
			}
			return n
		})
		if failed != nil {
			return failed
		}
		r.limits = append(r.limits, limit{fmt.Sprintf("durable commits of one row, %s, clients: %d", s.engine, clients), n})
	}
	return nil
}

// session is a time with one running house.
type session struct {
	*bench
	house   *house
	store   *store
	results *results
}

// journeys are the measurements on the default configuration.
func (m *session) journeys(ctx context.Context, whole bool) error {
	if err := m.prepare("text", 32, 0); err != nil { // warm caches and statements
		return err
	}
	if whole {
		if err := m.measure("sign-in by text", "text", 1, nil); err != nil {
			return err
		}
	}
	if err := m.measure("sign-in by text", "text", 32, nil); err != nil {
		return err
	}
	if whole {
		if err := m.measure("sign-up by text", "signup", 32, nil); err != nil {
			return err
		}
	}
	if err := m.prepare("meet", 32, min(8192, m.store.accounts*4/5)); err != nil { // nobody comes ten times an hour
		return err
	}
	if whole {
		if err := m.measure("sign-in by text, known device", "known", 32, nil); err != nil {
			return err
		}
	}
	if err := m.measure("session check", "check", 32, m.bareHTTP); err != nil {
		return err
	}
	if err := m.providers(); err != nil {
		return err
	}
	return m.passwords("default", credential.Default)
}

// providers measures sign-in by a third-party account: with a visit in a browser and one
// exchange outside, and with the token that an SDK gave to an app.
func (m *session) providers() error {
	if err := m.prepare("join", 32, min(8192, m.store.accounts*4/5)); err != nil {
		return err
	}
	if err := m.measure("sign-in by a provider, in a browser", "provider", 32, nil); err != nil {
		return err
	}
	return m.measure("sign-in by a provider, from an app", "token", 32, nil)
}

// passwords measures sign-in by password with one profile.
func (m *session) passwords(name string, p credential.Profile) error {
	const people = 512
	if err := m.prepare("meet", 32, people); err != nil {
		return err
	}
	if err := m.prepare("secure", 4, people); err != nil {
		return err
	}
	return m.measure("sign-in by password, profile "+name, "password", 32, func() float64 { return hashes(p, m.forTime/3) })
}

// variants are measurements on other configurations.
func (m *session) variants(ctx context.Context) error {
	m.house.close()
	h, err := m.serve(m.store, `profile = "default"`, `profile = "strict"`)
	if err != nil {
		return err
	}
	m.house = h
	if err := m.passwords("strict", credential.Strict); err != nil {
		h.close()
		return err
	}
	h.close()
	if m.house, err = m.serve(m.store, `level = "warn"`, `level = "info"`); err != nil {
		return err
	}
	defer m.house.close()
	if err := m.prepare("meet", 32, 1024); err != nil {
		return err
	}
	if err := m.measure("sign-in by text, a log line a request", "text", 32, nil); err != nil {
		return err
	}
	return m.measure("session check, a log line a request", "check", 32, m.bareHTTP)
}

// prepare lets something be done that is not measured: most times, or for a
// second if most is 0.
func (m *session) prepare(do string, clients, most int) error {
	o := order{Do: do, Target: m.house.addr, Clients: clients, Accounts: int64(m.store.accounts), Most: most}
	if most == 0 {
		o.For = time.Second
	}
	t, err := m.load.do(o)
	if err == nil && t.Failed > 0 {
		err = fmt.Errorf("%s: %d failed: %s", do, t.Failed, t.Why)
	}
	return err
}

// measure repeats an act and adds its row. limit, which may be nil, is what the
// machine does by itself; it is asked before and after each round.
func (m *session) measure(what, do string, clients int, limit func() float64) error {
	say("%s, %d accounts: %s, clients: %d", m.store.engine, m.store.accounts, what, clients)
	var all []row
	before := 0.0
	if limit != nil {
		before = limit()
	}
	for range m.rounds {
		one, err := m.once(do, clients)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if limit != nil {
			after := limit()
			one.of = one.perSecond / ((before + after) / 2)
			before = after
		}
		all = append(all, one)
	}
	of := func(f func(row) float64) float64 {
		var list []float64
		for _, one := range all {
			list = append(list, f(one))
		}
		return middle(list)
	}
	sum := row{what: what, engine: m.store.engine, accounts: m.store.accounts, clients: clients,
		perSecond: of(func(r row) float64 { return r.perSecond }), p50: of(func(r row) float64 { return r.p50 }), p99: of(func(r row) float64 { return r.p99 }),
		cpu: of(func(r row) float64 { return r.cpu }), db: of(func(r row) float64 { return r.db }), own: of(func(r row) float64 { return r.own }),
		of: of(func(r row) float64 { return r.of })}
	for _, one := range all {
		sum.failed += one.failed
	}
	m.results.rows = append(m.results.rows, sum)
	say("   %s", sum)
	return nil
}

// once runs an act once.
func (m *session) once(do string, clients int) (row, error) {
	pid := m.house.cmd.Process.Pid
	if m.profile != "" {
		wait := m.house.record(filepath.Join(m.profile, fmt.Sprintf("%s-%s-%d-%d.prof", m.store.engine, do, m.store.accounts, clients)), m.forTime)
		defer wait()
	}
	cpu, db := cpuOf(pid, false), m.serverCPU()
	t, err := m.load.do(order{Do: do, Target: m.house.addr, Clients: clients, For: m.forTime, Accounts: int64(m.store.accounts)})
	if err != nil {
		return row{}, err
	}
	if t.Failed > 0 {
		say("   %d done, %d FAILED: %s", t.Done, t.Failed, t.Why)
	}
	if t.Done == 0 {
		return row{}, errors.New(t.Why)
	}
	each := 1e6 / float64(t.Done)
	return row{perSecond: t.PerSecond, p50: t.P50, p99: t.P99, failed: t.Failed,
		cpu: (cpuOf(pid, false) - cpu) * each, db: (m.serverCPU() - db) * each, own: t.OwnCPU * each}, nil
}

func (m *session) serverCPU() float64 {
	if m.store.engine != "postgres" {
		return 0
	}
	return m.server.cpu()
}

// bareHTTP is how many requests a second the handler answers that does nothing.
func (b *bench) bareHTTP() float64 {
	t, err := b.load.do(order{Do: "bare", Target: b.bare.addr, Clients: 32, For: b.forTime / 3})
	if err != nil || t.Failed > 0 {
		say("bare handler: %v %s", err, t.Why)
	}
	return t.PerSecond
}
