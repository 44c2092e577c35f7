package crash_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cluster is a PostgreSQL server of this test alone, to be mistreated.
type cluster struct {
	t        *testing.T
	programs string
	data     string
	owner    *syscall.Credential // who runs it, if we are root
	url      string
	start    []string // what pg_ctl is told
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Skip("the programs of PostgreSQL are not in /usr/lib/postgresql")
	}
	dir, err := os.MkdirTemp("", "selfsame-cluster-") // t.TempDir is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &cluster{t: t, programs: filepath.Dir(found[len(found)-1]), data: filepath.Join(dir, "data")}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		c.give(dir)
	}
	port := freePort(t)
	c.url = fmt.Sprintf("postgres://selfsame@127.0.0.1:%d/postgres?sslmode=disable", port)
	c.do("initdb", "-D", c.data, "-U", "selfsame", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	c.start = []string{"start", "-w", "-D", c.data, "-l", filepath.Join(dir, "log"), "-o",
		fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=32MB", port)}
	c.do("pg_ctl", c.start...)
	t.Cleanup(func() { c.do("pg_ctl", "stop", "-D", c.data, "-m", "immediate") })
	return c
}

// restart is a restart the hard way; each second one leaves the database away for
// longer than transactions wait for it.
func (c *cluster) restart(i int) {
	c.t.Helper()
	c.do("pg_ctl", "stop", "-w", "-D", c.data, "-m", "immediate")
	if i%2 == 1 {
		<-time.After(1500 * time.Millisecond)
	}
	c.do("pg_ctl", c.start...)
}

// give makes the folder that of the user under whom PostgreSQL was installed.
func (c *cluster) give(dir string) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		c.t.Skip(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		c.t.Skip("users here have no numbers")
	}
	c.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) do(program string, args ...string) {
	c.t.Helper()
	cmd := exec.Command(filepath.Join(c.programs, program), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner}
	if err := cmd.Run(); err != nil { // its output would hold pg_ctl open: the server inherits it
		c.t.Fatalf("%s %v: %v", program, args, err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestR006_PostgresRestarts restarts the database the hard way under load. Calls
// in flight fail as 503 with retry_at or succeed, nothing is half done, the nodes
// heal by themselves within 10 s of the database being back, and no goroutine or
// connection stays behind.
func TestR006_PostgresRestarts(t *testing.T) {
	server := newCluster(t)
	w := newTown(t, server.url)
	nodes := w.pair()
	idle := nodes[0].number("go_goroutines")
	c := newCrowd(w)
	stop := make(chan struct{})
	var load sync.WaitGroup
	w.away.Store(true)
	load.Go(func() { c.load(t.Context(), stop, true) })
	for i := range rounds(t, 3, 2) {
		<-time.After(700 * time.Millisecond)
		server.restart(i)
		back, before := time.Now(), c.acks.Load()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if !until(ctx, func() bool {
			return c.acks.Load() >= before+workers && nodes[0].readiness() == 200 && nodes[1].readiness() == 200
		}) {
			t.Errorf("R-06: not healed 10 s after restart %d", i+1)
		}
		cancel()
		t.Logf("restart %d: healed %v after the database was back", i+1, time.Since(back).Round(time.Millisecond))
		if last := time.Unix(0, c.unsure.Load()); last.Sub(back) > 10*time.Second {
			t.Errorf("R-06: still refused %v after the database was back", last.Sub(back))
		}
	}
	close(stop)
	load.Wait()
	w.away.Store(false)
	if c.unsure.Load() == 0 {
		t.Error("nobody was refused: the restarts met no load")
	}
	c.settle(t.Context())
	for _, n := range nodes {
		caller.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if !until(ctx, func() bool { return n.number("go_goroutines") <= idle+20 }) {
			t.Errorf("R-06: %v goroutines, before the load there were %v", n.number("go_goroutines"), idle)
		}
		cancel()
		n.term()
		n.ended()
	}
	w.sound()
	t.Logf("%d acts acknowledged", c.acks.Load())
}
