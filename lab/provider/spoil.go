package provider

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// Spoils are what Spoil can do to an answer.
var Spoils = []string{
	"dropped",     // the connection closes before anything came
	"cut_off",     // it closes in the middle of the body
	"empty",       // status 200 and nothing
	"redirect",    // 302 to somewhere else
	"unavailable", // 503 with Retry-After
	"too_many",    // 429 with Retry-After
	"bomb",        // 4 KiB of gzip that become 4 MiB, without having been asked for
	"twice",       // the first member of the object stands there twice
	"bad_text",    // the first text of the object is not UTF-8
	"more",        // members that no page tells of
}

var (
	firstMember = regexp.MustCompile(`\{ *("\w+"):`)
	firstText   = regexp.MustCompile(`: *"`)
)

// Spoil stands before a vendor in a server and spoils its answers to servers, whatever
// they say; paths are those that it spoils, none: all. "slow" and what a vendor has words
// for are failures of the Desk instead.
func Spoil(how string, vendor http.Handler, paths ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if how == "" || len(paths) > 0 && !slices.Contains(paths, r.URL.Path) {
			vendor.ServeHTTP(w, r)
			return
		}
		got := held{ResponseWriter: w, status: http.StatusOK}
		vendor.ServeHTTP(&got, r)
		status, body := got.status, got.body.Bytes()
		switch how {
		case "dropped":
			panic(http.ErrAbortHandler)
		case "cut_off":
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(status)
			_, _ = w.Write(body[:len(body)/2]) // an error is the caller's leaving
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "empty":
			status, body = http.StatusOK, nil
		case "redirect":
			status, body = http.StatusFound, nil
			w.Header().Set("Location", "https://elsewhere.example.test/")
		case "unavailable", "too_many":
			status, body = http.StatusServiceUnavailable, nil
			if how == "too_many" {
				status = http.StatusTooManyRequests
			}
			w.Header().Set("Retry-After", "30")
		case "bomb":
			w.Header().Set("Content-Encoding", "gzip")
			body = squeezed(4 << 20)
		case "twice":
			body = insert(body, firstMember, `{$1:"twice",$1:`)
		case "bad_text":
			body = insert(body, firstText, ":\"\xff\xfe")
		case "more":
			body = insert(body, firstMember, `{"lab_more":{"list":[1,null,true,"\u0000"]},$1:`)
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // an error is the caller's leaving
	})
}

// held keeps what is answered; the header fields are w's own.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

// insert writes instead of the first place that fits.
func insert(body []byte, place *regexp.Regexp, text string) []byte {
	at := place.FindSubmatchIndex(body)
	if at == nil {
		return body
	}
	out := place.Expand(bytes.Clone(body[:at[0]]), []byte(text), body, at)
	return append(out, body[at[1]:]...)
}

func squeezed(n int) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(bytes.Repeat([]byte(" "), n)) // into memory
	_ = w.Close()
	return out.Bytes()
}
