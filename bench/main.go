// Command bench measures the product from outside, as its people meet it, and
// sets every number against what the machine itself can do in the same run: a
// bare argon2id, a bare HTTP handler, a bare durable commit. It must never share
// a process with what it measures, nor keep a number that it cannot make again.
//
//	go run ./bench                  everything: a table, and docs/benchmarks.md
//	go run ./bench -quick           seconds instead of minutes, writes nothing
//	go run ./bench -profile DIR     CPU profiles of each measurement too
//
// It starts `selfsame serve` as behind a proxy that ends TLS, a second process
// that plays the people and the carrier, and a PostgreSQL server of its own, all
// on the loopback interface and in one temporary folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	quick    bool
	forTime  time.Duration
	rounds   int
	engines  []string
	accounts []int
	binary   string
	profile  string
	write    string
}

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "load": // the other processes of a run
		err = runLoad(os.Stdin, os.Stdout)
	case len(args) == 1 && args[0] == "bare":
		err = runBare(os.Stdin, os.Stdout)
	default:
		ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer end()
		err = run(ctx, args)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := read(args)
	if err != nil {
		return err
	}
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	stop := context.AfterFunc(ctx, func() { b.load.cmd.Process.Kill() }) // so that nothing waits for a measurement to end
	defer stop()
	r, err := b.all(ctx)
	if err != nil {
		return err
	}
	text := r.markdown()
	fmt.Print("\n", text)
	if o.write == "" {
		return nil
	}
	return rewrite(o.write, text)
}

func read(args []string) (options, error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	var o options
	var engines, accounts string
	fs.BoolVar(&o.quick, "quick", false, "one short round with few accounts; writes nothing")
	fs.DurationVar(&o.forTime, "for", 6*time.Second, "how long each measurement runs")
	fs.IntVar(&o.rounds, "rounds", 3, "how often it is repeated; the median counts")
	fs.StringVar(&engines, "engines", "sqlite,postgres", "which databases")
	fs.StringVar(&accounts, "accounts", "10000,1000000", "how many accounts are there; the first has every measurement")
	fs.StringVar(&o.binary, "binary", "", "a built selfsame; without it one is built")
	fs.StringVar(&o.profile, "profile", "", "a folder for CPU profiles")
	fs.StringVar(&o.write, "write", "docs/benchmarks.md", "the page to write; empty writes none")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if o.quick {
		o.forTime, o.rounds, accounts, o.write = 2*time.Second, 1, "20000", ""
	}
	o.engines = strings.Split(engines, ",")
	for _, n := range strings.Split(accounts, ",") {
		count, err := strconv.Atoi(n)
		if err != nil || count < 1000 {
			return o, errors.New("-accounts takes numbers from 1000 on")
		}
		o.accounts = append(o.accounts, count)
	}
	for _, e := range o.engines {
		if e != "sqlite" && e != "postgres" {
			return o, fmt.Errorf("no engine %q", e)
		}
	}
	return o, nil
}

// bench is one run.
type bench struct {
	options
	dir    string
	load   *peer // plays the people
	bare   *peer // the handler that does nothing
	server *postgres
}

// open makes what every measurement needs.
func open(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{options: o}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "selfsame-bench-"); err != nil {
		return b, err
	}
	if err = os.Chmod(b.dir, 0o711); err != nil { // PostgreSQL's user has to get to its folder
		return b, err
	}
	if b.binary == "" {
		say("building")
		b.binary = filepath.Join(b.dir, "selfsame")
		if err = b.build(ctx); err != nil {
			return b, err
		}
	}
	if b.load, err = startPeer("load"); err != nil {
		return b, err
	}
	b.bare, err = startPeer("bare")
	return b, err
}

// close ends the processes of the run and removes its folder.
func (b *bench) close() {
	for _, p := range []*peer{b.load, b.bare} {
		if p != nil {
			p.close()
		}
	}
	if b.server != nil {
		b.server.close()
	}
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}

// say tells whoever waits what is being done.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
