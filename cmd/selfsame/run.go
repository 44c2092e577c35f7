package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
)

// shell is what a command has to work with.
type shell struct {
	getenv func(string) string
	out    io.Writer
	err    io.Writer
	build  builder
}

// builder wires the house; build in wire.go is the one of the program.
type builder func(ctx context.Context, s settings.Settings, v vitals) (*house, error)

// command is one word of the command line, or two.
type command struct {
	name string
	args string
	does string
	run  func(ctx context.Context, sh *shell, args []string) error
}

func commands() []command {
	return []command{
		{"demo", "[--listen HOST:PORT] [--data DIR]", "everything in one process, nothing to configure, with a lab of phones and mailboxes", runDemo},
		{"serve", "--config FILE", "the server", runServe},
		{"config example", "", "print a complete commented configuration", runConfigExample},
		{"config check", "FILE [--json]", "check a configuration and change nothing", runConfigCheck},
		{"migrate", "[--config FILE] [--status] [--json]", "bring the database up to date", runMigrate},
		{"keys create", "[--config FILE]", "make the key ring file", runKeysCreate},
		{"keys list", "[--config FILE] [--json]", "list the versions of the sealing keys", runKeysList},
		{"keys rotate", "[--wait 20s] [--config FILE]", "add new keys, and use them once every node knows them", runKeysRotate},
		{"keys reseal", "[--config FILE]", "put what is stored under the newest keys", runKeysReseal},
		{"keys disable", "ID [--config FILE]", "stop a key version under which nothing is left", runKeysDisable},
		{"account show", "ID [--config FILE] [--json]", "what is known of an account, contacts masked", runAccountShow},
		{"account freeze", "ID [--reason TEXT] [--config FILE]", "freeze an account; its owner can lift it", runAccountState("freeze", account.Cause{Event: account.Freeze}, "Froze %s.")},
		{"account block", "ID --reason TEXT [--until TIME] [--config FILE]", "block an account; its owner sees the reason", runAccountState("block", account.Cause{Event: account.Block}, "Blocked %s.")},
		{"account unblock", "ID [--reason TEXT] [--config FILE]", "lift the block of an account", runAccountState("unblock", account.Cause{Event: account.Unblock}, "Lifted the block of %s.")},
		{"account sign-out", "ID [--config FILE]", "end all sessions of an account", runAccountSignOut},
		{"policy show", "[--config FILE] [--json]", "print which proofs are enough for what, and why more is asked", runPolicyShow},
		{"simulate", "[--people N] [--seed N] [--json]", "play owners and attackers against the policy and print who wins", runSimulate},
		{"seed", "--accounts N [--config FILE]", "make synthetic accounts for load tests", runSeed},
		{"doctor", "[--config FILE] [--json]", "check the installation and say what to fix", runDoctor},
		{"version", "[--json]", "print the version", runVersion},
	}
}

// usageError is a command line that cannot be meant.
type usageError struct{ what string }

func (e usageError) Error() string { return e.what }

// run is the whole program but for signals; ctx ends at the first one.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	return runWith(ctx, args, &shell{getenv: getenv, out: stdout, err: stderr, build: build})
}

func runWith(ctx context.Context, args []string, sh *shell) int {
	if len(args) > 0 && (args[0] == "help" || args[0] == "-h" || args[0] == "--help") {
		usage(sh.out)
		return done
	}
	c, rest, ok := find(args)
	if !ok {
		if len(args) > 0 {
			fmt.Fprintf(sh.err, "selfsame: there is no command %q\n\n", strings.Join(args[:min(2, len(args))], " "))
		}
		usage(sh.err)
		return misuse
	}
	err := c.run(ctx, sh, rest)
	var wrong usageError
	switch {
	case err == nil:
		return done
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(sh.out, "usage: selfsame %s %s\n%s\n", c.name, c.args, c.does)
		return done
	case errors.As(err, &wrong):
		fmt.Fprintf(sh.err, "selfsame %s: %s\nusage: selfsame %s %s\n", c.name, wrong.what, c.name, c.args)
		return misuse
	}
	fmt.Fprintf(sh.err, "selfsame %s: %s\n", c.name, err)
	return failed
}

func find(args []string) (command, []string, bool) {
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return c, args[len(words):], true
		}
	}
	return command{}, nil, false
}

func usage(w io.Writer) {
	fmt.Fprint(w, "selfsame is an account system for people.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  selfsame %s\n        %s\n", strings.TrimSpace(c.name+" "+c.args), c.does)
	}
	fmt.Fprint(w, "\nWithout --config, the variable SELFSAME_CONFIG names the file.\n")
}

// parse reads flags wherever they stand and answers the other arguments, of
// which there have to be as many as named.
func parse(fs *flag.FlagSet, args []string, named ...string) ([]string, error) {
	fs.SetOutput(io.Discard)
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{err.Error()}
		}
		if fs.NArg() == 0 {
			break
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
	switch {
	case len(rest) < len(named):
		return nil, usageError{named[len(rest)] + " is missing"}
	case len(rest) > len(named):
		return nil, usageError{fmt.Sprintf("%q is too much", rest[len(named)])}
	}
	return rest, nil
}

func flags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }

// printJSON writes a listing for programs.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
