package main

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/simulate"
)

// runSimulate plays owners and attackers against the policy (docs/simulation.md).
func runSimulate(_ context.Context, sh *shell, args []string) error {
	fs := flags("simulate")
	people := fs.Int("people", 100_000, "")
	seed := fs.Uint64("seed", 1, "")
	asJSON := fs.Bool("json", false, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	if *people < 1 {
		return usageError{"--people has to be at least 1"}
	}
	rows := simulate.Run(*people, *seed, simulate.Settings())
	if *asJSON {
		return printJSON(sh.out, rows)
	}
	if err := simulate.Print(sh.out, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(sh.out, "\n%d people, seed %d; a tenth of them for each setting after the first.\n", *people, *seed)
	return err
}
