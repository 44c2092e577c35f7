package token

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// ErrToken says that a token of a client is not what it has to be.
var ErrToken = errors.New("token: not as it has to be")

// Header is the header of a token.
type Header struct {
	Alg string `json:"alg"`
	Kid string `json:"kid"`
}

// OpenES256 checks a token that the owner of public signed (RFC 7518, 3.4: the
// signature is r and s, 32 bytes each) and reads its claims into v. It looks at no
// claim.
func OpenES256(text string, public *ecdsa.PublicKey, v any) (Header, error) {
	var h Header
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return h, fmt.Errorf("%w: %d parts", ErrToken, len(parts))
	}
	if err := read(parts[0], &h); err != nil {
		return h, err
	}
	if h.Alg != "ES256" {
		return h, fmt.Errorf("%w: alg %q", ErrToken, h.Alg)
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return h, fmt.Errorf("%w: a signature of %d bytes", ErrToken, len(signature))
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(public, sum[:], r, s) {
		return h, fmt.Errorf("%w: the signature", ErrToken)
	}
	return h, read(parts[1], v)
}

func read(part string, v any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return fmt.Errorf("%w: base64", ErrToken)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%w: JSON", ErrToken)
	}
	return nil
}

// Looks says whether text has the shape of a signed token.
func Looks(text string) bool {
	head, _, ok := strings.Cut(text, ".")
	var h Header
	return ok && strings.Count(text, ".") == 2 && read(head, &h) == nil && h.Alg != ""
}
