package passkey

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Bounds of what an authenticator may send (S-35).
const (
	depthMost   = 5  // WebAuthn needs four; a compound attestation five
	entriesMost = 64 // of one map or array
)

var errCBOR = errors.New("passkey: cbor")

// item measures the CBOR item at the beginning of b: its bytes, or an error if it
// is not whole, nested too deep, or of a form that an authenticator does not
// write: indefinite lengths, tags, floating-point numbers, a key that stands
// twice (CTAP 2.2 section 8).
func item(b []byte, depth int) (n int, err error) {
	major, value, n, err := head(b)
	if err != nil || depth > depthMost {
		return 0, errCBOR
	}
	switch major {
	case 0, 1:
		return n, nil
	case 2, 3:
		if value > uint64(len(b)-n) {
			return 0, errCBOR
		}
		return n + int(value), nil
	case 4:
		return list(b, n, value, depth)
	case 5:
		return dict(b, n, value, depth)
	case 7:
		if b[0]&31 >= 20 && b[0]&31 <= 22 { // false, true, null
			return n, nil
		}
	}
	return 0, errCBOR
}

// head reads the first byte of an item and the number that goes with it.
func head(b []byte) (major byte, value uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, errCBOR
	}
	major, low := b[0]>>5, b[0]&31
	switch {
	case low < 24:
		return major, uint64(low), 1, nil
	case low > 27: // reserved, and 31: indefinite
		return 0, 0, 0, errCBOR
	}
	width := 1 << (low - 24)
	if len(b) < 1+width {
		return 0, 0, 0, errCBOR
	}
	var wide [8]byte
	copy(wide[8-width:], b[1:1+width])
	return major, binary.BigEndian.Uint64(wide[:]), 1 + width, nil
}

func list(b []byte, n int, entries uint64, depth int) (int, error) {
	if entries > entriesMost {
		return 0, errCBOR
	}
	for range entries {
		size, err := item(b[n:], depth+1)
		if err != nil {
			return 0, err
		}
		n += size
	}
	return n, nil
}

func dict(b []byte, n int, entries uint64, depth int) (int, error) {
	if entries > entriesMost {
		return 0, errCBOR
	}
	var keys [][]byte
	for range entries {
		size, err := item(b[n:], depth+1)
		if err != nil {
			return 0, err
		}
		key := b[n : n+size]
		for _, had := range keys {
			if bytes.Equal(had, key) {
				return 0, errCBOR
			}
		}
		keys, n = append(keys, key), n+size
		if size, err = item(b[n:], depth+1); err != nil {
			return 0, err
		}
		n += size
	}
	return n, nil
}

// whole checks that b is one item and nothing after it.
func whole(b []byte) error {
	if n, err := item(b, 1); err != nil || n != len(b) {
		return errCBOR
	}
	return nil
}
