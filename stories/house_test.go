package stories

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a story waits for what must happen by itself; the machine
// may be busy.
const patience = 30 * time.Second

// house is one running demo with its lab, alone in its process.
type house struct {
	t     *testing.T
	at    string // where people come to
	admin string
	data  string // its folder
	said  *said  // everything it wrote to standard output and error
	stop  func()

	phones map[string]*phone // and mailboxes, with what their owners have read
}

// said is what a program wrote, readable while it still writes.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// open starts a demo of its own for a story, which then runs beside others, and
// ends it with the story. A house that logged an error, raced or did not end
// well fails the story.
func open(t *testing.T, args ...string) *house {
	t.Helper()
	return openAs(t, watched, args...)
}

// openForBrowsers is open with the program as people get it.
func openForBrowsers(t *testing.T) *house {
	t.Helper()
	return openAs(t, program)
}

func openAs(t *testing.T, program string, args ...string) *house {
	t.Helper()
	t.Parallel()
	h := &house{t: t, data: filepath.Join(t.TempDir(), "data"), said: &said{}, phones: map[string]*phone{}}
	args = append([]string{"demo", "--listen", "127.0.0.1:0", "--data", h.data}, args...)
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=100") // not a second at each end
	cmd.Stderr = h.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(io.TeeReader(out, h.said))
	for lines.Scan() && lines.Text() != "Ctrl-C ends it." {
		switch f := strings.Fields(lines.Text()); {
		case len(f) == 2 && f[0] == "pages":
			h.at = f[1]
		case len(f) == 2 && f[0] == "admin":
			h.admin = strings.TrimSuffix(f[1], "/readyz")
		}
	}
	h.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_, _ = io.Copy(h.said, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the house did not end well: %v", err)
		}
		h.judge()
	})
	t.Cleanup(h.stop)
	if h.at == "" || h.admin == "" {
		t.Fatalf("the demo did not open: %s", h.said)
	}
	return h
}

// judge reads the log of a house that has ended: nothing in a story may be an
// error of ours.
func (h *house) judge() {
	for line := range strings.Lines(h.said.String()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "DATA RACE") || strings.Contains(line, "panic:") {
			h.t.Errorf("the house says: %s", line)
		}
	}
}

// client follows no redirect, so that a story sees each answer.
var client = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answer is an answer with its body read.
type answer struct {
	*http.Response
	body []byte
}

func (a *answer) json(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%s %s: %v: %.300s", a.Request.Method, a.Request.URL.Path, err, a.body)
	}
}

// send makes one request: in is nil, or what becomes its JSON body. The headers
// are names and values in turn.
func (h *house) send(method, path string, in any, headers ...string) *answer {
	h.t.Helper()
	a, err := h.try(method, path, in, headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// try is send for other goroutines than the test's.
func (h *house) try(method, path string, in any, headers ...string) (*answer, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	if strings.HasPrefix(path, "/") {
		path = h.at + path
	}
	r, err := http.NewRequestWithContext(context.Background(), method, path, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return &answer{Response: resp}, nil // it goes on for as long as somebody listens
	}
	text, err := io.ReadAll(resp.Body)
	return &answer{resp, text}, err
}

// get reads a page as a stranger whose browser asks for a language.
func (h *house) get(path, language string) *answer {
	h.t.Helper()
	return h.send("GET", path, nil, "Accept-Language", language, "Accept", "text/html")
}

// lab calls the lab, which must do as it is told.
func (h *house) lab(method, path string, in, out any) {
	h.t.Helper()
	a := h.send(method, "/lab/api"+path, in)
	if a.StatusCode >= 300 {
		h.t.Fatalf("the lab answers %s to %s: %s", a.Status, path, a.body)
	}
	if out != nil {
		a.json(h.t, out)
	}
}

// pass lets time go by.
func (h *house) pass(d time.Duration) {
	h.t.Helper()
	h.lab("POST", "/clock", map[string]string{"advance": d.String()}, nil)
}

// now is the time in the house.
func (h *house) now() time.Time {
	h.t.Helper()
	var c struct{ Now time.Time }
	h.lab("GET", "/clock", nil, &c)
	return c.Now
}

// until asks again and again until yes says so, and fails the story otherwise.
func until(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	over := time.After(patience)
	for !yes() {
		select {
		case <-over:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// text is a text message on a phone, or a mail in a mailbox.
type text struct {
	ID, From, To, Subject, Text, Code, Status, Reason string
	At                                                time.Time
}

// phone is a phone in somebody's hand, or a mailbox: what it has got, and what
// its owner has read of it.
type phone struct {
	*house
	call string
	to   string
	read map[string]bool
}

func (h *house) phone(number string) *phone { return h.reader("/sms?to=", number) }

func (h *house) mailbox(address string) *phone { return h.reader("/mail?to=", address) }

func (h *house) reader(call, to string) *phone {
	if h.phones[to] == nil {
		h.phones[to] = &phone{h, call, to, map[string]bool{}}
	}
	return h.phones[to]
}

// texts are all there are, newest first, also those that never arrived.
func (p *phone) texts() []text {
	p.t.Helper()
	var in struct{ Messages []text }
	p.lab("GET", p.call+strings.ReplaceAll(p.to, "+", "%2B"), nil, &in)
	return in.Messages
}

// next waits for a text that its owner has not read, the newest if there are several.
func (p *phone) next() text {
	p.t.Helper()
	var found text
	until(p.t, "a text to "+p.to, func() bool {
		found = text{}
		for _, m := range p.texts() {
			if m.Text != "" && !p.read[m.ID] {
				if found.ID == "" {
					found = m
				}
				p.read[m.ID] = true
			}
		}
		return found.ID != ""
	})
	return found
}

// code waits for the next text with a code.
func (p *phone) code() string {
	p.t.Helper()
	for {
		if m := p.next(); m.Code != "" {
			return m.Code
		}
	}
}

// behaves sets what the carrier does with texts to a number, or the mail server
// with mails to an address.
func (p *phone) behaves(how map[string]string) {
	p.t.Helper()
	place := "/numbers/"
	if p.call != "/sms?to=" {
		place = "/mailboxes/"
	}
	p.lab("PUT", place+p.to, how, nil)
}

// other is a code that is not this one.
func other(code string) string {
	return fmt.Sprintf("%d%s", (code[0]-'0'+1)%10, code[1:])
}

// quote writes a string as JavaScript reads it.
func quote(text string) string {
	out, _ := json.Marshal(text) // a string always can be
	return string(out)
}
