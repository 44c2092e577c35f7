package account

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/randid"
)

// NewToken makes a secret of an account: a prefix, by which secret scanners know
// it, the account's number, so that finding it is one read by the key that
// distributes, and 256 random bits.
func NewToken(prefix string, id ID) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(id))
	return prefix + base64.RawURLEncoding.EncodeToString(b[2:]) + randid.Secret()
}

// OfToken reads the account's number from a token of that prefix; ok says only
// that the form is right.
func OfToken(prefix, token string) (id ID, ok bool) {
	rest, ok := strings.CutPrefix(token, prefix)
	if !ok || len(rest) != 8+43 {
		return 0, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest[:8])
	if err != nil {
		return 0, false
	}
	return ID(binary.BigEndian.Uint64(append([]byte{0, 0}, b...))), true
}
