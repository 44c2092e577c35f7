package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/schema"
)

// finding is one thing that doctor looked at.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Fix  string `json:"fix,omitempty"`
}

// patience bounds each single look.
const patience = 10 * time.Second

func runDoctor(ctx context.Context, sh *shell, args []string) error {
	fs := flags("doctor")
	config, asJSON := configFlag(fs), fs.Bool("json", false, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	file := cmp.Or(*config, sh.getenv("SELFSAME_CONFIG"))
	if file == "" {
		return usageError{"--config FILE is missing"}
	}
	findings := examine(ctx, sh, file)
	sick := 0
	for _, f := range findings {
		if !f.OK {
			sick++
		}
	}
	if *asJSON {
		if err := printJSON(sh.out, findings); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			mark := map[bool]string{true: "ok   ", false: "WRONG"}[f.OK]
			fmt.Fprintf(sh.out, "%s  %-12s %s\n", mark, f.What, f.Says)
			if f.Fix != "" {
				fmt.Fprintf(sh.out, "       %-12s %s\n", "", f.Fix)
			}
		}
	}
	if sick > 0 {
		return fmt.Errorf("%d of %d checks failed", sick, len(findings))
	}
	return nil
}

// examine looks at one thing after the other and goes on past what is wrong as far as it can.
func examine(ctx context.Context, sh *shell, file string) []finding {
	s, err := settings.Load(file, sh.getenv)
	if err != nil {
		var out []finding
		if problems, ok := errors.AsType[settings.Problems](err); ok {
			for _, p := range problems {
				out = append(out, finding{"config", false, strings.TrimSpace(p.Key + " " + p.What), p.Fix})
			}
			return out
		}
		return []finding{{"config", false, err.Error(), "Correct " + file}}
	}
	out := []finding{{"config", true, file + " is in order", ""}}
	store := examineDatabase(ctx, s)
	out = append(out, store...)
	out = append(out, examineKeys(s), examineTLS(s))
	for _, f := range out {
		if !f.OK {
			return append(out, finding{"senders", false, "not looked at", "Mend what is above first"})
		}
	}
	return append(out, examineSenders(ctx, sh, s)...)
}

func examineDatabase(ctx context.Context, s settings.Settings) []finding {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	db, err := openDB(ctx, s, clock.System())
	if err != nil {
		return []finding{{"database", false, err.Error(), "Check database.url and that the server is up"}}
	}
	defer db.Close()
	out := []finding{{"database", true, "answers (" + string(db.Engine()) + ")", ""}}
	states, err := db.MigrationStatus(ctx, schema.Migrations())
	if err != nil {
		return append(out, finding{"migrations", false, err.Error(), "Use the version of selfsame that this database belongs to"})
	}
	missing := 0
	for _, m := range states {
		if m.AppliedAt.IsZero() {
			missing++
		}
	}
	if missing > 0 {
		return append(out, finding{"migrations", false, fmt.Sprintf("%d of %d are not applied", missing, len(states)), "Run: selfsame migrate"})
	}
	return append(out, finding{"migrations", true, fmt.Sprintf("all %d applied", len(states)), ""})
}

func examineKeys(s settings.Settings) finding {
	ring, err := openRing(s, false)
	if err != nil {
		return finding{"keys", false, err.Error(), "Check keys.file and keys.passphrase"}
	}
	return finding{"keys", true, fmt.Sprintf("%d versions in %s", len(ring.Keys()), s.Keys.File), ""}
}

func examineTLS(s settings.Settings) finding {
	if s.TLS.CertFile == "" {
		return finding{"certificate", true, "none: a proxy ends TLS", ""}
	}
	c := &renewed{files: s.TLS}
	cert, err := c.get(nil)
	if err != nil {
		return finding{"certificate", false, err.Error(), "Check tls.cert_file and tls.key_file"}
	}
	if cert.Leaf == nil {
		return finding{"certificate", false, "cannot be read", "Check tls.cert_file"}
	}
	left := cert.Leaf.NotAfter.Sub(clock.System().Now())
	says := "good until " + cert.Leaf.NotAfter.UTC().Format(time.DateOnly)
	if err := cert.Leaf.VerifyHostname(s.Public().Hostname()); err != nil {
		return finding{"certificate", false, "is not for " + s.Public().Hostname(), "Get one for the host of public_url"}
	}
	if left < 7*24*time.Hour {
		return finding{"certificate", false, says, "Renew it"}
	}
	return finding{"certificate", true, says, ""}
}

func examineSenders(ctx context.Context, sh *shell, s settings.Settings) []finding {
	var out []finding
	err := sh.within(ctx, s, func(h *house) error {
		for _, c := range h.Senders {
			one, cancel := context.WithTimeout(ctx, patience)
			err := c.Run(one)
			cancel()
			if err != nil {
				out = append(out, finding{c.Name, false, err.Error(), "Check its address, its credentials and the way there"})
				continue
			}
			out = append(out, finding{c.Name, true, "answers", ""})
		}
		return nil
	})
	if err != nil {
		out = append(out, finding{"house", false, err.Error(), "Read the log of selfsame serve"})
	}
	return out
}
