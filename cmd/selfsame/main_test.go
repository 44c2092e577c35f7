package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
)

// output is a buffer that a test may read while the program writes, line by line.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1000)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func noEnv(string) string { return "" }

// selfsame runs a command line to its end.
func selfsame(t *testing.T, args ...string) (status int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = runWith(t.Context(), args, &shell{getenv: noEnv, out: &stdout, err: &stderr, build: fakeHouse(nil)})
	return status, stdout.String(), stderr.String()
}

// fakeHouse is a house of paper; change may alter it.
func fakeHouse(change func(*house)) builder {
	return func(ctx context.Context, s settings.Settings, v vitals) (*house, error) {
		h := &house{
			Public: http.NotFoundHandler(),
			Ready:  telemetry.NewReadiness(slog.New(slog.DiscardHandler)),
			Run:    func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			Close:  func() error { return nil },
			Try:    []string{"sign in with any number"},
			ShowAccount: func(_ context.Context, id string) (accountShown, error) {
				if id != "482109375564" {
					return accountShown{}, errors.New("there is no such account")
				}
				return accountShown{ID: id, State: "active", Phone: "+86 138 **** 8000"}, nil
			},
			SignOut: func(context.Context, string) (int, error) { return 2, nil },
			ChangeState: func(_ context.Context, id string, c account.Cause) error {
				want := account.Cause{Event: account.Block, By: account.Operator, Reason: "Spam", Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}
				if c.Event == account.Block && c != want || id != "482109375564" {
					return fmt.Errorf("%+v of %s", c, id)
				}
				return nil
			},
			Seed: func(_ context.Context, n int, tell func(int)) error {
				for i := 1; i < n; i++ {
					tell(i)
				}
				return nil
			},
		}
		h.Admin = telemetry.Admin(v.Metrics, h.Ready)
		if change != nil {
			change(h)
		}
		return h, nil
	}
}

