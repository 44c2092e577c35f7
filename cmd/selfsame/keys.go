package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

type keyLine struct {
	ID      uint32 `json:"id"`
	Use     string `json:"use"`
	Primary bool   `json:"primary"`
	Enabled bool   `json:"enabled"`
}

func runKeysCreate(_ context.Context, sh *shell, args []string) error {
	fs := flags("keys create")
	config := configFlag(fs)
	if _, err := parse(fs, args); err != nil {
		return err
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	if _, err := createRing(s); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sh.out, "The key ring is at %s. Keep a copy of it and of its passphrase elsewhere: without both, no personal data can be read again.\n", s.Keys.File)
	return err
}

func runKeysList(_ context.Context, sh *shell, args []string) error {
	fs := flags("keys list")
	config, asJSON := configFlag(fs), fs.Bool("json", false, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	ring, err := openRing(s, false)
	if err != nil {
		return err
	}
	return printKeys(sh, ring, *asJSON)
}

func printKeys(sh *shell, ring *seal.Ring, asJSON bool) error {
	lines := []keyLine{}
	for _, k := range ring.Keys() {
		lines = append(lines, keyLine{k.ID, fmt.Sprint(k.Use), k.Primary, k.Enabled})
	}
	if asJSON {
		return printJSON(sh.out, lines)
	}
	for _, l := range lines {
		state := "kept for what is sealed under it"
		switch {
		case !l.Enabled:
			state = "disabled"
		case l.Primary:
			state = "in use"
		}
		fmt.Fprintf(sh.out, "%-10s %10d  %s\n", l.Use, l.ID, state)
	}
	return nil
}

// keysReadEvery is how often a running node looks whether the ring has changed.
const keysReadEvery = 10 * time.Second

func runKeysRotate(ctx context.Context, sh *shell, args []string) error {
	fs := flags("keys rotate")
	config, wait := configFlag(fs), fs.Duration("wait", -1, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	ring, err := openRing(s, false)
	if err != nil {
		return err
	}
	if *wait < 0 {
		*wait = 0
		if !strings.HasPrefix(s.Database.URL.Reveal(), "sqlite:") { // there may be other nodes
			*wait = 2 * keysReadEvery
		}
	}
	// First every node learns the new keys, then they are used: nobody seals what
	// another cannot open yet.
	passphrase := []byte(s.Keys.Passphrase.Reveal())
	if err := errors.Join(ring.Prepare(), ring.Save(s.Keys.File, passphrase)); err != nil {
		return err
	}
	if *wait > 0 {
		fmt.Fprintf(sh.out, "The new keys are in the ring. Waiting %s until every node has read it.\n", *wait)
		if err := clock.System().Sleep(ctx, *wait); err != nil {
			return fmt.Errorf("stopped before the new keys were put to use; run it again: %w", err)
		}
	}
	if err := errors.Join(ring.Promote(), ring.Save(s.Keys.File, passphrase)); err != nil {
		return err
	}
	return printKeys(sh, ring, false)
}
