package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/selfsame-id/selfsame/internal/kit/settings"
)

func runConfigExample(_ context.Context, sh *shell, args []string) error {
	if _, err := parse(flags("config example"), args); err != nil {
		return err
	}
	_, err := io.WriteString(sh.out, settings.Example())
	return err
}

func runConfigCheck(_ context.Context, sh *shell, args []string) error {
	fs := flags("config check")
	asJSON := fs.Bool("json", false, "")
	names, err := parse(fs, args, "FILE")
	if err != nil {
		return err
	}
	s, err := settings.Load(names[0], sh.getenv)
	if err != nil {
		return allFaults(err)
	}
	if *asJSON {
		return printJSON(sh.out, s.Effective())
	}
	for _, v := range s.Effective() {
		fmt.Fprintf(sh.out, "%s = %s\n", v.Key, v.Value)
	}
	_, err = fmt.Fprintf(sh.out, "\n%s is in order.\n", names[0])
	return err
}

// allFaults puts the list of faults below the sentence.
func allFaults(err error) error {
	return fmt.Errorf("the configuration cannot be used:\n%w", err)
}

// configFlag is the --config that most commands take.
func configFlag(fs *flag.FlagSet) *string { return fs.String("config", "", "") }

// loadConfig reads the file of the flag or of SELFSAME_CONFIG.
func (sh *shell) loadConfig(file string) (settings.Settings, error) {
	file = cmp.Or(file, sh.getenv("SELFSAME_CONFIG"))
	if file == "" {
		return settings.Settings{}, usageError{"--config FILE is missing"}
	}
	s, err := settings.Load(file, sh.getenv)
	if err != nil {
		return s, allFaults(err)
	}
	return s, nil
}
