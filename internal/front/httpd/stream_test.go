package httpd

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestR19_Streams: a route that streams outlives the deadlines of the frame and of
// the server, and ends when the server begins to end, so that nothing waits for it.
func TestR19_Streams(t *testing.T) {
	d := newDoor(func(c *Config) { c.Deadline, c.PublicURL = 50*time.Millisecond, publicURL("http://id.example.com") })
	over := make(chan error, 1)
	d.Handle("GET /stream", func(w http.ResponseWriter, r *http.Request) error {
		for range 4 { // for longer than anything else may take
			if err := Send(w, "tick\n"); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				t.Error("it was cut")
			case <-time.After(60 * time.Millisecond):
			}
		}
		if err := Send(w, "last\n"); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
		over <- Send(w, "end\n")
		return nil
	}, Streams())
	addr, stop := served(t, d.Router, ServerConfig{ReadFor: 100 * time.Millisecond, WriteFor: 100 * time.Millisecond, Grace: 5 * time.Second})
	c := dial(t, addr)
	if _, err := io.WriteString(c, "GET /stream HTTP/1.1\r\nHost: id.example.com\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "last" {
		if lines.Text() != "tick" {
			t.Errorf("%q", lines.Text())
		}
	}
	if err := stop(); err != nil {
		t.Errorf("the end of the server: %v", err)
	}
	if err := <-over; err != nil {
		t.Errorf("the last words: %v", err)
	}
	if !lines.Scan() || lines.Text() != "end" {
		t.Errorf("the client's end: %q, %v", lines.Text(), lines.Err())
	}
	if !strings.Contains(d.log.String(), `"route":"GET /stream","status":200`) {
		t.Error("it is not in the log")
	}
}

// TestStreams_clientLeaves: the end of the connection ends the context.
func TestStreams_clientLeaves(t *testing.T) {
	d := newDoor(func(c *Config) { c.PublicURL = publicURL("http://id.example.com") })
	over := make(chan struct{})
	d.Handle("GET /stream", func(w http.ResponseWriter, r *http.Request) error {
		if err := Send(w, "tick\n"); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
		close(over)
		return nil
	}, Streams())
	addr, _ := served(t, d.Router, ServerConfig{})
	c := dial(t, addr)
	if _, err := io.WriteString(c, "GET /stream HTTP/1.1\r\nHost: id.example.com\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case <-over:
	case <-time.After(5 * time.Second):
		t.Error("the handler is left behind")
	}
}
