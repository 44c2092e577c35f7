package providertest

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// wiretap carries an adapter's requests, counts them, keeps the tokens that it saw
// and breaks what a row says.
type wiretap struct {
	under *http.Transport
	mu    sync.Mutex
	count int
	row   string
	seen  []string
}

func newWiretap(t *testing.T) *wiretap {
	w := &wiretap{under: &http.Transport{}}
	t.Cleanup(w.under.CloseIdleConnections)
	return w
}

func (w *wiretap) fault(row string) { w.mu.Lock(); defer w.mu.Unlock(); w.row = row }

func (w *wiretap) sent() int { w.mu.Lock(); defer w.mu.Unlock(); return w.count }

var tokens = regexp.MustCompile(`(?:access|refresh|id)_token"?\s*[:=]\s*"?([^"&\s]{8,})`)

func (w *wiretap) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.count++
	row := w.row
	w.mu.Unlock()
	answer := func(status int, header http.Header) *http.Response {
		return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r, ProtoMajor: 1, ProtoMinor: 1}
	}
	switch row {
	case CutOff:
		return nil, errors.New("EOF at " + r.URL.String()) // an error that shows too much
	case Elsewhere:
		return answer(http.StatusFound, http.Header{"Location": {"https://elsewhere.example.test/"}}), nil
	case Empty:
		return answer(http.StatusOK, http.Header{}), nil
	}
	resp, err := w.under.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(read))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range tokens.FindAllSubmatch(read[:min(len(read), 64<<10)], -1) {
		w.seen = append(w.seen, string(m[1]))
	}
	return resp, nil
}

// logbook is everything that is logged.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// capture takes the log of the process over for the length of a test.
func capture(t *testing.T) *logbook {
	before, l := slog.Default(), &logbook{}
	slog.SetDefault(slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return l
}

// checkSecrets: S-157. No error and no log shows a secret, a code, a token or who it
// was.
func (w *world) checkSecrets(secrets []string, errs ...string) {
	w.t.Helper()
	w.log.mu.Lock()
	said := w.log.text.String() + strings.Join(errs, "\n")
	w.log.mu.Unlock()
	w.wire.mu.Lock()
	hidden := append(append([]string{"://"}, secrets...), append(w.hidden, w.wire.seen...)...)
	w.wire.mu.Unlock()
	for _, p := range w.vendor.Desk().People() {
		hidden = append(hidden, p.Name, p.Email)
	}
	for _, secret := range hidden {
		if secret != "" && strings.Contains(said, secret) {
			w.t.Errorf("S-157: %q shows in errors or logs:\n%s", secret, said)
		}
	}
}
