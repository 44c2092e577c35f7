package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// node is one running process of the program.
type node struct {
	t      *testing.T
	cmd    *exec.Cmd
	api    string // http://127.0.0.1:port
	admin  string
	log    *log
	exited chan struct{}
	err    error // of the process; read after exited
}

// log keeps what a process says on standard error.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (w *town) command(args ...string) *exec.Cmd {
	path, err := w.program()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, "--config", w.config)...)
	cmd.Env = append(os.Environ(), "GORACE=exitcode=66 atexit_sleep_ms=0", "GOMAXPROCS=2")
	return cmd
}

// run runs a command of the program to its end.
func (w *town) run(args ...string) string {
	w.t.Helper()
	out, err := w.command(args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("selfsame %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var addresses = regexp.MustCompile(`(?s)^Selfsame serves \S+ on (\S+)\n.* on (http://\S+)\n`)

// start starts a node and answers when it says that it serves; it must be ready
// then, and within 10 s of its start without any hand.
func (w *town) start() *node {
	w.t.Helper()
	n := &node{t: w.t, cmd: w.command("serve"), log: &log{}, exited: make(chan struct{})}
	n.cmd.Stderr = n.log
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	began := time.Now()
	if err := n.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	said, hello := "", bufio.NewReader(out)
	for range 2 {
		line, err := hello.ReadString('\n')
		if said += line; err != nil {
			_ = n.cmd.Wait()
			w.t.Fatalf("the node did not start: %s%s", said, n.log)
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, hello)
		n.err = n.cmd.Wait()
		close(n.exited)
	}()
	w.t.Cleanup(func() {
		n.kill()
		n.healthy()
	})
	found := addresses.FindStringSubmatch(said)
	if found == nil {
		w.t.Fatalf("the node said %q", said)
	}
	n.api, n.admin = "http://"+found[1], found[2]
	if status := n.readiness(); status != http.StatusOK {
		w.t.Errorf("a node that says it serves answers /readyz with %d", status)
	}
	if took := time.Since(began); took > 10*time.Second {
		w.t.Errorf("R-04: ready after %v", took)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serving = append(w.serving, n)
	return n
}

// pick is the node for the next call.
func (w *town) pick() *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn++
	return w.serving[w.turn%len(w.serving)]
}

// withdraw sends no more calls to a node.
func (w *town) withdraw(n *node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serving = slices.DeleteFunc(w.serving, func(one *node) bool { return one == n })
}

// readiness is the status of /readyz; 0 if nobody answers.
func (n *node) readiness() int {
	resp, err := http.Get(n.admin + "/readyz")
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// number reads one metric without labels.
func (n *node) number(metric string) float64 {
	n.t.Helper()
	resp, err := http.Get(n.admin + "/metrics")
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), metric+" "); found {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				n.t.Fatal(err)
			}
			return value
		}
	}
	n.t.Fatalf("there is no metric %s", metric)
	return 0
}

// kill ends the process as a power cut would.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.exited
}

// term asks the process to end.
func (n *node) term() {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
}

// ended waits for the end that term asked for, which must be a clean one.
func (n *node) ended() {
	n.t.Helper()
	select {
	case <-n.exited:
	case <-time.After(30 * time.Second):
		n.t.Fatal("the node does not end")
	}
	if n.err != nil {
		n.t.Errorf("R-19: the node ended with %v\n%s", n.err, n.log)
	}
}

// healthy checks what the process said about itself in its life.
func (n *node) healthy() {
	for _, bad := range []string{"DATA RACE", `"panic"`, "panic:", "fatal error:"} {
		if text := n.log.String(); strings.Contains(text, bad) {
			n.t.Errorf("the node said %s:\n%.8000s", bad, text)
		}
	}
	var exit *exec.ExitError
	if errors.As(n.err, &exit) && exit.ExitCode() == 66 {
		n.t.Error("the race detector ended the node")
	}
}

// until asks again until ok or ctx ends; what it waits for happens in another process.
func until(ctx context.Context, ok func() bool) bool {
	for !ok() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true
}
