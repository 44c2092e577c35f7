package passkey

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Party is this site as authenticators know it, the relying party.
type Party struct {
	ID      string   // a domain: passkeys are bound to it
	Name    string   // shown by authenticators
	Origins []string // where ceremonies may happen, compared byte by byte
	// MustVerify refuses a passkey whose authenticator did not verify the person.
	// Without it such a passkey counts as something possessed only.
	MustVerify bool
}

// algorithms that are offered and taken, the preferred first: Ed25519, ES256, RS256.
var algorithms = []int64{int64(webauthncose.AlgEdDSA), int64(webauthncose.AlgES256), int64(webauthncose.AlgRS256)}

// client checks what the browser says, for one ceremony.
func (p *Party) client(d clientData, ceremony string, right func(challenge []byte) bool) error {
	switch {
	case d.Type != ceremony:
		return refuse("ceremony")
	case !right(d.Challenge):
		return refuse("challenge")
	case !slices.Contains(p.Origins, d.Origin):
		return refuse("origin")
	case d.CrossOrigin || d.TopOrigin != "": // in a frame of somebody else's page
		return refuse("cross origin")
	}
	return nil
}

// authenticator checks what the authenticator says in either ceremony.
func (p *Party) authenticator(a authData) error {
	hash := sha256.Sum256([]byte(p.ID))
	switch {
	case !bytes.Equal(a.rpIDHash, hash[:]):
		return refuse("rp id")
	case a.flags&flagUserPresent == 0:
		return refuse("presence")
	case p.MustVerify && a.flags&flagUserVerified == 0:
		return refuse("verification")
	case a.flags&flagBackedUp != 0 && a.flags&flagBackupEligible == 0:
		return refuse("backup flags")
	}
	return nil
}

// Register checks an answer of navigator.credentials.create (WebAuthn Level 3
// section 7.1) and makes the passkey of it. right tells whether a challenge is the
// one that was given; it must have been taken away before.
func (p *Party) Register(text []byte, right func(challenge []byte) bool) (Key, error) {
	c, d, err := readCredential(text)
	if err != nil {
		return Key{}, err
	}
	if err := p.client(d, "webauthn.create", right); err != nil {
		return Key{}, err
	}
	object, err := readAttestation(c.Response.Attestation)
	if err != nil {
		return Key{}, err
	}
	a, err := readAuthData(object.AuthData, true)
	if err != nil {
		return Key{}, err
	}
	if err := p.authenticator(a); err != nil {
		return Key{}, err
	}
	if !bytes.Equal(a.credentialID, c.RawID) {
		return Key{}, refuse("two ids")
	}
	public, err := readKey(a.publicKey)
	if err != nil {
		return Key{}, err
	}
	how, err := object.judge(public, c.Response.ClientData)
	if err != nil {
		return Key{}, err
	}
	return Key{
		CredentialID: a.credentialID, PublicKey: a.publicKey, Flags: a.flags, BackedUp: a.flags&flagBackedUp != 0, Counter: a.counter,
		Transports: knownTransports(c.Response.Transports), Attestation: how, AAGUID: a.aaguid,
	}, nil
}

// attestation is an attestation object (section 6.5.4).
type attestation struct {
	Format    string                  `cbor:"fmt"`
	AuthData  []byte                  `cbor:"authData"`
	Statement webauthncbor.RawMessage `cbor:"attStmt"`
}

func readAttestation(b []byte) (a attestation, err error) {
	if whole(b) != nil || webauthncbor.Unmarshal(b, &a) != nil {
		return a, refuse("attestation object")
	}
	return a, nil
}

