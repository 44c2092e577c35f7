package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
)

// within builds the house for one command, without listeners and jobs.
func (sh *shell) within(ctx context.Context, s settings.Settings, f func(h *house) error) (err error) {
	h, err := sh.build(ctx, s, vitals{
		Clock: clock.System(), Log: telemetry.NewLog(sh.err, "warn"),
		Metrics: telemetry.NewMetrics(versionNow().Version), Version: versionNow().Version,
	})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := h.Close(); err == nil {
			err = closeErr
		}
	}()
	return f(h)
}

func runAccountShow(ctx context.Context, sh *shell, args []string) error {
	fs := flags("account show")
	config, asJSON := configFlag(fs), fs.Bool("json", false, "")
	id, s, err := sh.accountArgs(fs, args, config)
	if err != nil {
		return err
	}
	return sh.within(ctx, s, func(h *house) error {
		a, err := h.ShowAccount(ctx, id)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(sh.out, a)
		}
		for _, line := range [][2]string{
			{"account", a.ID}, {"state", a.State}, {"region", a.Region}, {"nickname", a.Nickname}, {"created", a.CreatedAt},
			{"phone", orNone(a.Phone)}, {"e-mail", orNone(a.Email)}, {"password", yesNo(a.Password)}, {"sessions", fmt.Sprint(a.Sessions)},
		} {
			fmt.Fprintf(sh.out, "%-10s%s\n", line[0], line[1])
		}
		return nil
	})
}

func runAccountSignOut(ctx context.Context, sh *shell, args []string) error {
	fs := flags("account sign-out")
	config := configFlag(fs)
	id, s, err := sh.accountArgs(fs, args, config)
	if err != nil {
		return err
	}
	return sh.within(ctx, s, func(h *house) error {
		n, err := h.SignOut(ctx, id)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sh.out, "Ended %d sessions of %s.\n", n, id)
		return err
	})
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// joinID takes an account ID as people write it: 4821 0937 5564 may be three arguments.
func joinID(args []string) []string {
	var out, digits []string
	for _, a := range args {
		if _, err := time.Parse(time.DateOnly, a); err != nil && a != "" && strings.Trim(a, "0123456789- ") == "" {
			digits = append(digits, strings.NewReplacer(" ", "", "-", "").Replace(a))
		} else {
			out = append(out, a)
		}
	}
	if digits != nil {
		out = append(out, strings.Join(digits, ""))
	}
	return out
}

// accountArgs reads the ID and the configuration.
func (sh *shell) accountArgs(fs *flag.FlagSet, args []string, config *string) (string, settings.Settings, error) {
	rest, err := parse(fs, joinID(args), "ID")
	if err != nil {
		return "", settings.Settings{}, err
	}
	s, err := sh.loadConfig(*config)
	return rest[0], s, err
}
