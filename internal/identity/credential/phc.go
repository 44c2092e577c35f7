package credential

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Profile is the cost of a password hash: argon2id (RFC 9106).
type Profile struct {
	MemoryKiB uint32
	Time      uint32 // passes over the memory
	Threads   uint8
}

// The profiles that a configuration offers.
var (
	// Default is what OWASP's password storage cheat sheet asks for.
	Default = Profile{MemoryKiB: 19456, Time: 2, Threads: 1}
	// Strict is for those who can spend three times as much.
	Strict = Profile{MemoryKiB: 65536, Time: 2, Threads: 1}
)

// The ceilings of a stored hash. One crafted parameter would otherwise make
// every try at that password cost gigabytes or minutes (S-177).
const (
	maxMemoryKiB = 256 << 10
	maxTime      = 16
	maxThreads   = 16
	minSalt      = 8
	maxSalt      = 64
	minOutput    = 16
	maxOutput    = 64
	maxPHC       = 256
)

// What we make ourselves.
const (
	saltSize   = 16
	outputSize = 32
)

var errPHC = errors.New("credential: not an argon2id hash within the ceilings")

// sane tells that the parameters are within the ceilings and what argon2 takes:
// at least 8 KiB for each thread (RFC 9106 section 3.1).
func (p Profile) sane() bool {
	return p.Time >= 1 && p.Time <= maxTime && p.Threads >= 1 && p.Threads <= maxThreads &&
		p.MemoryKiB >= 8*uint32(p.Threads) && p.MemoryKiB <= maxMemoryKiB
}

// hashed is a password hash with all that is needed to make it again.
type hashed struct {
	profile Profile
	salt    []byte
	output  []byte
}

var phcBase64 = base64.RawStdEncoding.Strict()

// String is the PHC form: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>.
func (h hashed) String() string {
	b := make([]byte, 0, 128)
	b = append(b, "$argon2id$v="...)
	b = strconv.AppendInt(b, argon2.Version, 10)
	b = append(b, "$m="...)
	b = strconv.AppendUint(b, uint64(h.profile.MemoryKiB), 10)
	b = append(b, ",t="...)
	b = strconv.AppendUint(b, uint64(h.profile.Time), 10)
	b = append(b, ",p="...)
	b = strconv.AppendUint(b, uint64(h.profile.Threads), 10)
	b = append(b, '$')
	b = phcBase64.AppendEncode(b, h.salt)
	b = append(b, '$')
	b = phcBase64.AppendEncode(b, h.output)
	return string(b)
}

// parsePHC reads the one spelling that String writes. Anything else, and any
// parameter beyond the ceilings, is an error, before a byte is hashed.
func parsePHC(text string) (hashed, error) {
	if len(text) > maxPHC {
		return hashed{}, errPHC
	}
	part := strings.Split(text, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != "v="+strconv.Itoa(argon2.Version) {
		return hashed{}, errPHC
	}
	cost := strings.Split(part[3], ",")
	if len(cost) != 3 {
		return hashed{}, errPHC
	}
	m, err1 := parameter(cost[0], "m=", 32)
	t, err2 := parameter(cost[1], "t=", 32)
	p, err3 := parameter(cost[2], "p=", 8)
	salt, err4 := phcBase64.DecodeString(part[4])
	output, err5 := phcBase64.DecodeString(part[5])
	h := hashed{Profile{uint32(m), uint32(t), uint8(p)}, salt, output}
	switch {
	case errors.Join(err1, err2, err3, err4, err5) != nil, !h.profile.sane(),
		len(salt) < minSalt, len(salt) > maxSalt, len(output) < minOutput, len(output) > maxOutput,
		h.String() != text: // one spelling: no leading zeros, no line breaks in base64
		return hashed{}, errPHC
	}
	return h, nil
}

func parameter(text, name string, bits int) (uint64, error) {
	digits, ok := strings.CutPrefix(text, name)
	if !ok {
		return 0, errPHC
	}
	return strconv.ParseUint(digits, 10, bits)
}