// judge checks the attestation statement. None is asked for, so a browser sends
// none, or what an authenticator says of itself; every other format would be a
// parser of certificates for an answer that nobody uses.
func (a attestation) judge(public publicKey, client []byte) (how string, err error) {
	switch a.Format {
	case "none":
		if !bytes.Equal(a.Statement, []byte{0xa0}) {
			return "", refuse("attestation")
		}
		return "none", nil
	case "packed":
		var s struct {
			Alg  int64  `cbor:"alg"`
			Sig  []byte `cbor:"sig"`
			X5C  []any  `cbor:"x5c"`
			ECDA any    `cbor:"ecdaaKeyId"`
		}
		if webauthncbor.Unmarshal(a.Statement, &s) != nil || s.X5C != nil || s.ECDA != nil || s.Alg != public.algorithm {
			return "", refuse("attestation")
		}
		if !public.signed(a.AuthData, client, s.Sig) {
			return "", refuse("attestation")
		}
		return "self", nil
	}
	return "", refuse("attestation")
}

// publicKey is a COSE key of one of our algorithms.
type publicKey struct {
	algorithm int64
	key       any
}

func readKey(cose []byte) (publicKey, error) {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil || whole(cose) != nil {
		return publicKey{}, refuse("public key")
	}
	k := publicKey{key: key}
	switch key := key.(type) {
	case webauthncose.OKPPublicKeyData:
		k.algorithm = key.Algorithm
	case webauthncose.EC2PublicKeyData:
		k.algorithm = key.Algorithm
	case webauthncose.RSAPublicKeyData:
		k.algorithm = key.Algorithm
		if len(key.Modulus) < 256 || len(key.Modulus) > 512 || !bytes.Equal(key.Exponent, []byte{1, 0, 1}) {
			return publicKey{}, refuse("public key")
		}
	}
	if !slices.Contains(algorithms, k.algorithm) {
		return publicKey{}, refuse("algorithm")
	}
	return k, nil
}

// signed tells whether the key signed the authenticator data and the hash of the
// client data (section 6.3.3).
func (k publicKey) signed(authData, client, signature []byte) bool {
	hash := sha256.Sum256(client)
	ok, err := webauthncose.VerifySignature(k.key, slices.Concat(authData, hash[:]), signature)
	return ok && err == nil
}

// Assertion is an answer of navigator.credentials.get, read and not yet judged.
type Assertion struct {
	CredentialID []byte
	UserHandle   []byte // empty: not told
	sent         credential
	client       clientData
	data         authData
}

// ReadAssertion reads an answer of navigator.credentials.get.
func ReadAssertion(text []byte) (*Assertion, error) {
	c, d, err := readCredential(text)
	if err != nil {
		return nil, err
	}
	a, err := readAuthData(c.Response.AuthData, false)
	if err != nil {
		return nil, err
	}
	return &Assertion{CredentialID: c.RawID, UserHandle: c.Response.UserHandle, sent: c, client: d, data: a}, nil
}

// Use is one use of a passkey, judged right.
type Use struct {
	Verified bool   // the authenticator verified the person
	Counter  uint32 // what it counts now
	BackedUp bool
	// Fell says that the counter did not grow: a copy of the key may be about
	// (section 6.1.1). The signature was right.
	Fell bool
}

// Judge checks an assertion by a passkey (WebAuthn Level 3 section 7.2). That the
// passkey is the account's is for whoever looked it up. right tells whether a
// challenge is the one that was given; it must have been taken away before.
func (p *Party) Judge(a *Assertion, k Key, right func(challenge []byte) bool) (Use, error) {
	if err := p.client(a.client, "webauthn.get", right); err != nil {
		return Use{}, err
	}
	if err := p.authenticator(a.data); err != nil {
		return Use{}, err
	}
	if !bytes.Equal(a.CredentialID, k.CredentialID) {
		return Use{}, refuse("credential id")
	}
	if (a.data.flags^k.Flags)&flagBackupEligible != 0 {
		return Use{}, refuse("backup eligibility")
	}
	public, err := readKey(k.PublicKey)
	if err != nil {
		return Use{}, err
	}
	if !public.signed(a.sent.Response.AuthData, a.sent.Response.ClientData, a.sent.Response.Signature) {
		return Use{}, refuse("signature")
	}
	counts := a.data.counter != 0 || k.Counter != 0
	return Use{
		Verified: a.data.flags&flagUserVerified != 0, Counter: a.data.counter, BackedUp: a.data.flags&flagBackedUp != 0,
		Fell: counts && a.data.counter <= k.Counter,
	}, nil
}
