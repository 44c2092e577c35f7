package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

func runSeed(ctx context.Context, sh *shell, args []string) error {
	fs := flags("seed")
	config, n := configFlag(fs), fs.Int("accounts", 0, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	if *n < 1 {
		return usageError{"--accounts has to be a number from 1 on"}
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	return sh.within(ctx, s, func(h *house) error {
		bar := progress{w: sh.out, of: *n, terminal: isTerminal(sh.out)}
		if err := h.Seed(ctx, *n, bar.tell); err != nil {
			return err
		}
		bar.tell(*n)
		_, err := fmt.Fprintf(sh.out, "Made %d accounts.\n", *n)
		return err
	})
}

// progress shows a bar on a terminal and a plain line for each tenth elsewhere.
type progress struct {
	w        io.Writer
	of       int
	terminal bool
	told     int
}

func (p *progress) tell(made int) {
	tenths := made * 10 / p.of
	if p.terminal {
		fmt.Fprintf(p.w, "\r[%-40s] %d of %d", strings.Repeat("#", made*40/p.of), made, p.of)
		if made == p.of {
			fmt.Fprintln(p.w)
		}
		return
	}
	if tenths > p.told {
		p.told = tenths
		fmt.Fprintf(p.w, "%d of %d\n", made, p.of)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
