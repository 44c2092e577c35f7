package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"sync"
)

// maxDerived bounds the cache of derived keys. Purposes and kinds are constants
// of the program, a few dozen; a caller that passes something else loses speed,
// not memory.
const maxDerived = 1024

// derivedName names a derived key: version, what it is for, and the purpose.
type derivedName struct {
	id             uint32
	label, purpose string
}

// hasher is a derived key with HMAC states that are ready to use.
type hasher struct {
	key  []byte
	pool sync.Pool
}

func newHasher(key []byte) *hasher {
	h := &hasher{key: key}
	h.pool.New = func() any { return hmac.New(sha256.New, key) }
	return h
}

// sum appends the 32 bytes of HMAC-SHA-256 over message to out.
func (h *hasher) sum(out, message []byte) []byte {
	m := h.pool.Get().(hash.Hash)
	m.Write(message)
	out = m.Sum(out)
	m.Reset()
	h.pool.Put(m)
	return out
}

// derive makes (or finds) the key of one purpose under one version. The label
// keeps indexes, MACs and handed-out keys apart even for equal purposes.
func (s *state) derive(id uint32, label, purpose string) (*hasher, error) {
	name := derivedName{id, label, purpose}
	if h, ok := s.derived.Load(name); ok {
		return h.(*hasher), nil
	}
	f, ok := s.prfs[id]
	if !ok {
		return nil, ErrUnknownKey
	}
	input := appendPart(appendPart([]byte("selfsame derive 1"), label), purpose)
	key, err := f.ComputePRF(input, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("seal: deriving: %w", err)
	}
	h := newHasher(key)
	if s.derivedCount.Add(1) > maxDerived {
		return h, nil
	}
	kept, _ := s.derived.LoadOrStore(name, h)
	return kept.(*hasher), nil
}

// mustDerive is derive under a key of which newState has shown that it works.
func (s *state) mustDerive(id uint32, label, purpose string) *hasher {
	h, err := s.derive(id, label, purpose)
	if err != nil {
		panic(err)
	}
	return h
}

// Index is the blind index of a value under the primary key: equal values of
// one kind have equal indexes, and without the ring nothing can be tried
// (S-161). The caller brings the value into its one spelling first. IndexSize
// bytes.
func (r *Ring) Index(kind, value string) []byte {
	s := r.now.Load()
	return s.index(s.indexKey, kind, value)
}

// Indexes are the indexes under every enabled key, the primary first. While a
// rotation is being worked through, look-ups ask for all of them.
func (r *Ring) Indexes(kind, value string) [][]byte {
	s := r.now.Load()
	out := make([][]byte, len(s.indexOrder))
	for i, id := range s.indexOrder {
		out[i] = s.index(id, kind, value)
	}
	return out
}

func (s *state) index(id uint32, kind, value string) []byte {
	var buf [160]byte
	out := make([]byte, 4, IndexSize)
	binary.BigEndian.PutUint32(out, id)
	return s.mustDerive(id, "index", kind).sum(out, append(buf[:0], value...))
}

// IndexedUnder names the key of a blind index; false if it is not one.
func IndexedUnder(index []byte) (id uint32, ok bool) {
	if len(index) != IndexSize {
		return 0, false
	}
	return binary.BigEndian.Uint32(index), true
}

// IndexStale tells that the index is not under the primary key and is to be
// made again.
func (r *Ring) IndexStale(index []byte) bool {
	id, ok := IndexedUnder(index)
	return !ok || id != r.now.Load().indexKey
}

// MAC is a keyed hash of the parts, 32 bytes, under the primary key. Parts are
// encoded with their lengths: no other list of parts gives the same message.
func (r *Ring) MAC(purpose string, parts ...[]byte) []byte {
	s := r.now.Load()
	var buf [256]byte
	return s.mustDerive(s.indexKey, "mac", purpose).sum(make([]byte, 0, sha256.Size), encode(buf[:0], parts))
}

// VerifyMAC tells whether mac was made of these parts for this purpose under
// any enabled key. The comparison takes the same time wherever they differ.
func (r *Ring) VerifyMAC(purpose string, mac []byte, parts ...[]byte) bool {
	s := r.now.Load()
	var buf [256]byte
	var sum [sha256.Size]byte
	message := encode(buf[:0], parts)
	for _, id := range s.indexOrder {
		if hmac.Equal(mac, s.mustDerive(id, "mac", purpose).sum(sum[:0], message)) {
			return true
		}
	}
	return false
}

// Key is a key of 32 bytes for one purpose, for rooms that hash by themselves
// (the book of limits). It comes from the oldest enabled key, so that adding
// keys does not change it and a limit is not forgotten by a rotation; it
// changes when that key is disabled, at the latest at the next start.
func (r *Ring) Key(purpose string) []byte {
	s := r.now.Load()
	return slices.Clone(s.mustDerive(s.oldest, "key", purpose).key)
}

func encode(b []byte, parts [][]byte) []byte {
	for _, p := range parts {
		b = appendPart(b, p)
	}
	return b
}
