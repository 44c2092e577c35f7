package alipay

import (
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// keyBits is the least length of a key.
const keyBits = 2048

// keys are ours to sign with and Alipay's to check with.
type keys struct {
	own     *rsa.PrivateKey
	theirs  *rsa.PublicKey
	appSN   string // certificate mode: names of the certificates; else empty
	rootSN  string
	theirSN string
	ends    map[string]time.Time // when certificates end, by what they are
}

// sign makes an RSA2 signature: SHA256withRSA (RFC 8017 section 8.2) in base64.
func (k keys) sign(text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	s, err := rsa.SignPKCS1v15(nil, k.own, crypto.SHA256, sum[:])
	if err != nil {
		return "", provider.Fail(provider.Config, "private_key")
	}
	return base64.StdEncoding.EncodeToString(s), nil
}

// verify checks one. In certificate mode the answer names the certificate; one that we
// do not have is not fetched from anybody.
func (k keys) verify(text []byte, sign, serial string) bool {
	raw, err := base64.StdEncoding.DecodeString(sign)
	sum := sha256.Sum256(text)
	return err == nil && serial == k.theirSN && rsa.VerifyPKCS1v15(k.theirs, crypto.SHA256, sum[:], raw) == nil
}

func readKeys(c Config) (k keys, err error) {
	var faults []error
	if k.own = privateKey(c.PrivateKey); k.own == nil {
		faults = append(faults, errors.New("alipay: our private key is no RSA key of 2048 bits or more"))
	}
	certs := c.AppCert != "" || c.AlipayCert != "" || c.RootCert != ""
	switch {
	case certs && c.PublicKey != "":
		faults = append(faults, errors.New("alipay: a public key and certificates are given; Alipay uses one or the other"))
	case certs:
		faults = append(faults, k.readCerts(c))
	default:
		if k.theirs = publicKey(c.PublicKey); k.theirs == nil {
			faults = append(faults, errors.New("alipay: Alipay's public key is no RSA key of 2048 bits or more"))
		}
	}
	if k.own != nil && k.theirs != nil && k.own.PublicKey.Equal(k.theirs) {
		faults = append(faults, errors.New("alipay: Alipay's public key is our own one; the console shows both"))
	}
	return k, errors.Join(faults...)
}

// readCerts reads the three texts of certificate mode.
func (k *keys) readCerts(c Config) error {
	app, theirs, roots := certificates(c.AppCert), certificates(c.AlipayCert), certificates(c.RootCert)
	if len(app) == 0 || len(theirs) == 0 || len(roots) == 0 {
		return errors.New("alipay: certificate mode needs our certificate, Alipay's and its roots, each in PEM")
	}
	own, ok := app[0].PublicKey.(*rsa.PublicKey)
	if !ok || k.own != nil && !k.own.PublicKey.Equal(own) {
		return errors.New("alipay: our certificate is not that of our private key")
	}
	if k.theirs, ok = theirs[0].PublicKey.(*rsa.PublicKey); !ok || k.theirs.N.BitLen() < keyBits {
		return errors.New("alipay: Alipay's certificate has no RSA key of 2048 bits or more")
	}
	k.appSN, k.theirSN = serialOf(app[0]), serialOf(theirs[0])
	k.ends = map[string]time.Time{"our certificate": app[0].NotAfter, "Alipay's certificate": theirs[0].NotAfter}
	var names []string
	for _, root := range roots {
		switch root.SignatureAlgorithm {
		case x509.SHA256WithRSA, x509.SHA1WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA:
			names = append(names, serialOf(root))
		}
	}
	if k.rootSN = strings.Join(names, "_"); k.rootSN == "" {
		return errors.New("alipay: none of the roots is signed by RSA")
	}
	return nil
}

// serialOf is how Alipay names a certificate (opendocs.alipay.com, 公钥证书方式).
func serialOf(c *x509.Certificate) string {
	sum := md5.Sum([]byte(c.Issuer.String() + c.SerialNumber.String()))
	return hex.EncodeToString(sum[:])
}

// certificates reads those of a bundle that can be read: Alipay's roots hold some with
// Chinese curves.
func certificates(text string) (list []*x509.Certificate) {
	for rest := []byte(text); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return list
		}
		if c, err := x509.ParseCertificate(b.Bytes); err == nil {
			list = append(list, c)
		}
	}
}

// der is what stands in PEM or in bare base64.
func der(text string) []byte {
	if b, _ := pem.Decode([]byte(strings.TrimSpace(text))); b != nil {
		return b.Bytes
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text))
	if err != nil {
		return nil
	}
	return raw
}

func privateKey(text string) *rsa.PrivateKey {
	raw := der(text)
	key, err := x509.ParsePKCS1PrivateKey(raw)
	if err != nil {
		parsed, _ := x509.ParsePKCS8PrivateKey(raw) // nil if it is not that either
		key, _ = parsed.(*rsa.PrivateKey)
	}
	if key == nil || key.N.BitLen() < keyBits {
		return nil
	}
	return key
}

func publicKey(text string) *rsa.PublicKey {
	raw := der(text)
	parsed, err := x509.ParsePKIXPublicKey(raw)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok {
		if key, err = x509.ParsePKCS1PublicKey(raw); err != nil {
			return nil
		}
	}
	if key.N.BitLen() < keyBits {
		return nil
	}
	return key
}
