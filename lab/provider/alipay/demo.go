package alipay

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/lab/provider"
)

// How an app and Alipay know each other's keys.
const (
	KeyMode  = false // by the bare public keys
	CertMode = true  // by certificates
)

// Credentials are what the app's side of a demo holds; keys and certificates are PEM.
type Credentials struct {
	AppID, PID string
	PrivateKey string // of the app, PKCS #8
	PublicKey  string // of Alipay; empty with certificates
	AppCert    string
	RootCert   string // Alipay's, several in one text
	AlipayCert string
}

// Demo registers an app with an ID that is the same at every start and fresh keys,
// which takes a moment.
func Demo(name, redirect string, certificates bool) (Config, Credentials, error) {
	digits := fmt.Sprint(binary.BigEndian.Uint64(provider.Derive("alipay", "demo")))
	app := App{ID: "2021" + digits[:12], PID: "2088" + digits[:12], Name: name, Redirects: []string{redirect}}
	ours, err := newKey()
	if err != nil {
		return Config{}, Credentials{}, err
	}
	theirs, err := newKey()
	if err != nil {
		return Config{}, Credentials{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(ours)
	if err != nil {
		return Config{}, Credentials{}, fmt.Errorf("alipay: %w", err)
	}
	config := Config{Key: theirs}
	cred := Credentials{AppID: app.ID, PID: app.PID, PrivateKey: asPEM("PRIVATE KEY", private)}
	if certificates {
		err = certify(&config, &app, &cred, ours)
	} else {
		app.PublicKey = &ours.PublicKey
		var public []byte
		public, err = x509.MarshalPKIXPublicKey(&theirs.PublicKey)
		cred.PublicKey = asPEM("PUBLIC KEY", public)
	}
	config.Apps = []App{app}
	return config, cred, err
}

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

func asPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certify makes the certificates: two roots, one of which is not signed by RSA and
// does not count, and what the first signs.
func certify(c *Config, app *App, cred *Credentials, ours *rsa.PrivateKey) error {
	rootKey, err := newKey()
	if err != nil {
		return err
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("alipay: %w", err)
	}
	var made [4]*x509.Certificate
	for i, m := range []struct {
		name   string
		public crypto.PublicKey
		parent int
		key    crypto.Signer
	}{
		{"Simulated Alipay Root R1", &rootKey.PublicKey, 0, rootKey},
		{"Simulated Alipay Root E1", &curve.PublicKey, 1, curve},
		{"Simulated Alipay", &c.Key.PublicKey, 0, rootKey},
		{app.Name, &ours.PublicKey, 0, rootKey},
	} {
		template := &x509.Certificate{
			SerialNumber: new(big.Int).SetBytes(provider.Derive("serial", m.name)[:15]),
			Subject:      pkix.Name{Country: []string{"CN"}, Organization: []string{"Selfsame lab"}, CommonName: m.name},
			NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
			IsCA: i < 2, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		}
		parent := template
		if i != m.parent {
			parent = made[m.parent]
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, m.public, m.key)
		if err != nil {
			return fmt.Errorf("alipay: %w", err)
		}
		if made[i], err = x509.ParseCertificate(der); err != nil {
			return fmt.Errorf("alipay: %w", err)
		}
	}
	const kind = "CERTIFICATE"
	c.Roots, c.Cert, app.Cert = made[:2], made[2], made[3]
	cred.RootCert = asPEM(kind, made[0].Raw) + asPEM(kind, made[1].Raw)
	cred.AlipayCert, cred.AppCert = asPEM(kind, made[2].Raw), asPEM(kind, made[3].Raw)
	return nil
}

// SerialOf is the number by which Alipay names a certificate (app_cert_sn,
// alipay_cert_sn): the MD5 of its issuer and its serial number.
func SerialOf(c *x509.Certificate) string {
	sum := md5.Sum([]byte(c.Issuer.String() + c.SerialNumber.String()))
	return hex.EncodeToString(sum[:])
}

// SerialsOf names the root certificates (alipay_root_cert_sn): those signed by RSA.
func SerialsOf(roots []*x509.Certificate) string {
	var serials []string
	for _, c := range roots {
		if strings.HasSuffix(c.SignatureAlgorithm.String(), "-RSA") {
			serials = append(serials, SerialOf(c))
		}
	}
	return strings.Join(serials, "_")
}
