package passkey

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"time"
)

// Life is how long a challenge is good: at least four minutes, at most five.
const Life = 5 * time.Minute

// slot is the grain of a challenge's life.
const slot = time.Minute

// Challenge is what a journey keeps, sealed, to make the challenges that it shows:
// 32 random bytes. What is shown is a MAC under them of the purpose, the journey
// and the minute. So a page that is loaded again has a fresh challenge without
// anything being written, and taking the 32 bytes away ends all that was shown
// at once (S-30).
type Challenge struct {
	Secret []byte `json:"secret"`
}

// NewChallenge makes one.
func NewChallenge() Challenge { return Challenge{random()} }

// random is 32 bytes from the system's generator.
func random() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails since Go 1.24: the process ends instead
	return b
}

// Purpose keeps ceremonies apart.
type Purpose string

// The purposes. Registration keeps its own challenges, in the store.
const (
	SignIn Purpose = "sign_in" // nobody is known yet
	StepUp Purpose = "step_up" // somebody is, and proves more
)

// At is the challenge to show now, 32 bytes. bound is what it is bound to.
func (c Challenge) At(p Purpose, bound string, now time.Time) []byte {
	return c.of(p, bound, now.UnixNano()/int64(slot))
}

func (c Challenge) of(p Purpose, bound string, minute int64) []byte {
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(minute)))
	mac.Write([]byte("passkey\x00" + string(p) + "\x00" + bound))
	return mac.Sum(nil)
}

// Right tells whether got was shown for this purpose within Life before now.
func (c Challenge) Right(p Purpose, bound string, now time.Time, got []byte) bool {
	if len(c.Secret) == 0 {
		return false
	}
	right, minute := 0, now.UnixNano()/int64(slot)
	for back := range int64(Life / slot) {
		right |= subtle.ConstantTimeCompare(got, c.of(p, bound, minute-back))
	}
	return right == 1
}
