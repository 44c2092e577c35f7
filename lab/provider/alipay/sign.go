package alipay

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/lab/provider"
)

var errNoKey = errors.New("alipay: Config.Key is missing")

// toSign joins all parameters but those in without and those that are empty: sorted
// by name, as they are, without any escaping.
func toSign(params url.Values, without ...string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if value := params.Get(name); value != "" && !slices.Contains(without, name) {
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.Join(pairs, "&")
}

// sign is RSA2: SHA-256 and RSA with the padding of PKCS #1 v1.5, in base64.
func sign(key *rsa.PrivateKey, text []byte) (string, error) {
	if key == nil {
		return "", errNoKey
	}
	sum := sha256.Sum256(text)
	made, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("alipay: %w", err)
	}
	return base64.StdEncoding.EncodeToString(made), nil
}

// signedBy tells whether sign is that of text.
func signedBy(key *rsa.PublicKey, text, sign string) bool {
	made, err := base64.StdEncoding.DecodeString(sign)
	if err != nil || key == nil {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], made) == nil
}

// member is one member of a node, in its place.
type member struct {
	name  string
	value any
}

// node is the value that an answer's signature covers.
type node []member

// JSON writes the members in their order, each slash with a backslash before it.
func (n node) JSON() string {
	return strings.ReplaceAll(provider.Members(len(n), func(i int) (string, any) { return n[i].name, n[i].value }), "/", `\/`)
}
