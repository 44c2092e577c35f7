package httpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// served runs a server until the test ends; stop ends it and answers what Serve answered.
func served(t *testing.T, h http.Handler, cfg ServerConfig) (addr string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, h, cfg) }()
	stop = func() error { cancel(); return <-done }
	t.Cleanup(cancel)
	return ln.Addr().String(), stop
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, "hello")
})

func TestS153_slowClientsAreCut(t *testing.T) {
	addr, _ := served(t, hello, ServerConfig{ReadFor: 200 * time.Millisecond})
	for name, start := range map[string]string{
		"body":   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
		"header": "GET / HTTP/1.1\r\nHo",
	} {
		c := dial(t, addr)
		if _, err := io.WriteString(c, start); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(c) // ends when the server closes, long before our deadline
		if errors.Is(err, context.DeadlineExceeded) || strings.Contains(string(answer), "hello") {
			t.Errorf("%s: %v %q", name, err, answer)
		}
	}
}

func TestR29_tricklersHoldNobodyUp(t *testing.T) {
	addr, _ := served(t, hello, ServerConfig{PerAddr: 2000})
	for range 500 {
		c := dial(t, addr)
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "hello" {
		t.Errorf("%q", b)
	}
}

func TestS153_connectionsPerAddress(t *testing.T) {
	addr, _ := served(t, hello, ServerConfig{PerAddr: 2})
	ask := func(c net.Conn) error {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			return err
		}
		_, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err
	}
	one, two := dial(t, addr), dial(t, addr)
	if err := errors.Join(ask(one), ask(two)); err != nil {
		t.Fatal(err)
	}
	if err := ask(dial(t, addr)); err == nil {
		t.Error("a third connection is served")
	}
	_ = one.Close()
	for deadline := time.Now().Add(5 * time.Second); ; { // the server has to notice the close
		if ask(dial(t, addr)) == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a closed connection keeps its share")
		}
	}
	exempt, _ := served(t, hello, ServerConfig{PerAddr: 1, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for range 3 {
		if err := ask(dial(t, exempt)); err != nil {
			t.Error(err)
		}
	}
}

func TestS153_headerBlockIsCapped(t *testing.T) {
	addr, _ := served(t, hello, ServerConfig{})
	for size, want := range map[int]int{12 << 10: 200, 17 << 10: 431} {
		c := dial(t, addr)
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", strings.Repeat("a", size))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%d bytes: %v %v", size, resp, err)
		}
	}
}

func TestR19_requestsInFlightFinish(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	addr, stop := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "whole")
	}), ServerConfig{})
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + addr)
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for { // the listener is closed while the request still runs
		c, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	close(leave)
	if b := <-got; b != "whole" {
		t.Errorf("%q", b)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestR19_graceEnds(t *testing.T) {
	entered := make(chan struct{})
	addr, stop := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}), ServerConfig{Grace: 50 * time.Millisecond})
	go func() { _, _ = http.Get("http://" + addr) }()
	<-entered
	if err := stop(); err == nil {
		t.Error("a request that hangs is not told of")
	}
}

func TestServeReportsAFailedListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := Serve(context.Background(), ln, hello, ServerConfig{}); err == nil {
		t.Error("nothing")
	}
}
