package httpd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/kit/randid"
)

// FormField is the name of the hidden input that carries the form token.
const FormField = "form_token"

// DeviceLife is how long a browser keeps its device cookie: the longest that
// browsers allow (RFC 6265bis section 5.5).
const DeviceLife = 400 * 24 * time.Hour

// Form answers the fields of a posted form, read once. The body alone counts,
// never the query; a repeated field, too many fields, invalid UTF-8 and NUL are
// refused (S-130, S-134).
func Form(r *http.Request) (url.Values, error) {
	x := From(r.Context()).x
	if x != nil && x.form != nil {
		return x.form, nil
	}
	form, err := readForm(r, x)
	if err != nil {
		return nil, err
	}
	if x != nil {
		x.form = form
	}
	return form, nil
}

func readForm(r *http.Request, x *exchange) (url.Values, error) {
	kind, ok := contentType(r)
	switch {
	case !ok:
		return nil, UnsupportedMedia
	case kind == "multipart/form-data" && x != nil && x.route.files:
		// All in memory: the cap of the body is the cap of the memory.
		if err := r.ParseMultipartForm(x.route.cap); err != nil {
			return nil, badForm(err)
		}
		return checkFields(r.MultipartForm.Value)
	case kind != "application/x-www-form-urlencoded":
		return nil, UnsupportedMedia
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badForm(err)
	}
	text := string(body)
	if strings.Count(text, "&") >= maxParams {
		return nil, InvalidForm
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, InvalidForm.Because(err)
	}
	return checkFields(form)
}

func badForm(err error) error {
	if large := tooLarge(err); large != err {
		return large
	}
	return InvalidForm.Because(err)
}

func checkFields(form url.Values) (url.Values, error) {
	if len(form) > maxParams {
		return nil, InvalidForm
	}
	for name, values := range form {
		if len(values) != 1 || !cleanText(name) || !cleanText(values[0]) {
			return nil, InvalidForm
		}
	}
	return form, nil
}

func cleanText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// DeviceSecret answers the secret of this browser, from its cookie or new; a
// new one is set with this answer, so it must be asked before the answer is written.
func DeviceSecret(r *http.Request) string { return From(r.Context()).DeviceSecret() }

// DeviceSecret is the same for those who only have the context.
func (i *Info) DeviceSecret() string {
	if secret, ok := i.Cookie(DeviceCookie); ok {
		return secret
	}
	secret := randid.Secret()
	i.SetCookie(DeviceCookie, secret, DeviceLife)
	return secret
}

// FormToken answers the token for the forms of this page. It proves that the
// form came from a page that we gave to this very browser: a hash of the device
// cookie under a key of ours (S-118).
func FormToken(r *http.Request) string {
	i := From(r.Context())
	if i.x == nil {
		return ""
	}
	return formToken(i.x.rt.cfg.Key, i.DeviceSecret())
}

func formToken(key []byte, secret string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("form token\x00"))
	m.Write([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18])
}

// CheckForm refuses a form without the right token. The Router does it for
// every write on a page; faults: cookies_off, form_expired, and those of Form.
func CheckForm(r *http.Request) error {
	form, err := Form(r)
	if err != nil {
		return err
	}
	i := From(r.Context())
	secret, ok := i.Cookie(DeviceCookie)
	if !ok || i.x == nil {
		return CookiesOff
	}
	want := formToken(i.x.rt.cfg.Key, secret)
	if !hmac.Equal([]byte(want), []byte(form.Get(FormField))) {
		return FormExpired
	}
	return nil
}
