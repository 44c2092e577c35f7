package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sync"
)

// carrier takes every text and keeps it: docs/protocols/http-carrier.md without
// receipts. It lives in the test, so what was sent survives the program.
type carrier struct {
	mu      sync.Mutex
	codes   map[string][]string // by number, in the order of coming
	notices map[string]int
	ids     map[string]string // by Idempotency-Key
	repeats int
	breaks  int // each so many-th text is taken without an answer; 0: none
	changed chan struct{}
}

func newCarrier() *carrier {
	return &carrier{codes: map[string][]string{}, notices: map[string]int{}, ids: map[string]string{}, changed: make(chan struct{})}
}

var lastLine = regexp.MustCompile(`\n@id\.example\.com #(\d{6})$`)

func (c *carrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct{ ID, To, Text string }
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.URL.Path != "/messages" || m.ID != r.Header.Get("Idempotency-Key") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id, answered := c.take(m.ID, m.To, m.Text)
	if !answered {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"id":%q}`, id)
}

func (c *carrier) take(key, to, text string) (id string, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, again := c.ids[key]; again {
		c.repeats++
		return id, true
	}
	id = fmt.Sprintf("c-%d", len(c.ids)+1)
	c.ids[key] = id
	if found := lastLine.FindStringSubmatch(text); found != nil {
		c.codes[to] = append(c.codes[to], found[1])
	} else {
		c.notices[to]++
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return id, c.breaks == 0 || len(c.ids)%c.breaks > 0
}

// received is how many codes came to a number.
func (c *carrier) received(number string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.codes[number])
}

// code waits for the n-th code that comes to a number, until ctx ends.
func (c *carrier) code(ctx context.Context, number string, n int) (code string, came bool) {
	for {
		c.mu.Lock()
		codes, changed := c.codes[number], c.changed
		c.mu.Unlock()
		if len(codes) >= n {
			return codes[n-1], true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false
		}
	}
}
