package captcha

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/randid"
)

// Difficulties: the most derivations that a challenge can take; half of it on
// average, never more. The times are measured with the widget in Chromium on 2 cores
// of a server, 7,000 derivations a second; a program pays 0.27 ms of a core each.
const (
	Easy   = 4_000  // 0.3 s on average
	Normal = 16_000 // 1.2 s
	Hard   = 64_000 // 5 s
)

const (
	workAlgorithm = "PBKDF2/SHA-256" // runs on the browser's own WebCrypto
	workCost      = 1000             // iterations of a derivation
	workKeyLength = 32               // bytes
	workPrefix    = 16               // bytes of the key that the challenge shows
	payloadMax    = 4096             // bytes
	difficultyMax = 1 << 24
)

// Challenge is a proof of work as the ALTCHA widget reads it (protocol version 2,
// deterministic mode): find the counter from 0 on for which
// PBKDF2(nonce + counter as 4 bytes, salt, cost) begins with the key's prefix.
// It is public and complete: nothing needs to be kept to judge the solution.
type Challenge struct {
	Parameters Parameters `json:"parameters"`
	Signature  string     `json:"signature" doc:"Our keyed hash of the parameters."`
}

// Parameters are signed as they stand; the order of the fields is the one that
// the signature covers.
type Parameters struct {
	Algorithm    string `json:"algorithm"`
	Cost         int    `json:"cost"`
	Data         Data   `json:"data"`
	KeyLength    int    `json:"keyLength"`
	KeyPrefix    string `json:"keyPrefix"`
	KeySignature string `json:"keySignature"`
	Nonce        string `json:"nonce" doc:"Names the challenge."`
	Salt         string `json:"salt"`
}

// Data is what we sign beside the protocol's own. The end of the challenge stands
// here and not in the protocol's expiresAt, because the widget compares that with
// the reader's clock, which is often wrong; an old solution is refused by us alone.
type Data struct {
	Binding string `json:"binding" doc:"What the challenge is for, as a keyed hash."`
	Until   int64  `json:"until" doc:"When it ends, in seconds of Unix time."`
}

// payload is what the widget sends back, as base64 of JSON.
type payload struct {
	Challenge Challenge `json:"challenge"`
	Solution  struct {
		Counter    uint32 `json:"counter"`
		DerivedKey string `json:"derivedKey"`
	} `json:"solution"`
}

var (
	errPayload  = errors.New("captcha: not a payload")
	errSigned   = errors.New("captcha: the challenge is not ours or was changed")
	errBinding  = errors.New("captcha: the challenge is for something else")
	errExpired  = errors.New("captcha: the challenge is over")
	errUnsolved = errors.New("captcha: the solution is wrong")
)

// NewWork makes a challenge that is good until expires, for what binding says (a
// journey and its step) and nothing else, under a key of at least 32 bytes.
// Difficulty is the most derivations it can take, see Easy. It costs one derivation here.
//
// The counter is uniform from 0 to the difficulty, so that trying the next counter is
// worth the same at every place: starting late, or dropping a challenge for a
// new one, gains nothing.
func NewWork(key []byte, binding string, difficulty int, expires time.Time) (Challenge, error) {
	if len(key) < 32 {
		return Challenge{}, errors.New("captcha: the key is shorter than 32 bytes")
	}
	if difficulty < 1 || difficulty > difficultyMax {
		return Challenge{}, errors.New("captcha: the difficulty is out of range")
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return Challenge{}, err
	}
	nonce, salt := random[:16], random[16:]
	found, err := derive(nonce, salt, uint32(randid.Below(int64(difficulty))))
	if err != nil {
		return Challenge{}, err
	}
	p := Parameters{
		Algorithm:    workAlgorithm,
		Cost:         workCost,
		Data:         Data{Binding: bind(key, binding), Until: expires.Unix()},
		KeyLength:    workKeyLength,
		KeyPrefix:    hex.EncodeToString(found[:workPrefix]),
		KeySignature: tag(key, "solution", found),
		Nonce:        hex.EncodeToString(nonce),
		Salt:         hex.EncodeToString(salt),
	}
	return Challenge{Parameters: p, Signature: sign(key, p)}, nil
}

// CheckWork judges what the widget sent back. It answers nil for the solution of
// a challenge that NewWork made with the same key and binding and that is not
// over at now; its errors are for the log, people are told one sentence. It costs a
// few hashes, no derivation. A right solution stays right: single use is the
// caller's, by Nonce.
func CheckWork(key []byte, binding, sent string, now time.Time) error {
	p, err := readPayload(sent)
	if err != nil {
		return err
	}
	solved, err := hex.DecodeString(p.Solution.DerivedKey)
	given := p.Challenge.Parameters
	switch {
	case len(key) < 32 || !same(p.Challenge.Signature, sign(key, given)):
		return errSigned
	case !same(given.Data.Binding, bind(key, binding)):
		return errBinding
	case now.Unix() >= given.Data.Until:
		return errExpired
	case err != nil || !same(given.KeySignature, tag(key, "solution", solved)):
		return errUnsolved
	}
	return nil
}

// Nonce is the name of the challenge that a payload answers, 32 characters of
// hexadecimal, or empty. It is only worth something after CheckWork; burn it
// in the transaction of what the solution allows.
func Nonce(sent string) string {
	p, err := readPayload(sent)
	if err != nil {
		return ""
	}
	return p.Challenge.Parameters.Nonce
}

func readPayload(sent string) (payload, error) {
	var p payload
	if len(sent) > payloadMax {
		return p, errPayload
	}
	raw, err := base64.StdEncoding.DecodeString(sent)
	if err != nil || json.Unmarshal(raw, &p) != nil {
		return p, errPayload
	}
	return p, nil
}

// derive is one step of the search: what the widget's worker computes.
func derive(nonce, salt []byte, counter uint32) ([]byte, error) {
	password := binary.BigEndian.AppendUint32(nonce[:len(nonce):len(nonce)], counter)
	return pbkdf2.Key(sha256.New, string(password), salt, workCost, workKeyLength)
}

func sign(key []byte, p Parameters) string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // strings and numbers only; never the signature of anything
	}
	return tag(key, "challenge", text)
}

// bind hides the binding, which is none of the reader's business.
func bind(key []byte, binding string) string { return tag(key, "binding", []byte(binding))[:32] }

// tag is the keyed hash of a message for one use, in hexadecimal.
func tag(key []byte, use string, message []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("altcha " + use + "\x00"))
	h.Write(message)
	return hex.EncodeToString(h.Sum(nil))
}

func same(a, b string) bool { return a != "" && b != "" && hmac.Equal([]byte(a), []byte(b)) }
