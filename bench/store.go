package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/randid"
)

// store is one database with its key ring, in a folder.
type store struct {
	engine   string
	dir      string
	url      string
	accounts int
}

// store makes an empty one.
func (b *bench) store(ctx context.Context, engine, name string) (*store, error) {
	s := &store{engine: engine, dir: filepath.Join(b.dir, engine+"-"+name)}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, err
	}
	if engine == "sqlite" {
		s.url = "sqlite:" + filepath.Join(s.dir, "selfsame.db")
	} else {
		if b.server == nil {
			var err error
			if b.server, err = startPostgres(ctx, filepath.Join(b.dir, "postgres")); err != nil {
				return nil, err
			}
		}
		var err error
		if s.url, err = b.server.database(ctx, "bench_"+name); err != nil {
			return nil, err
		}
	}
	return s, os.WriteFile(filepath.Join(s.dir, "passphrase"), []byte(randid.Secret()), 0o600)
}

// seed fills it with accounts.
func (b *bench) seed(ctx context.Context, s *store, accounts int) error {
	config, err := s.configure([]string{"127.0.0.1:1", "127.0.0.1:2"}, b.load.addr)
	if err != nil {
		return err
	}
	if s.engine == "postgres" {
		for _, command := range [][]string{{"keys", "create"}, {"migrate"}} {
			if err := b.tool(ctx, config, command...); err != nil {
				return err
			}
		}
	}
	s.accounts = accounts
	if err := b.tool(ctx, config, "seed", "--accounts", strconv.Itoa(accounts)); err != nil || s.engine == "sqlite" {
		return err
	}
	return b.server.analyze(ctx, s.url)
}

func (b *bench) tool(ctx context.Context, config string, args ...string) error {
	out, err := exec.CommandContext(ctx, b.binary, append(args, "--config", config)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("selfsame %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// configure writes a configuration as production has it behind a proxy, with
// the limits so wide that one machine can play a country.
func (s *store) configure(ports []string, outside string, changes ...string) (string, error) {
	carrier, provider, _ := strings.Cut(outside, " ")
	text := fmt.Sprintf(`public_url = "https://%s"
listen = %q
admin_listen = %q
trusted_proxies = ["127.0.0.1/32"]
offered_regions = ["cn"]
[database]
url = %q
[keys]
file = %q
passphrase_file = %q
[journeys]
per_network_minute = 1000000
[codes]
per_destination_hour = 100
per_destination_day = 100
per_device_hour = 1000
per_device_day = 1000
per_network_hour = 1000000
per_wide_network_hour = 10000000
challenge_after = 1000000
country_budget = 1000000
[passwords]
profile = "default"
queue = 1000
per_network_hour = 1000000
per_wide_network_hour = 10000000
[[sms.routes]]
name = "main"
url = "http://%s/v1"
token = "bench"
[providers]
per_network_minute = 1000000
[[providers.oidc]]
name = "bench"
title = "Bench"
issuer = "http://%s"
client_id = "bench"
app_ids = ["bench"]
[regions.cn]
providers = ["bench"]
ask_after_provider = "no"
[limits]
connections_per_address = 1000
request_deadline = "60s"
[shutdown]
notice = "0s"
[log]
level = "warn"
`, host, ports[0], ports[1], s.url, filepath.Join(s.dir, "keys.json"), filepath.Join(s.dir, "passphrase"), carrier, provider)
	for from, to := range pairs(changes) {
		if !strings.Contains(text, from) {
			return "", fmt.Errorf("the configuration has no %s", from)
		}
		text = strings.Replace(text, from, to, 1)
	}
	path := filepath.Join(s.dir, "selfsame.toml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

func pairs(list []string) func(yield func(a, b string) bool) {
	return func(yield func(a, b string) bool) {
		for two := range slices.Chunk(list, 2) {
			if !yield(two[0], two[1]) {
				return
			}
		}
	}
}

// postgres is a server that only this run uses, with its settings as they come:
// an acknowledged commit is on disk.
type postgres struct {
	bin, dir, owner, password string
	port                      string
}

func startPostgres(ctx context.Context, dir string) (*postgres, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	p := &postgres{bin: bin, dir: dir, password: randid.Secret(), port: ports[0][strings.LastIndexByte(ports[0], ':')+1:]}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(p.password), 0o600); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // it refuses to run as root
		p.owner = "nobody"
		if _, err := user.Lookup("postgres"); err == nil {
			p.owner = "postgres"
		}
		if out, err := exec.CommandContext(ctx, "chown", "-R", p.owner, dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("chown: %w\n%s", err, out)
		}
	}
	if err := p.run(ctx, "initdb", "-D", dir+"/data", "-U", "selfsame", "-A", "scram-sha-256", "--pwfile="+secret, "-E", "UTF8", "--locale=C"); err != nil {
		return nil, err
	}
	return p, p.run(ctx, "pg_ctl", "start", "-w", "-D", dir+"/data", "-l", dir+"/log", "-o", "-p "+p.port+" -c listen_addresses=127.0.0.1 -c unix_socket_directories=")
}

func findPostgres() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL's programs are not to be found; install it, or leave it out: -engines sqlite")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// run runs one of PostgreSQL's programs as the owner of its folder.
func (p *postgres) run(ctx context.Context, program string, args ...string) error {
	args = append([]string{filepath.Join(p.bin, program)}, args...)
	if p.owner != "" {
		args = append([]string{"runuser", "-u", p.owner, "--"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", append(os.Environ(), "PGPASSWORD="+p.password)
	// Not CombinedOutput: the server would hold the pipe open.
	log, err := os.CreateTemp("", "selfsame-bench-")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w\n%s", program, err, text)
	}
	return nil
}

// database makes an empty database and answers its URL.
func (p *postgres) database(ctx context.Context, name string) (string, error) {
	err := p.run(ctx, "createdb", "-h", "127.0.0.1", "-p", p.port, "-U", "selfsame", name)
	return "postgres://selfsame:" + p.password + "@127.0.0.1:" + p.port + "/" + name + "?sslmode=disable", err
}

// analyze tells the planner what a seed has changed, as its own helper would in time.
func (p *postgres) analyze(ctx context.Context, url string) error {
	name := url[strings.LastIndexByte(url, '/')+1 : strings.IndexByte(url, '?')]
	return p.run(ctx, "vacuumdb", "-q", "-z", "-h", "127.0.0.1", "-p", p.port, "-U", "selfsame", name)
}

func (p *postgres) close() {
	ctx := context.Background() // also after an interrupt
	if err := p.run(ctx, "pg_ctl", "stop", "-D", p.dir+"/data", "-m", "fast"); err != nil {
		say("PostgreSQL: %v", err)
	}
	if p.owner != "" {
		exec.Command("chown", "-R", "root", p.dir).Run()
	}
}
