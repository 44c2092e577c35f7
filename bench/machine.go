package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// bareBody is as long as the answer of a session check.
var bareBody = []byte(`{"account":{"id":"482109375564","state":"active","nickname":""},"device":{"id":"AaIEUCpPwrtSS1vqEBDF7A","name":"Pixel 9","kind":"phone"},` +
	`"proved":[{"method":"sms_code","at":"2026-11-22T10:00:00.123456Z"}],"created_at":"2026-11-22T10:00:00.123456Z","expires_at":"2026-12-06T10:00:00.123456Z"}` + "\n")

// runBare is the process that answers HTTP and does nothing else, until in ends.
func runBare(in io.Reader, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, in)
		ln.Close()
	}()
	err = http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Write(bareBody)
	}))
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// hashes is how many argon2id hashes a second the machine makes, as many at once
// as it has cores.
func hashes(p credential.Profile, d time.Duration) float64 {
	var n atomic.Int64
	took := clock.Stopwatch()
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for took() < d {
				argon2.IDKey([]byte(password), []byte("sixteen bytes of"), p.Time, p.MemoryKiB, p.Threads, 32)
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / took().Seconds()
}

// commits is how many durable commits of one row a second the database takes
// from so many clients.
func commits(ctx context.Context, url string, clients int, d time.Duration) (float64, error) {
	db, err := sqldb.Open(ctx, sqldb.Config{URL: url, Conns: 32}, now)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if err := db.InTx(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS bench_commit (id BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL)`)
		return err
	}); err != nil {
		return 0, err
	}
	var n atomic.Int64
	var failed error
	var once sync.Once
	base, took := now.Now().UnixMicro(), clock.Stopwatch()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for took() < d {
				id := base + n.Add(1)
				err := db.InTx(ctx, func(tx *sqldb.Tx) error {
					_, err := tx.Exec(ctx, `INSERT INTO bench_commit (id, text) VALUES ($1, $2)`, id, "about as long as a small row is")
					return err
				})
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / took().Seconds(), failed
}

// cpuOf is the processor time of a process so far, in seconds, with children
// that have ended where ended is true.
func cpuOf(pid int, ended bool) float64 {
	fields, err := statOf(pid)
	if err != nil {
		return 0
	}
	ticks := number(fields[11]) + number(fields[12])
	if ended {
		ticks += number(fields[13]) + number(fields[14])
	}
	return ticks / 100 // USER_HZ, proc(5)
}

// statOf is /proc/PID/stat from its third field on.
func statOf(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return nil, errors.New("bench: /proc reads otherwise here")
	}
	return fields, nil
}

func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

// cpu is the processor time of the server with all its processes.
func (p *postgres) cpu() (sum float64) {
	text, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	master, _ := strconv.Atoi(first)
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if fields, err := statOf(pid); err == nil && fields[1] == first {
			sum += cpuOf(pid, false)
		}
	}
	return sum + cpuOf(master, true)
}

// residentOf is the resident memory of a process, in MiB.
func residentOf(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return number(strings.Fields(rest)[0]) / 1024
		}
	}
	return 0
}
