package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// peer is a second process of this program.
type peer struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string // its first line
}

func startPeer(role string) (*peer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &peer{cmd: exec.Command(self, role)}
	p.cmd.Stderr = os.Stderr
	p.cmd.Env = append(os.Environ(), "GOGC=400")
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := p.out.ReadString('\n')
	p.addr = strings.TrimSpace(line)
	return p, err
}

// do gives the load process an order.
func (p *peer) do(o order) (t tally, err error) {
	if err := json.NewEncoder(p.in).Encode(o); err != nil {
		return t, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(line, &t)
}

func (p *peer) close() {
	p.in.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// profiler lies beside the program's own files in a build for profiles. The
// product itself has no such door.
const profiler = `package main

import (
	"net/http"
	_ "net/http/pprof"
	"os"
)

func init() { go http.ListenAndServe(os.Getenv("BENCH_PROFILE"), nil) }
`

// build builds the product as it is released: without cgo.
func (b *bench) build(ctx context.Context) error {
	args := []string{"build", "-buildvcs=false", "-trimpath", "-o", b.binary}
	if b.profile != "" {
		root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
		if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		file, overlay := filepath.Join(b.dir, "profiler.go"), filepath.Join(b.dir, "overlay.json")
		text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(strings.TrimSpace(string(root)), "cmd/selfsame/bench_profiler.go"): file}})
		if err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(file, []byte(profiler), 0o600), os.WriteFile(overlay, text, 0o600), os.MkdirAll(b.profile, 0o755)); err != nil {
			return err
		}
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/selfsame-id/selfsame/cmd/selfsame")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// house is one `selfsame serve`.
type house struct {
	cmd      *exec.Cmd
	addr     string
	profiler string
	ready    time.Duration // from its start to the first yes of /readyz
	log      string
}

// readyMost is how long a start may take.
const readyMost = 20 * time.Second

// serve starts the product with a configuration and waits until it is ready.
func (b *bench) serve(s *store, changes ...string) (*house, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	config, err := s.configure(ports, b.load.addr, changes...)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	h := &house{addr: ports[0], profiler: ports[2], log: log.Name(), cmd: exec.Command(b.binary, "serve", "--config", config)}
	h.cmd.Stderr, h.cmd.Env = log, append(os.Environ(), "BENCH_PROFILE="+ports[2])
	took := clock.Stopwatch()
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	for client := (&http.Client{Timeout: time.Second}); ; {
		resp, err := client.Get("http://" + ports[1] + "/readyz")
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				h.ready = took()
				return h, nil
			}
		}
		if took() > readyMost {
			h.close()
			return nil, errors.New("the server did not get ready: " + h.lastWords())
		}
		pause(time.Millisecond)
	}
}

// close ends the process as an operator would.
func (h *house) close() {
	h.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(15*time.Second, func() { h.cmd.Process.Kill() })
	h.cmd.Wait()
	timer.Stop()
}

// lastWords is the end of the log.
func (h *house) lastWords() string {
	text, err := os.ReadFile(h.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1000):])
}

// record keeps a CPU profile of the next measurement.
func (h *house) record(path string, d time.Duration) func() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		resp, err := (&http.Client{}).Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", h.profiler, max(1, d.Seconds()-0.5)))
		if err != nil {
			say("no profile: %v", err)
			return
		}
		defer resp.Body.Close()
		f, err := os.Create(path)
		if err != nil {
			say("no profile: %v", err)
			return
		}
		defer f.Close()
		io.Copy(f, resp.Body)
	}()
	return func() { <-done }
}

func freePorts(n int) (addrs []string, err error) {
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs, nil
}

// pause waits.
func pause(d time.Duration) { <-time.After(d) }
