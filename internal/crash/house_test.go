// Package crash_test holds what is done to the whole program from outside: it is
// killed, ended, raced and cut off from its database under load, as processes on
// real databases, and then asked whether everything that it acknowledged is there
// and everything that invariant says is true (security.md sections 6 and 7). It
// must never reach into the program: it speaks the API, plays the carrier and the
// mail server, and reads the database.
//
// SELFSAME_CRASH_ROUNDS says how often the program is killed on each engine (10
// without it, 3 with -short), and how much of everything else there is by that;
// SELFSAME_CRASH_SEED repeats the dice of an earlier run. The long version:
//
//	SELFSAME_CRASH_ROUNDS=300 go test -timeout 3h ./internal/crash
package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/invariant"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/lab/agenda"
	"github.com/selfsame-id/selfsame/lab/mailbox"
)

// shipped is the program as people install it. watched is the same, with the race
// detector if this test has it: it is slower, and for those that live long.
var (
	shipped = sync.OnceValues(func() (string, error) { return build("shipped", "CGO_ENABLED=0") })
	watched = sync.OnceValues(func() (string, error) {
		if !raceDetector {
			return shipped()
		}
		return build("watched", "CGO_ENABLED=1", "-race")
	})
)

// workshop is a folder for what all tests share.
var workshop = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "selfsame-crash-") })

func build(name, env string, flags ...string) (string, error) {
	dir, err := workshop()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", append(append([]string{"build", "-buildvcs=false", "-o", path}, flags...), "github.com/selfsame-id/selfsame/cmd/selfsame")...)
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}

// keyRing is the key ring of all towns: making one is slow by intention.
var keyRing = sync.OnceValues(func() (*seal.Ring, error) {
	dir, err := workshop()
	if err != nil {
		return nil, err
	}
	return seal.Create(filepath.Join(dir, "keys.json"), []byte(passphrase))
})

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := workshop(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

const passphrase = "k3-Vq9-plumTree-77-xz"

// town is one database with the people around it: the configuration that its
// nodes share, the carrier, the mail server, and the nodes that run.
type town struct {
	t       *testing.T
	url     string                  // of the database
	fresh   func(testing.TB) string // the URL of another one on the same engine
	dir     string
	config  string
	carrier *carrier
	post    *mailbox.Post
	next    *atomic.Int64 // for phone numbers
	seed    uint64
	ring    *seal.Ring
	program func() (path string, err error)
	mu      sync.Mutex
	serving []*node // those to which calls go, as a balancer would send them
	turn    int
	away    atomic.Bool // the database may be: then 503 is an answer
}

// engines runs f in a town on each engine, both at once.
func engines(t *testing.T, f func(w *town), more ...string) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqldbtest.SQLiteURL, "postgres": sqldbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, url(t), more...)
			w.fresh = url
			f(w)
		})
	}
}

