package passkey

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
)

// Sizes of what is sent, in bytes.
const (
	jsonMost       = 16 << 10
	credentialMost = 1023 // WebAuthn Level 3 section 5.8.3
	keyMost        = 1024 // an RSA key of 4096 bits is 540
	handleMost     = 64
)

// The bits of the authenticator data (WebAuthn Level 3 section 6.1).
const (
	flagUserPresent    = 0x01
	flagUserVerified   = 0x04
	flagBackupEligible = 0x08
	flagBackedUp       = 0x10
	flagAttested       = 0x40
	flagExtensions     = 0x80
)

// because is why a passkey was refused: a word for the log and the tests, without
// anything of what was sent.
type because string

func (b because) Error() string { return "passkey: " + string(b) }

func refuse(why because) error { return Invalid.Because(why) }

// Why is the check that refused, for logs; empty if it was none of ours.
func Why(err error) string {
	var b because
	if errors.As(err, &b) {
		return string(b)
	}
	return ""
}

// b64 is base64url without padding (WebAuthn Level 3 section 3), read strictly.
type b64 []byte

func (b *b64) UnmarshalText(text []byte) (err error) {
	if strings.ContainsAny(string(text), "\r\n") { // which the decoder would skip
		return because("base64")
	}
	*b, err = base64.RawURLEncoding.Strict().DecodeString(string(text))
	return err
}

// credential is PublicKeyCredential.toJSON() of both ceremonies. What a client says
// of extensions is not read: none was asked for.
type credential struct {
	ID       string `json:"id"`
	RawID    b64    `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		ClientData  b64      `json:"clientDataJSON"`
		Attestation b64      `json:"attestationObject"`
		Transports  []string `json:"transports"`
		AuthData    b64      `json:"authenticatorData"`
		Signature   b64      `json:"signature"`
		UserHandle  b64      `json:"userHandle"`
	} `json:"response"`
}

// clientData is what the browser signed about where it was (section 5.8.1).
type clientData struct {
	Type        string `json:"type"`
	Challenge   b64    `json:"challenge"`
	Origin      string `json:"origin"`
	CrossOrigin bool   `json:"crossOrigin"`
	TopOrigin   string `json:"topOrigin"`
}

func readCredential(text []byte) (c credential, d clientData, err error) {
	if len(text) > jsonMost {
		return c, d, refuse("size")
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, d, refuse("json")
	}
	switch {
	case c.Type != "public-key":
		return c, d, refuse("kind")
	case len(c.RawID) == 0 || len(c.RawID) > credentialMost:
		return c, d, refuse("credential id")
	case c.ID != base64.RawURLEncoding.EncodeToString(c.RawID):
		return c, d, refuse("two ids")
	case len(c.Response.UserHandle) > handleMost:
		return c, d, refuse("user handle")
	}
	if err := json.Unmarshal(c.Response.ClientData, &d); err != nil {
		return c, d, refuse("client data")
	}
	return c, d, nil
}

// authData is the authenticator data (section 6.1).
type authData struct {
	rpIDHash     []byte
	flags        byte
	counter      uint32
	aaguid       []byte // from here on at registration only
	credentialID []byte
	publicKey    []byte
}

// readAuthData reads authenticator data; attested says that a registration sent it.
func readAuthData(b []byte, attested bool) (a authData, err error) {
	if len(b) < 37 {
		return a, refuse("authenticator data")
	}
	a.rpIDHash, a.flags, a.counter = b[:32], b[32], binary.BigEndian.Uint32(b[33:37])
	if (a.flags&flagAttested != 0) != attested {
		return a, refuse("attested data")
	}
	rest := b[37:]
	if attested {
		if rest, err = a.readKey(rest); err != nil {
			return a, err
		}
	}
	if a.flags&flagExtensions != 0 {
		if len(rest) == 0 || rest[0]>>5 != 5 || whole(rest) != nil {
			return a, refuse("extensions")
		}
		rest = nil
	}
	if len(rest) != 0 {
		return a, refuse("trailing bytes")
	}
	return a, nil
}

// readKey reads the attested credential data (section 6.5.1) and answers what
// comes after it.
func (a *authData) readKey(b []byte) (rest []byte, err error) {
	if len(b) < 18 {
		return nil, refuse("authenticator data")
	}
	n := int(binary.BigEndian.Uint16(b[16:18]))
	if n == 0 || n > credentialMost || len(b) < 18+n {
		return nil, refuse("credential id")
	}
	a.aaguid, a.credentialID = b[:16], b[18:18+n]
	b = b[18+n:]
	size, err := item(b, 1)
	if err != nil || size > keyMost {
		return nil, refuse("public key")
	}
	a.publicKey = b[:size]
	return b[size:], nil
}

// String keeps what was sent out of logs.
func (c credential) String() string { return fmt.Sprintf("credential of %d bytes", len(c.RawID)) }
