package httpd

import (
	"errors"
	"mime"
	"net/http"
	"strings"
)

// The caps of a request (S-134, S-153). The header block as a whole is capped
// at 16 KiB by the server.
const (
	defaultBody = 64 << 10
	maxHeaders  = 64   // lines
	maxCookies  = 48   // pairs, ours and others'
	maxURL      = 4096 // bytes of path and query
	maxParams   = 64   // query parameters and form fields
)

func capHeaders(r *http.Request) error {
	lines := 0
	for _, values := range r.Header {
		lines += len(values)
	}
	if lines > maxHeaders {
		return HeadersTooLarge
	}
	if cookies := r.Header["Cookie"]; cookies != nil {
		pairs := len(cookies)
		for _, line := range cookies {
			pairs += strings.Count(line, ";")
		}
		if pairs > maxCookies {
			return HeadersTooLarge
		}
	}
	if len(r.URL.Path)+len(r.URL.RawQuery) > maxURL {
		return URITooLong
	}
	if q := r.URL.RawQuery; q != "" && strings.Count(q, "&") >= maxParams {
		return URITooLong
	}
	if enc := r.Header["Content-Encoding"]; enc != nil && !(len(enc) == 1 && strings.EqualFold(enc[0], "identity")) {
		return UnsupportedMedia // compressed bodies are bombs in waiting
	}
	return nil
}

func capBody(x *exchange, r *http.Request, ro *route) error {
	if r.ContentLength > ro.cap {
		return TooLarge
	}
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/") && !ro.files {
		return UnsupportedMedia
	}
	r.Body = http.MaxBytesReader(x.ResponseWriter, r.Body, ro.cap)
	return nil
}

// tooLarge turns the reader's cap into a fault.
func tooLarge(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return TooLarge.Because(err)
	}
	return err
}

// contentType answers the media type of the body; a charset other than UTF-8 is refused.
func contentType(r *http.Request) (string, bool) {
	values := r.Header["Content-Type"]
	if len(values) != 1 {
		return "", false
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", false
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		return "", false
	}
	return kind, true
}
