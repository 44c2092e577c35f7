package main

import (
	"context"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/schema"
)

type migrationLine struct {
	Migration string `json:"migration"`
	AppliedAt string `json:"applied_at,omitempty"`
}

func runMigrate(ctx context.Context, sh *shell, args []string) error {
	fs := flags("migrate")
	config, status, asJSON := configFlag(fs), fs.Bool("status", false, ""), fs.Bool("json", false, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	db, err := openDB(ctx, s, clock.System())
	if err != nil {
		return err
	}
	defer db.Close()
	if *status {
		return migrationStatus(ctx, sh, db, *asJSON)
	}
	titles, err := db.Migrate(ctx, schema.Migrations())
	if *asJSON {
		lines := []migrationLine{}
		for _, t := range titles {
			lines = append(lines, migrationLine{Migration: t})
		}
		if jsonErr := printJSON(sh.out, lines); err == nil {
			err = jsonErr
		}
		return err
	}
	for _, t := range titles {
		fmt.Fprintf(sh.out, "applied %s\n", t)
	}
	if err == nil && len(titles) == 0 {
		fmt.Fprintln(sh.out, "The database is up to date.")
	}
	return err
}

func migrationStatus(ctx context.Context, sh *shell, db *sqldb.DB, asJSON bool) error {
	states, err := db.MigrationStatus(ctx, schema.Migrations())
	if err != nil {
		return err
	}
	lines := make([]migrationLine, 0, len(states))
	for _, m := range states {
		line := migrationLine{Migration: fmt.Sprintf("%04d_%s", m.Number, m.Name)}
		if !m.AppliedAt.IsZero() {
			line.AppliedAt = m.AppliedAt.Format(time.RFC3339)
		}
		lines = append(lines, line)
	}
	if asJSON {
		return printJSON(sh.out, lines)
	}
	for _, l := range lines {
		if l.AppliedAt == "" {
			l.AppliedAt = "not applied"
		}
		fmt.Fprintf(sh.out, "%-24s %s\n", l.Migration, l.AppliedAt)
	}
	return nil
}
