package seal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// ErrOtherRing means that the file holds a ring that lacks a key of the running
// one: it is not this ring in a later version, and taking it would make what is
// stored unreadable.
var ErrOtherRing = errors.New("the file holds another ring, or an older version of this one")

// Reload reads the file again and puts its keys in force without a pause. On
// any error the ring stays as it is. Errors are those of Open, and ErrOtherRing.
func (r *Ring) Reload(path string, passphrase []byte) error {
	next, digest, err := read(path, passphrase)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	has := map[KeyInfo]bool{}
	for _, k := range next.keys() {
		has[KeyInfo{ID: k.ID, Use: k.Use}] = true
	}
	for _, k := range r.now.Load().keys() {
		if !has[KeyInfo{ID: k.ID, Use: k.Use}] {
			return fileError(path, ErrOtherRing)
		}
	}
	r.now.Store(next)
	r.disk = digest
	return nil
}

// Watch looks at the file every so often until ctx ends, and reloads it when it
// holds something else than this ring was read from, so that a running node
// picks up a rotated ring. It looks rather than asks the system for notices,
// which network file systems do not send. report is told of each reload: nil, or
// why the ring stays as it is.
func (r *Ring) Watch(ctx context.Context, c *clock.Clock, path string, passphrase []byte, every time.Duration, report func(error)) {
	var seen os.FileInfo
	for c.Sleep(ctx, every) == nil {
		info, err := os.Stat(path)
		if err != nil {
			report(fmt.Errorf("seal: %w", err))
			continue
		}
		if seen != nil && os.SameFile(seen, info) && seen.ModTime().Equal(info.ModTime()) && seen.Size() == info.Size() {
			continue
		}
		seen = info
		if raw, err := readClosed(path); err == nil && r.isFrom(sha256.Sum256(raw)) {
			continue // reading is cheap, the passphrase is not
		}
		report(r.Reload(path, passphrase))
	}
}

func (r *Ring) isFrom(digest [32]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.disk == digest
}
