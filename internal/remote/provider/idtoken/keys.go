package idtoken

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// How long keys are kept: what the vendor's Cache-Control says, within bounds.
const (
	keepLeast = 5 * time.Minute
	keepPlain = time.Hour // where it says nothing
	keepMost  = 24 * time.Hour
	// keepOver is how long keys that are due are used while the vendor does not answer.
	keepOver = 6 * time.Hour
	// askEvery is how often an unknown key ID makes us ask before the keys are due, so
	// that tokens with made-up IDs are no way to make us dial (S-47).
	askEvery = time.Minute
	// restFor is how long they are used without asking again.
	restFor = 30 * time.Second

	keysMost = 64
	rsaLeast = 2048 // bits (RFC 7518 section 3.3)
)

// Keys are the public keys of one signer, read from one fixed address (RFC 7517).
type Keys struct {
	url  string
	wire provider.Wire
	clk  *clock.Clock

	mu       sync.Mutex
	byID     map[string][]jose.JSONWebKey
	dueAt    time.Time // zero: never read
	forcedAt time.Time // when an unknown ID made us ask
	failedAt time.Time
	flight   *flight // not nil: somebody asks at present
}

type flight struct {
	done chan struct{}
	err  error // read after done
}

// NewKeys dials nobody yet.
func NewKeys(url string, wire provider.Wire, clk *clock.Clock) *Keys {
	return &Keys{url: url, wire: wire, clk: clk}
}

// Fetch reads the keys now. It fails with a *Failure.
func (k *Keys) Fetch(ctx context.Context) error {
	k.mu.Lock()
	f := k.ask(ctx)
	k.mu.Unlock()
	return f.wait(ctx)
}

// Find is the keys with an ID: from memory, or asked for if they are due or the ID is
// unknown and nobody asked for that within the last minute. The failure is Untrusted
// for an ID that nobody published.
func (k *Keys) Find(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	held, f, err := k.plan(ctx, id)
	k.mu.Unlock()
	if f == nil {
		return held, err
	}
	err = f.wait(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if found := k.byID[id]; len(found) > 0 && (err == nil || k.clk.Now().Before(k.dueAt.Add(keepOver))) {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	k.forcedAt = k.clk.Now() // whatever made us ask, it did not know the ID
	return nil, unknown()
}

// plan says what to do for an ID: use what is held, wait for f, or refuse. k.mu is held.
func (k *Keys) plan(ctx context.Context, id string) (held []jose.JSONWebKey, f *flight, err error) {
	now := k.clk.Now()
	held = k.byID[id]
	due := !now.Before(k.dueAt)
	switch {
	case !due && len(held) > 0:
		return held, nil, nil
	case k.flight != nil:
		return nil, k.flight, nil
	case due && len(held) > 0 && now.Before(k.failedAt.Add(restFor)) && now.Before(k.dueAt.Add(keepOver)):
		return held, nil, nil
	case !due && now.Before(k.forcedAt.Add(askEvery)):
		return nil, nil, unknown()
	case !due:
		k.forcedAt = now
	}
	return nil, k.ask(ctx), nil
}

func unknown() *provider.Failure { return provider.Fail(provider.Untrusted, "unknown_key") }

// ask begins to read the keys, or joins who does. The one that reads does not hang on
// the caller who happened to be first. k.mu is held.
func (k *Keys) ask(ctx context.Context) *flight {
	if k.flight != nil {
		return k.flight
	}
	f := &flight{done: make(chan struct{})}
	k.flight = f
	go func() {
		byID, keep, err := k.read(context.WithoutCancel(ctx))
		k.mu.Lock()
		defer k.mu.Unlock()
		if f.err = err; err != nil {
			k.failedAt = k.clk.Now()
		} else {
			k.byID, k.dueAt, k.failedAt = byID, k.clk.Now().Add(keep), time.Time{}
		}
		k.flight = nil
		close(f.done)
	}()
	return f
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return provider.Fail(provider.Temporary, "keys").Because(ctx.Err())
	}
}

func (k *Keys) read(ctx context.Context) (byID map[string][]jose.JSONWebKey, keep time.Duration, err error) {
	a, err := k.wire.Get(ctx, k.url, nil)
	if err != nil {
		return nil, 0, err
	}
	if down := a.Down(k.clk.Now()); down != nil {
		return nil, 0, down
	}
	if a.Status != http.StatusOK {
		return nil, 0, provider.Fail(provider.Config, "keys")
	}
	byID, err = readSet(a)
	return byID, keepFor(a.Header), err
}

// readSet reads a key set. Keys of kinds that we do not know, keys without an ID,
// weak keys and keys for encryption are left out (RFC 7517 section 5).
func readSet(a provider.Answer) (map[string][]jose.JSONWebKey, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := a.Object(&set); err != nil {
		return nil, err
	}
	byID := map[string][]jose.JSONWebKey{}
	for _, raw := range set.Keys[:min(len(set.Keys), keysMost)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || key.KeyID == "" || key.Use != "" && key.Use != "sig" || !strong(key.Key) {
			continue
		}
		byID[key.KeyID] = append(byID[key.KeyID], key)
	}
	if len(byID) == 0 {
		return nil, provider.Fail(provider.Malformed, "keys")
	}
	return byID, nil
}

// strong tells whether it is a public key that a signature may rest on.
func strong(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= rsaLeast
	case *ecdsa.PublicKey:
		return true // the reader took only P-256 and above
	}
	return false
}

// keepFor reads how long an answer is fresh (RFC 9111 section 4.2.1).
func keepFor(h http.Header) time.Duration {
	for part := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "=")
		switch name {
		case "no-store", "no-cache":
			return keepLeast
		case "max-age":
			seconds, err := strconv.Atoi(strings.Trim(value, `"`))
			if err != nil || seconds < 0 {
				return keepLeast
			}
			age, _ := strconv.Atoi(h.Get("Age")) // what is no number is no age
			seconds = min(seconds, 1<<30) - min(max(age, 0), 1<<30)
			return min(max(time.Duration(seconds)*time.Second, keepLeast), keepMost)
		}
	}
	return keepPlain
}
