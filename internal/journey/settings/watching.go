package settings

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// How often the store is asked for all who listen on this node together, and after
// how many such looks their sessions are looked at (S-60) and they hear that the
// line is open.
const (
	lookEvery    = time.Second
	looksSession = 2
	looksBeat    = 15
)

// How many may listen at once on a node: to one account, and in all.
const (
	listenersEach = 10
	listenersAll  = 5000
)

// Watching tells who listens on this node when the question to their account
// changes. It looks into the store once a second for all of them together, some
// hundred accounts a read, and only while somebody listens: what a listener costs
// is its share of that (docs/decisions).
type Watching struct {
	db       *sqldb.DB
	clock    *clock.Clock
	prompts  *prompt.Store
	sessions *session.Store

	mu   sync.Mutex
	all  map[*Listener]bool
	each map[account.ID]int
}

// NewWatching makes a Watching; Run makes it work.
func NewWatching(db *sqldb.DB, c *clock.Clock, prompts *prompt.Store, sessions *session.Store) *Watching {
	return &Watching{db: db, clock: c, prompts: prompts, sessions: sessions, all: map[*Listener]bool{}, each: map[account.ID]int{}}
}

// Listener is one who listens.
type Listener struct {
	of      *Watching
	account account.ID
	session string
	last    prompt.Mark

	Changed chan struct{} // the question is another one, or there is none any more
	Beat    chan struct{} // nothing happened for a while
	Over    chan struct{} // closed when the session has ended, or cannot be looked at
}

// Join begins to listen in a session. The caller must Leave.
func (w *Watching) Join(l *session.Live) (*Listener, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.each[l.AccountID] >= listenersEach:
		return nil, fault.RateLimited.Until(w.clock.Now().Add(looksBeat * lookEvery))
	case len(w.all) >= listenersAll:
		return nil, fault.Unavailable.Until(w.clock.Now().Add(time.Minute))
	}
	one := &Listener{of: w, account: l.AccountID, session: l.ID, Changed: make(chan struct{}, 1), Beat: make(chan struct{}, 1), Over: make(chan struct{})}
	w.all[one], w.each[one.account] = true, w.each[one.account]+1
	return one, nil
}

// Leave ends listening.
func (l *Listener) Leave() { l.of.drop(l, func() {}) }

// drop takes a listener out and then calls f, once for each.
func (w *Watching) drop(l *Listener, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.all[l] {
		return
	}
	delete(w.all, l)
	if w.each[l.account]--; w.each[l.account] == 0 {
		delete(w.each, l.account)
	}
	f()
}

// Run looks until ctx ends.
func (w *Watching) Run(ctx context.Context) error {
	for n := 1; ; n++ {
		if w.clock.Sleep(ctx, lookEvery) != nil {
			return nil
		}
		w.look(ctx, n)
	}
}

// look is one look; the sessions and the beat have their turns.
func (w *Watching) look(ctx context.Context, n int) {
	w.mu.Lock()
	here := make([]*Listener, 0, len(w.all))
	ids := make([]account.ID, 0, len(w.each))
	for l := range w.all {
		here = append(here, l)
	}
	for id := range w.each {
		ids = append(ids, id)
	}
	w.mu.Unlock()
	if len(here) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*lookEvery)
	defer cancel()
	slices.Sort(ids)
	if n%looksSession == 0 {
		alive, err := w.sessions.Alive(ctx, w.db, ids)
		for _, l := range here {
			if err != nil || !alive[l.session] { // who cannot be looked at is not let go on
				w.drop(l, func() { close(l.Over) })
			}
		}
	}
	marks, err := w.prompts.Watch(ctx, w.db, ids)
	for _, l := range here {
		if err == nil && marks[l.account] != l.last {
			l.last = marks[l.account]
			poke(l.Changed)
		}
		if n%looksBeat == 0 {
			poke(l.Beat)
		}
	}
}

// poke leaves a word for who listens, unless one waits already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
