package apple

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Life of a client secret. Apple takes up to six months; ours is made for one call,
// a little in the past in case that our clock is ahead.
const (
	secretLife = 5 * time.Minute
	secretBack = 30 * time.Second
)

// signer makes client secrets ("Creating a client secret").
type signer struct {
	team string
	jose jose.Signer
	key  *ecdsa.PrivateKey
}

// newSigner reads the .p8 file. Its errors show nothing of it.
func newSigner(p8, keyID, team string) (*signer, error) {
	block, _ := pem.Decode([]byte(p8))
	if block == nil {
		return nil, errors.New("apple: the private key is no PEM file; give the .p8 file as it was downloaded")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, isEC := parsed.(*ecdsa.PrivateKey)
	if err != nil || !isEC || key.Curve != elliptic.P256() {
		return nil, errors.New("apple: the private key is no P-256 key; give the .p8 file of a key for Sign in with Apple")
	}
	options := (&jose.SignerOptions{}).WithHeader("kid", keyID)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return nil, errors.New("apple: the private key does not sign")
	}
	return &signer{team: team, jose: s, key: key}, nil
}

// secret makes a client secret for one client ID.
func (s *signer) secret(client string, now time.Time) (string, error) {
	made := now.Add(-secretBack)
	return jwt.Signed(s.jose).Claims(jwt.Claims{
		Issuer: s.team, Subject: client, Audience: jwt.Audience{issuer},
		IssuedAt: jwt.NewNumericDate(made), Expiry: jwt.NewNumericDate(made.Add(secretLife)),
	}).Serialize()
}
