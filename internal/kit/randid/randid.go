// Package randid holds the making of identifiers, secrets and codes from the
// system's cryptographic generator (S-09, S-115). It must never take another source.
package randid

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"time"
)

// Secret is 256 random bits in URL-safe base64, 43 characters: session tokens,
// journey keys, device secrets.
func Secret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails since Go 1.24: the process ends instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// ID is 128 bits, 22 characters of URL-safe base64. It names a thing and grants
// nothing. The first 6 bytes are the milliseconds of at, so that rows made
// together lie together in an index (the idea of UUID version 7, RFC 9562 section 5.7).
func ID(at time.Time) string {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(at.UnixMilli())<<16)
	rand.Read(b[6:])
	return base64.RawURLEncoding.EncodeToString(b)
}

// Digits is a uniform number of n decimal digits, with leading zeros.
func Digits(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte('0' + Below(10))
	}
	return string(out)
}

// Below is a uniform number in [0, n).
func Below(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic(err) // crypto/rand.Reader never fails
	}
	return v.Int64()
}
