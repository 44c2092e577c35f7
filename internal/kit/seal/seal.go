// Package seal holds the key ring: personal data is sealed under it, found by
// blind indexes under it, and everything that needs a key of its own derives
// one from it by purpose (S-113, S-161). Keys have versions: new ones are added
// and take over, old ones go on opening until nothing is left under them.
//
// It must never write a key in the clear, log one, or let a value open in
// another place than the one it was sealed for. It owns no table: the rows are
// re-sealed by the rooms that own them, which ask Stale and IndexStale.
package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Overhead is how many bytes a sealed value is longer than the plain one: 5
// that name the key, a 12-byte nonce and a 16-byte tag.
const Overhead = 5 + 12 + 16

// IndexSize is the length of a blind index: 4 bytes that name the key, 32 of
// the keyed hash.
const IndexSize = 4 + 32

// tinkPrefix is the first byte of a value whose next four name its key.
const tinkPrefix = 1

// ErrUnknownKey means that the value was sealed under a key that this ring does
// not have or that is disabled: the ring file is older than the value, or the
// key was disabled too early.
var ErrUnknownKey = errors.New("seal: the value is under a key that is not enabled in this ring")

// ErrAltered means that the key is there and the value does not open: it was
// changed, cut, or moved to another place.
var ErrAltered = errors.New("seal: the value was altered or belongs to another place")

// Place says where a sealed value lives. It is authenticated with the value, so
// that a value copied to another row, column or table does not open there.
type Place struct{ Table, Column, Row string }

// Use tells what a key of the ring is for.
type Use string

// The uses: one keyset each, so that no key serves two kinds of work (S-113).
const (
	Sealing  Use = "sealing"  // AES-256-GCM
	Deriving Use = "deriving" // HMAC-SHA-256: indexes, MACs and derived keys
)

// KeyInfo describes one version of a key. It holds no secret.
type KeyInfo struct {
	ID      uint32
	Use     Use
	Primary bool // new values are made under it
	Enabled bool // values under it can be opened, found and verified
}

// Ring is a key ring. It is safe for concurrent use; the methods that change it
// replace its state as a whole, so that a reader sees the old keys or the new.
type Ring struct {
	now atomic.Pointer[state]

	mu   sync.Mutex // held while the state or the file is replaced
	disk [32]byte   // digest of the file this ring was read from or saved to
}

// state is one immutable version of the ring with what was derived from it.
type state struct {
	sealing  *keyset.Handle
	deriving *keyset.Handle

	aead         tink.AEAD
	sealKey      uint32
	sealIDs      map[uint32]bool // enabled
	prfs         map[uint32]prf.PRF
	indexKey     uint32
	indexOrder   []uint32 // enabled: the primary first, then newest to oldest
	oldest       uint32   // the enabled deriving key that was added first
	derived      sync.Map // derivedName -> *hasher
	derivedCount atomic.Int64
}

// New makes a ring with fresh keys that lives in memory only: for the demo and
// for tests. Save keeps it.
func New() (*Ring, error) {
	sealing, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	deriving, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return fromHandles(sealing, deriving)
}

func fromHandles(sealing, deriving *keyset.Handle) (*Ring, error) {
	s, err := newState(sealing, deriving)
	if err != nil {
		return nil, err
	}
	r := &Ring{}
	r.now.Store(s)
	return r, nil
}

func newState(sealing, deriving *keyset.Handle) (*state, error) {
	a, err := aead.New(sealing)
	if err != nil {
		return nil, fmt.Errorf("seal: sealing keys: %w", err)
	}
	set, err := prf.NewPRFSet(deriving)
	if err != nil {
		return nil, fmt.Errorf("seal: deriving keys: %w", err)
	}
	s := &state{
		sealing: sealing, deriving: deriving,
		aead: a, sealIDs: map[uint32]bool{},
		prfs: set.PRFs, indexKey: set.PrimaryID,
		indexOrder: []uint32{set.PrimaryID},
	}
	for _, k := range s.keys() {
		switch {
		case !k.Enabled:
		case k.Use == Sealing:
			s.sealIDs[k.ID] = true
			if k.Primary {
				s.sealKey = k.ID
			}
		case s.oldest == 0:
			s.oldest = k.ID
		}
	}
	all := s.keys()
	for i := len(all) - 1; i >= 0; i-- {
		if k := all[i]; k.Use == Deriving && k.Enabled && !k.Primary {
			s.indexOrder = append(s.indexOrder, k.ID)
		}
	}
	// A key that cannot be used must be found at start, not at the first sign-in.
	if _, err := a.Encrypt(nil, nil); err != nil {
		return nil, fmt.Errorf("seal: sealing keys: %w", err)
	}
	for id := range s.prfs {
		if _, err := s.derive(id, "check", ""); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Keys lists all versions in the order in which they were added, those for
// sealing first.
func (r *Ring) Keys() []KeyInfo { return r.now.Load().keys() }

func (s *state) keys() []KeyInfo {
	var out []KeyInfo
	for _, set := range []struct {
		use Use
		h   *keyset.Handle
	}{{Sealing, s.sealing}, {Deriving, s.deriving}} {
		for i := range set.h.Len() {
			e, err := set.h.Entry(i)
			if err != nil {
				panic(err) // i is within Len
			}
			out = append(out, KeyInfo{
				ID: e.KeyID(), Use: set.use, Primary: e.IsPrimary(),
				Enabled: e.KeyStatus() == keyset.Enabled,
			})
		}
	}
	return out
}

// Seal encrypts plain for its place. Two calls give different bytes.
func (r *Ring) Seal(plain []byte, at Place) []byte {
	var buf [160]byte
	out, err := r.now.Load().aead.Encrypt(plain, at.appendTo(buf[:0]))
	if err != nil {
		panic(fmt.Errorf("seal: %w", err)) // only for plain texts of 64 GiB
	}
	return out
}

// Open decrypts a value that was sealed for this place. Errors are ErrUnknownKey
// and ErrAltered.
func (r *Ring) Open(sealed []byte, at Place) ([]byte, error) {
	s := r.now.Load()
	id, ok := SealedUnder(sealed)
	if !ok {
		return nil, ErrAltered
	}
	if !s.sealIDs[id] {
		return nil, ErrUnknownKey
	}
	var buf [160]byte
	plain, err := s.aead.Decrypt(sealed, at.appendTo(buf[:0]))
	if err != nil {
		return nil, ErrAltered
	}
	return plain, nil
}

// SealedUnder names the key of a sealed value; false if it is not one.
func SealedUnder(sealed []byte) (id uint32, ok bool) {
	if len(sealed) < Overhead || sealed[0] != tinkPrefix {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:]), true
}

// Stale tells that the value is not under the primary key and is to be sealed
// again.
func (r *Ring) Stale(sealed []byte) bool {
	id, ok := SealedUnder(sealed)
	return !ok || id != r.now.Load().sealKey
}

func (p Place) appendTo(b []byte) []byte {
	b = appendPart(b, p.Table)
	b = appendPart(b, p.Column)
	return appendPart(b, p.Row)
}

// appendPart writes the length before the part, so that ("ab","c") and
// ("a","bc") never read alike.
func appendPart[T string | []byte](b []byte, part T) []byte {
	b = binary.AppendUvarint(b, uint64(len(part)))
	return append(b, part...)
}
