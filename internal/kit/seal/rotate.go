package seal

import (
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
)

// ErrNotPrepared means that there is no newer key to promote.
var ErrNotPrepared = errors.New("seal: no newer keys were prepared")

// Rotate adds new keys and makes them primary at once. Where several nodes
// share the ring file, Prepare and Promote with a pause between them: a node
// that has not read the file again could not open what others seal meanwhile.
func (r *Ring) Rotate() error {
	if err := r.Prepare(); err != nil {
		return err
	}
	return r.Promote()
}

// Prepare adds a new key of each use that opens and verifies but makes nothing
// yet.
func (r *Ring) Prepare() error {
	return r.change(func(sealing, deriving *keyset.Manager) error {
		if _, err := sealing.Add(aead.AES256GCMKeyTemplate()); err != nil {
			return err
		}
		_, err := deriving.Add(prf.HMACSHA256PRFKeyTemplate())
		return err
	})
}

// Promote makes the newest enabled key of each use primary. The error is
// ErrNotPrepared if they already are.
func (r *Ring) Promote() error {
	newest := map[Use]KeyInfo{}
	for _, k := range r.Keys() {
		if k.Enabled {
			newest[k.Use] = k
		}
	}
	if newest[Sealing].Primary && newest[Deriving].Primary {
		return ErrNotPrepared
	}
	return r.change(func(sealing, deriving *keyset.Manager) error {
		return errors.Join(
			sealing.SetPrimary(newest[Sealing].ID),
			deriving.SetPrimary(newest[Deriving].ID),
		)
	})
}

// Disable stops one key version: nothing under it opens, is found or verifies
// any more, until Enable. Whoever calls it has made sure that nothing is left
// under it. A primary key cannot be disabled.
func (r *Ring) Disable(id uint32) error {
	return r.change(func(sealing, deriving *keyset.Manager) error {
		return r.of(id, sealing, deriving, (*keyset.Manager).Disable)
	})
}

// Enable takes Disable back.
func (r *Ring) Enable(id uint32) error {
	return r.change(func(sealing, deriving *keyset.Manager) error {
		return r.of(id, sealing, deriving, (*keyset.Manager).Enable)
	})
}

func (r *Ring) of(id uint32, sealing, deriving *keyset.Manager, do func(*keyset.Manager, uint32) error) error {
	for _, k := range r.Keys() {
		switch {
		case k.ID != id:
		case k.Use == Sealing:
			return do(sealing, id)
		default:
			return do(deriving, id)
		}
	}
	return ErrUnknownKey
}

// change applies f to copies of both keysets and puts the result in force.
func (r *Ring) change(f func(sealing, deriving *keyset.Manager) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.now.Load()
	sealing := keyset.NewManagerFromHandle(s.sealing)
	deriving := keyset.NewManagerFromHandle(s.deriving)
	if err := f(sealing, deriving); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	newSealing, err := sealing.Handle()
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	newDeriving, err := deriving.Handle()
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	next, err := newState(newSealing, newDeriving)
	if err != nil {
		return err
	}
	r.now.Store(next)
	return nil
}