// configFile writes a good configuration into a fresh folder.
func configFile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "selfsame.toml")
	text := fmt.Sprintf(`public_url = "https://id.example.com"
listen = "127.0.0.1:0"
admin_listen = "localhost:0"
offered_regions = ["cn"]
[database]
url = "sqlite:%[1]s/store/selfsame.db"
[keys]
file = "%[1]s/keys.json"
passphrase = "k3-Vq9-plumTree-77-xz"
[[sms.routes]]
name = "main"
url = "https://sms.example.com"
token = "t"
[shutdown]
notice = "0s"
`, dir)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitStatus(t *testing.T) {
	good := configFile(t)
	for _, c := range []struct {
		args string
		want int
	}{
		{"", misuse}, {"help", done}, {"--help", done}, {"nonsense", misuse}, {"config", misuse}, {"config check", misuse},
		{"config check a b", misuse}, {"config check -x a", misuse}, {"config example", done}, {"config example x", misuse},
		{"config check /nowhere", failed}, {"config check " + good, done}, {"config check --json " + good, done}, {"config check " + good + " --json", done},
		{"serve", misuse}, {"serve -h", done}, {"serve --config /nowhere", failed},
		{"migrate", misuse}, {"keys list --config " + good, failed},
		{"seed --config " + good, misuse}, {"seed --accounts x", misuse}, {"seed --accounts 0", misuse},
		{"account show --config " + good, misuse}, {"account show 482109375564", misuse}, {"account show 482109375565 --config " + good, failed},
		{"demo --listen nonsense", failed}, {"demo x", misuse},
		{"version", done}, {"version x", misuse}, {"doctor", misuse},
	} {
		status, out, stderr := selfsame(t, strings.Fields(c.args)...)
		if status != c.want {
			t.Errorf("%q answers %d, want %d\n%s%s", c.args, status, c.want, out, stderr)
		}
		if (status == done) != (stderr == "") {
			t.Errorf("%q answers %d and says %q", c.args, status, stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	_, out, _ := selfsame(t, "version", "--json")
	var v versionInfo
	if err := json.Unmarshal([]byte(out), &v); err != nil || v.Version == "" || !strings.HasPrefix(v.Go, "go1.") {
		t.Errorf("%v %s", err, out)
	}
}

func TestConfigExampleIsReadable(t *testing.T) {
	_, out, _ := selfsame(t, "config", "example")
	if out != settings.Example() {
		t.Error("the example is another")
	}
}

func TestConfigCheckListsEveryFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.toml")
	if err := os.WriteFile(path, []byte("public_url = 5\nlisten = \"x\"\nunknown = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, stderr := selfsame(t, "config", "check", path)
	for _, want := range []string{"public_url", "bad.toml:2: listen", "unknown", "keys.file", "database.url"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("lacks %s: %s", want, stderr)
		}
	}
	if _, _, stderr := selfsame(t, "serve", "--config", path); !strings.Contains(stderr, "unknown") {
		t.Error("serve says less than check")
	}
}

func TestEnvironmentNamesTheFile(t *testing.T) {
	path := configFile(t)
	var out, stderr bytes.Buffer
	getenv := func(name string) string { return map[string]string{"SELFSAME_CONFIG": path}[name] }
	if status := run(t.Context(), []string{"migrate", "--status"}, getenv, &out, &stderr); status != done || !strings.Contains(out.String(), "not applied") {
		t.Errorf("%d %s %s", status, &out, &stderr)
	}
}

func TestStoreCommands(t *testing.T) {
	config := "--config=" + configFile(t)
	step := func(want int, contains string, args ...string) string {
		t.Helper()
		status, out, stderr := selfsame(t, append(args, config)...)
		if status != want || !strings.Contains(out+stderr, contains) {
			t.Fatalf("%v: %d %s%s", args, status, out, stderr)
		}
		return out
	}
	step(failed, "selfsame migrate", "doctor")
	step(done, "applied 0001_kit", "migrate")
	step(done, "up to date", "migrate")
	if out := step(done, "0001_kit", "migrate", "--status", "--json"); strings.Contains(out, "not applied") || !json.Valid([]byte(out)) {
		t.Error(out)
	}
	// The database has content now: a missing ring is not replaced in silence.
	step(failed, "keys create", "keys", "list")
	step(done, "Keep a copy", "keys", "create")
	step(failed, "exist", "keys", "create")
	step(done, "in use", "keys", "list")
	before := step(done, `"primary": true`, "keys", "list", "--json")
	step(done, "kept for", "keys", "rotate")
	if after := step(done, "", "keys", "list", "--json"); strings.Count(after, `"id"`) != 2*strings.Count(before, `"id"`) {
		t.Error(after)
	}
	step(done, "all", "doctor")
	step(done, "+86 138 **** 8000", "account", "show", "4821", "0937", "5564")
	if out := step(done, "482109375564", "account", "show", "482109375564", "--json"); !json.Valid([]byte(out)) {
		t.Error(out)
	}
	step(done, "2 sessions", "account", "sign-out", "4821-0937-5564")
	step(done, "Froze 482109375564", "account", "freeze", "4821-0937-5564")
	step(done, "Blocked 482109375564", "account", "block", "4821", "0937", "5564", "--reason", "Spam", "--until", "2026-12-31")
	step(misuse, "--reason", "account", "block", "482109375564")
	step(misuse, "--until", "account", "block", "482109375564", "--reason", "Spam", "--until", "soon")
	step(misuse, "--until", "account", "freeze", "482109375564", "--until", "2026-12-31")
	step(done, "Lifted the block of 482109375564", "account", "unblock", "482109375564")
	if out := step(done, "Made 100 accounts", "seed", "--accounts", "100"); strings.Count(out, "\n") != 11 || strings.Contains(out, "\r") {
		t.Error(out)
	}
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	path := configFile(t)
	if status, _, stderr := selfsame(t, "migrate", "--config", path); status != done {
		t.Fatal(stderr)
	}
	selfsame(t, "keys", "create", "--config", path)
	var out bytes.Buffer
	sick := fakeHouse(func(h *house) {
		h.Senders = []telemetry.Check{
			{Name: "sms main", Run: func(context.Context) error { return errors.New("no route to host") }},
			{Name: "mail", Run: func(context.Context) error { return nil }},
		}
	})
	status := runWith(t.Context(), []string{"doctor", "--json", "--config", path}, &shell{getenv: noEnv, out: &out, err: io.Discard, build: sick})
	var findings []finding
	if err := json.Unmarshal(out.Bytes(), &findings); err != nil || status != failed {
		t.Fatal(err, status)
	}
	state := map[string]bool{}
	for _, f := range findings {
		state[f.What] = f.OK
		if !f.OK && f.Fix == "" {
			t.Errorf("no fix for %s", f.What)
		}
	}
	if state["sms main"] || !state["mail"] || !state["database"] || !state["migrations"] || !state["keys"] || !state["certificate"] {
		t.Errorf("%v", findings)
	}
}

// running is a server under way.
type running struct {
	out    *output
	end    context.CancelFunc
	status chan int
}

func launch(t *testing.T, b builder, args ...string) *running {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	r := &running{out: newOutput(), end: end, status: make(chan int, 1)}
	go func() { r.status <- runWith(ctx, args, &shell{getenv: noEnv, out: r.out, err: r.out, build: b}) }()
	return r
}

// address waits until a line that starts with words was printed and answers its last word.
func (r *running) address(t *testing.T, words string) string {
	t.Helper()
	for {
		for line := range strings.Lines(r.out.String()) {
			if strings.HasPrefix(line, words) && strings.HasSuffix(line, "\n") {
				f := strings.Fields(line)
				return f[len(f)-1]
			}
		}
		select {
		case <-r.out.more:
		case s := <-r.status:
			t.Fatalf("ended with %d: %s", s, r.out)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestR19_serveEndsInOrder(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var order []string
	note := func(s string) { mu.Lock(); defer mu.Unlock(); order = append(order, s) }
	b := fakeHouse(func(h *house) {
		h.Public = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-leave
			note("request")
			_, _ = io.WriteString(w, "whole")
		})
		h.Run = func(ctx context.Context) error { <-ctx.Done(); note("jobs"); return ctx.Err() }
		h.Close = func() error { note("close"); return nil }
	})
	r := launch(t, b, "serve", "--config", configFile(t))
	public, admin := r.address(t, "Selfsame serves"), r.address(t, "Admin")
	if status, _ := get(t, admin+"/readyz"); status != 200 {
		t.Errorf("not ready: %d", status)
	}
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + public)
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-entered
	r.end()
	for status := 200; status != 503; status, _ = get(t, admin+"/readyz") {
	} // readiness goes off while the request is still in flight
	close(leave)
	if body := <-got; body != "whole" {
		t.Errorf("the request in flight got %q", body)
	}
	if status := <-r.status; status != done {
		t.Errorf("ended with %d: %s", status, r.out)
	}
	if fmt.Sprint(order) != "[request jobs close]" {
		t.Errorf("in the order %v", order)
	}
	if _, err := net.Dial("tcp", public); err == nil {
		t.Error("the listener is still open")
	}
	if strings.Contains(r.out.String(), "plumTree") {
		t.Error("the log shows the passphrase")
	}
	if !strings.Contains(r.out.String(), `"keys.passphrase":"set"`) {
		t.Errorf("the effective values are not logged: %s", r.out)
	}
}

func TestServeEndsWhenAPartBreaks(t *testing.T) {
	b := fakeHouse(func(h *house) {
		h.Run = func(context.Context) error { return errors.New("the store is gone") }
	})
	r := launch(t, b, "serve", "--config", configFile(t))
	if status := <-r.status; status != failed || !strings.Contains(r.out.String(), "the store is gone") {
		t.Errorf("%d %s", status, r.out)
	}
}

func TestServeTellsATakenPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	status, _, stderr := selfsame(t, "demo", "--listen", ln.Addr().String())
	if status != failed || !strings.Contains(stderr, "address already in use") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%d %s", status, stderr)
	}
}

func TestDemo(t *testing.T) {
	var got settings.Settings
	b := func(ctx context.Context, s settings.Settings, v vitals) (*house, error) {
		got = s
		return fakeHouse(nil)(ctx, s, v)
	}
	r := launch(t, b, "demo", "--listen", "127.0.0.1:0")
	admin := r.address(t, "  admin")
	if status, _ := get(t, admin); status != 200 {
		t.Errorf("admin answers %d", status)
	}
	if !strings.Contains(r.out.String(), "- sign in with any number") || !strings.Contains(r.out.String(), got.PublicURL+"/lab") {
		t.Errorf("%s", r.out)
	}
	dir := filepath.Dir(got.Keys.File)
	r.end()
	if status := <-r.status; status != done {
		t.Errorf("ended with %d: %s", status, r.out)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s stays behind", dir)
	}
	normal := settings.Default()
	if !got.Demo || got.Codes.PerNetworkHour != 100*normal.Codes.PerNetworkHour || got.Codes.PerDestinationDay != normal.Codes.PerDestinationDay || got.Codes.PerDeviceHour != normal.Codes.PerDeviceHour {
		t.Errorf("%+v", got.Codes)
	}
}

func TestDemoKeepsItsData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	var passphrases []string
	b := func(ctx context.Context, s settings.Settings, v vitals) (*house, error) {
		passphrases = append(passphrases, s.Keys.Passphrase.Reveal())
		db, _, err := openStore(ctx, s, v.Clock)
		if err != nil {
			return nil, err
		}
		return fakeHouse(func(h *house) { h.Close = db.Close })(ctx, s, v)
	}
	for range 2 {
		r := launch(t, b, "demo", "--listen", "127.0.0.1:0", "--data", dir)
		r.address(t, "  admin")
		r.end()
		if status := <-r.status; status != done {
			t.Fatalf("ended with %d: %s", status, r.out)
		}
	}
	if passphrases[0] != passphrases[1] || len(passphrases[0]) < 40 {
		t.Errorf("%d passphrases", len(passphrases))
	}
	info, err := os.Stat(filepath.Join(dir, "passphrase"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
