package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// vendor is a third-party provider that speaks OpenID Connect and does as little as it
// can: who somebody is stands in the code, and its tokens are signed by ES256, which
// costs it less than anything else that is allowed.
type vendor struct {
	ln  net.Listener
	key *ecdsa.PrivateKey
}

const vendorClient = "bench"

func newVendor() (*vendor, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	v := &vendor{ln, key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		at := v.issuer()
		write(w, map[string]any{"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "jwks_uri": at + "/keys",
			"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		x, y := make([]byte, 32), make([]byte, 32)
		key.X.FillBytes(x)
		key.Y.FillBytes(y)
		w.Header().Set("Cache-Control", "max-age=3600")
		write(w, map[string]any{"keys": []map[string]string{{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": b64(x), "y": b64(y)}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		who, nonce, _ := strings.Cut(r.FormValue("code"), ".")
		token, err := v.token(who, nonce)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		write(w, map[string]any{"access_token": "none", "token_type": "Bearer", "expires_in": 3600, "id_token": token})
	})
	go func() { _ = http.Serve(ln, mux) }() // until the process ends
	return v, nil
}

func (v *vendor) issuer() string { return "http://" + v.ln.Addr().String() }

func write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // an error is the caller's leaving
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token is an ID token for somebody.
func (v *vendor) token(who, nonce string) (string, error) {
	at := now.Now()
	claims, err := json.Marshal(map[string]any{"iss": v.issuer(), "aud": vendorClient, "sub": who, "nonce": nonce, "iat": at.Unix(), "exp": at.Add(time.Hour).Unix(), "name": "Ana"})
	if err != nil {
		return "", err
	}
	text := b64([]byte(`{"alg":"ES256","kid":"1","typ":"JWT"}`)) + "." + b64(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, v.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + b64(signature), nil
}

// provided begins a sign-in with the provider and answers the path and headers of what
// follows, and the step.
func (v *visitor) provided(p *person, body string) (path, header string, err error) {
	path, header, err = v.begin(p)
	if err != nil {
		return "", "", err
	}
	_, err = v.call(200, "POST", path, header, body)
	return path, header, err
}

// byProvider signs in through the provider as an app with a browser does: begin, choose,
// out, back, look. The browser is on the app's network.
func (v *visitor) byProvider(p *person) error {
	path, header, err := v.provided(p, `{"input":"provider","provider":"bench"}`)
	if err != nil {
		return err
	}
	there, err := url.Parse(pick(v.body, "url"))
	if err != nil {
		return err
	}
	from := p.from()
	location, cookie, err := v.visit(there.RequestURI(), from)
	if err != nil {
		return fmt.Errorf("out: %w", err)
	}
	asked := location.Query()
	back := "/federation/bench/callback?code=" + url.QueryEscape(p.phone[1:]+"."+asked.Get("nonce")) + "&state=" + asked.Get("state")
	if _, _, err := v.visit(back, from+"Cookie: "+cookie+"\r\n"); err != nil {
		return fmt.Errorf("back: %w", err)
	}
	answer, err := v.call(200, "POST", path, header, `{"input":"check"}`)
	if err != nil {
		return err
	}
	return v.entered(p, path, header, answer)
}

// byToken signs in with a token of the provider's SDK: nothing is asked outside.
func (v *visitor) byToken(p *person) error {
	path, header, err := v.begin(p)
	if err != nil {
		return err
	}
	token, err := v.vendor.token(p.phone[1:], pick(within(v.body, "providers"), "nonce"))
	if err != nil {
		return err
	}
	answer, err := v.call(200, "POST", path, header, `{"input":"provider","provider":"bench","token":"`+token+`"}`)
	if err != nil {
		return err
	}
	return v.entered(p, path, header, answer)
}

// entered makes the account where there is none yet.
func (v *visitor) entered(p *person, path, header string, answer []byte) (err error) {
	for range 2 {
		input := map[string]string{"link_or_create": "create", "add_contact": "skip"}[pick(within(answer, "step"), "type")]
		if input == "" {
			break
		}
		if answer, err = v.call(200, "POST", path, header, `{"input":"`+input+`"}`); err != nil {
			return err
		}
	}
	return p.signedIn(answer)
}
