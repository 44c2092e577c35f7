package captcha

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
)

// chance is a stream of random numbers that a secret seed decides: AES-256 in
// counter mode. Nobody can foresee it without the seed, and it can be repeated.
type chance struct {
	stream cipher.Stream
	buf    [256]byte
	at     int
}

// newChance makes the stream of a seed for one use ("image"), unrelated to its
// other uses.
func newChance(seed []byte, use string) (*chance, error) {
	if len(seed) < 16 {
		return nil, errors.New("captcha: the seed is too short")
	}
	key := sha256.Sum256(append([]byte("captcha "+use+"\x00"), seed...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	c := &chance{stream: cipher.NewCTR(block, make([]byte, aes.BlockSize))}
	c.at = len(c.buf)
	return c, nil
}

// fill overwrites b with random bytes.
func (c *chance) fill(b []byte) {
	clear(b)
	c.stream.XORKeyStream(b, b)
}

func (c *chance) uint32() uint32 {
	if c.at == len(c.buf) {
		c.fill(c.buf[:])
		c.at = 0
	}
	v := binary.LittleEndian.Uint32(c.buf[c.at:])
	c.at += 4
	return v
}

// below is a number in [0, n); its bias of n/2^32 is of no matter for noise.
func (c *chance) below(n int) int {
	return int(uint64(c.uint32()) * uint64(n) >> 32)
}

// between is a number in [low, high).
func (c *chance) between(low, high float64) float64 {
	return low + (high-low)*float64(c.uint32())/(math.MaxUint32+1)
}

// sign is -1 or 1.
func (c *chance) sign() float64 {
	if c.below(2) == 0 {
		return -1
	}
	return 1
}
