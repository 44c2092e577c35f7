// Package passkeytest holds a software authenticator for tests: it keeps one
// ES256 passkey and answers both ceremonies as a browser would, and breaks one
// property where a test wants it broken. It writes its CBOR by hand, so that it
// shares no misunderstanding with the code that reads it. It must never be
// imported by anything but tests, and owns no table.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
)

// The bits of the authenticator data (WebAuthn Level 3 section 6.1).
const (
	UP = 0x01
	UV = 0x04
	BE = 0x08
	BS = 0x10
	AT = 0x40
	ED = 0x80
)

// Authenticator keeps one passkey.
type Authenticator struct {
	Origin string
	ID     []byte // credential id
	Handle []byte // user handle
	Flags  byte
	Counts bool // its counter grows
	Count  uint32
	key    *ecdsa.PrivateKey
}

// New makes a synced authenticator that verifies its owner.
func New(origin string) *Authenticator {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return &Authenticator{Origin: origin, ID: id, Flags: UP | UV | BE | BS, key: key}
}

// Clone copies it with its key and its count: what a thief would have.
func (a *Authenticator) Clone() *Authenticator {
	c := *a
	return &c
}

// Ceremony is an answer on its way, for a test to break.
type Ceremony struct {
	Client    map[string]any
	RPID      string
	Flags     byte
	Count     uint32
	AAGUID    []byte
	ID        []byte // in the authenticator data
	PublicKey []byte // COSE_Key
	After     []byte // after the authenticator data's last field
	Format    string
	Statement []byte // CBOR
	Object    func(cbor []byte) []byte
	Handle    []byte
	Signature func(der []byte) []byte
	Sent      func(credential, response map[string]any)
	attested  bool
}

// Break changes an answer before it is signed.
type Break func(c *Ceremony)

// options are of either ceremony.
type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
}

func read(from any) options {
	text, err := json.Marshal(from)
	if err != nil {
		panic(err)
	}
	var o options
	if err := json.Unmarshal(text, &o); err != nil {
		panic(err)
	}
	return o
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *Authenticator) ceremony(kind, challenge, rpID string, broken []Break) *Ceremony {
	if a.Counts {
		a.Count++
	}
	c := &Ceremony{
		Client: map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false},
		RPID:   rpID, Flags: a.Flags, Count: a.Count, AAGUID: make([]byte, 16), ID: a.ID, PublicKey: a.COSE(),
		Format: "none", Statement: []byte{0xa0}, Handle: a.Handle,
		Object: func(b []byte) []byte { return b }, Signature: func(b []byte) []byte { return b }, Sent: func(_, _ map[string]any) {},
	}
	if kind == "webauthn.create" {
		c.Flags, c.attested = c.Flags|AT, true
	}
	for _, b := range broken {
		b(c)
	}
	return c
}

// COSE is its public key (RFC 9052 section 7): {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
func (a *Authenticator) COSE() []byte {
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err)
	}
	return slices.Concat([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21}, Bytes(point[1:33]), []byte{0x22}, Bytes(point[33:]))
}

// Bytes is a CBOR byte string.
func Bytes(b []byte) []byte { return append(head(2, len(b)), b...) }

// Text is a CBOR text string.
func Text(s string) []byte { return append(head(3, len(s)), s...) }

func head(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	}
	return []byte{major<<5 | 25, byte(n >> 8), byte(n)}
}

func (c *Ceremony) authData() []byte {
	hash := sha256.Sum256([]byte(c.RPID))
	out := binary.BigEndian.AppendUint32(append(hash[:], c.Flags), c.Count)
	if c.attested {
		out = append(out, c.AAGUID...)
		out = binary.BigEndian.AppendUint16(out, uint16(len(c.ID)))
		out = slices.Concat(out, c.ID, c.PublicKey)
	}
	return append(out, c.After...)
}

func (a *Authenticator) sign(authData, client []byte) []byte {
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(slices.Concat(authData, hash[:]))
	der, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		panic(err)
	}
	return der
}

// Create answers creation options: the JSON of a new credential.
func (a *Authenticator) Create(from any, broken ...Break) []byte {
	o := read(from)
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		panic(err)
	}
	a.Handle = handle
	c := a.ceremony("webauthn.create", o.Challenge, o.RP.ID, broken)
	client, data := a.client(c), c.authData()
	if c.Format == "self" { // packed, signed by the key itself
		c.Format, c.Statement = "packed", slices.Concat([]byte{0xa2}, Text("alg"), []byte{0x26}, Text("sig"), Bytes(c.Signature(a.sign(data, client))))
	}
	object := c.Object(slices.Concat([]byte{0xa3}, Text("fmt"), Text(c.Format), Text("attStmt"), c.Statement, Text("authData"), Bytes(data)))
	return c.json(a.ID, map[string]any{"clientDataJSON": encode(client), "attestationObject": encode(object), "transports": []string{"internal", "hybrid", "morse"}})
}

// Get answers request options: the JSON of an assertion.
func (a *Authenticator) Get(from any, broken ...Break) []byte {
	o := read(from)
	c := a.ceremony("webauthn.get", o.Challenge, o.RPID, broken)
	client, data := a.client(c), c.authData()
	response := map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(c.Signature(a.sign(data, client)))}
	if len(c.Handle) > 0 {
		response["userHandle"] = encode(c.Handle)
	}
	return c.json(c.ID, response)
}

func (a *Authenticator) client(c *Ceremony) []byte {
	text, err := json.Marshal(c.Client)
	if err != nil {
		panic(err)
	}
	return text
}

func (c *Ceremony) json(id []byte, response map[string]any) []byte {
	credential := map[string]any{"id": encode(id), "rawId": encode(id), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, "response": response}
	c.Sent(credential, response)
	text, err := json.Marshal(credential)
	if err != nil {
		panic(err)
	}
	return text
}