// newTown prepares everything and starts no node. more is TOML under the heading
// it brings.
func newTown(t *testing.T, url string, more ...string) *town {
	t.Helper()
	w := &town{t: t, url: url, dir: t.TempDir(), carrier: newCarrier(), next: new(atomic.Int64), seed: seedOfRun(), program: watched}
	t.Logf("SELFSAME_CRASH_SEED=%d", w.seed)
	front := httptest.NewServer(w.carrier)
	t.Cleanup(front.Close)
	a := agenda.New(clock.System())
	t.Cleanup(a.Close)
	w.post = mailbox.New(a)
	mail, err := mailbox.Listen("127.0.0.1:0", w.post, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mail.Close)
	_, port, _ := strings.Cut(mail.Addr().String(), ":")
	w.config = filepath.Join(w.dir, "selfsame.toml")
	if err := os.WriteFile(w.config, []byte(fmt.Sprintf(configuration, url, w.dir, passphrase, front.URL, port)+strings.Join(more, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	shared, err := workshop()
	if err == nil {
		w.ring, err = keyRing()
	}
	if err == nil {
		err = os.Link(filepath.Join(shared, "keys.json"), filepath.Join(w.dir, "keys.json"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// beside is the same town at another, empty database.
func (w *town) beside(url string) *town {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	dir := w.t.TempDir()
	config := filepath.Join(dir, "selfsame.toml")
	if err := os.WriteFile(config, bytes.Replace(text, []byte(strconv.Quote(w.url)), []byte(strconv.Quote(url)), 1), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return &town{t: w.t, url: url, dir: w.dir, config: config, ring: w.ring, program: w.program}
}

// here is the town with another test to report to.
func (w *town) here(t *testing.T) *town {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &town{t: t, url: w.url, dir: w.dir, config: w.config, carrier: w.carrier, post: w.post, next: w.next, seed: w.seed, ring: w.ring,
		program: w.program, serving: slices.Clone(w.serving)}
}

// configuration has wide limits per network, because one machine plays all people,
// and time for calls on a machine that does much else; the limits of a number, an
// account, a journey and a code stay as they are.
const configuration = `
public_url = "https://id.example.com"
offered_regions = ["intl", "cn", "both"]
listen = "127.0.0.1:0"
admin_listen = "localhost:0"
trusted_proxies = ["127.0.0.1/32"]
[database]
url = %q
[keys]
file = "%s/keys.json"
passphrase = %q
[[sms.routes]]
name = "null"
url = %q
token = "t"
[mail]
host = "127.0.0.1"
port = %s
tls = "none"
from = "Selfsame <no-reply@example.com>"
[journeys]
per_network_minute = 1000000
[codes]
resend_after = ["10s"]
per_network_hour = 1000000
per_wide_network_hour = 10000000
challenge_after = 1000000
country_budget = 100000000
[regions.both]
sign_up = ["phone", "email"]
required_contact = "phone"
ask_for_contact = "yes"
[limits]
request_deadline = "30s"
[log]
level = "warn"
`

// limits are those of the configuration that people here can meet.
func limits() []quota.Limit {
	window := func(n int, per time.Duration) quota.Window { return quota.Window{Max: n, Per: per} }
	return []quota.Limit{
		{Name: "codes.destination", Windows: []quota.Window{window(10, time.Hour), window(10, 24*time.Hour)}},
		{Name: "codes.tries", Windows: []quota.Window{window(10, time.Hour), window(30, 24*time.Hour)}},
		{Name: "codes.device", Windows: []quota.Window{window(10, time.Hour), window(30, 24*time.Hour)}},
		{Name: "password.tries", Windows: []quota.Window{window(100, 24*time.Hour)}},
	}
}

// seedOfRun is what all dice of this run come from.
var seedOfRun = sync.OnceValue(func() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv("SELFSAME_CRASH_SEED"), 10, 64); err == nil {
		return seed
	}
	return rand.Uint64()
})

// dice are those of one player in this run.
func (w *town) dice(player int) *rand.Rand { return rand.New(rand.NewPCG(w.seed, uint64(player))) }

// rounds is how often something is done to the program: usual times when the
// program is killed ten times.
func rounds(t *testing.T, usual, short int) int {
	if text := os.Getenv("SELFSAME_CRASH_ROUNDS"); text != "" {
		kills, err := strconv.Atoi(text)
		if err != nil || kills < 1 {
			t.Fatalf("SELFSAME_CRASH_ROUNDS=%s is no number of kills", text)
		}
		return max(1, kills*usual/10)
	}
	if testing.Short() {
		return short
	}
	return usual
}

// newPhone is a mobile number that nobody here has yet.
func (w *town) newPhone() string { return fmt.Sprintf("+86138%08d", w.next.Add(1)) }

// sound checks every invariant in the database as it lies there.
func (w *town) sound() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	db, err := sqldb.Open(ctx, sqldb.Config{URL: w.url}, clock.System())
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if err := db.Check(ctx); err != nil {
		w.t.Errorf("the database: %v", err)
	}
	broken, err := invariant.New(db, w.ring, limits()...).Look(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, b := range broken {
		w.t.Errorf("broken: %s", b)
	}
}

// count asks the database for one number.
func (w *town) count(query string, args ...any) (n int) {
	w.t.Helper()
	db, err := sqldb.Open(w.t.Context(), sqldb.Config{URL: w.url}, clock.System())
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(w.t.Context(), query, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}
