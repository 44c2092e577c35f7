// Command selfsame is the account system in one binary: the server, its demo and
// the tools of its operator. This package wires the house and holds the process;
// it must never decide anything about an account.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones of regions, also where the machine has none
)

// The exit statuses.
const (
	done   = 0
	failed = 1
	misuse = 2
)

func main() {
	closeNewFiles()
	ctx, end := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		end()
		<-signals
		os.Exit(failed) // a second signal is an order; the store survives it as it survives a crash
	}()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
