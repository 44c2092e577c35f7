package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/schema"
)

// openDB opens the database as it is.
func openDB(ctx context.Context, s settings.Settings, c *clock.Clock) (*sqldb.DB, error) {
	if path, is := strings.CutPrefix(s.Database.URL.Reveal(), "sqlite:"); is {
		path, _, _ = strings.Cut(path, "?")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	db, err := sqldb.Open(ctx, sqldb.Config{URL: s.Database.URL.Reveal(), Conns: s.Database.Conns}, c)
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	return db, nil
}

// openStore opens the database and the key ring and brings the schema up to
// date. On the first start of an embedded store it makes the key ring too; one
// that is missing beside a database with content is an error, because a fresh
// ring could not read it.
func openStore(ctx context.Context, s settings.Settings, c *clock.Clock) (db *sqldb.DB, ring *seal.Ring, err error) {
	db, err = openDB(ctx, s, c)
	if err != nil {
		return nil, nil, err
	}
	opened := db
	defer func() {
		if err != nil {
			_ = opened.Close()
		}
	}()
	states, err := db.MigrationStatus(ctx, schema.Migrations())
	if err != nil {
		return nil, nil, err
	}
	empty := true
	for _, m := range states {
		empty = empty && m.AppliedAt.IsZero()
	}
	ring, err = openRing(s, empty && db.Engine() == sqldb.SQLite)
	if err != nil {
		return nil, nil, err
	}
	if _, err = db.Migrate(ctx, schema.Migrations()); err != nil {
		return nil, nil, err
	}
	return db, ring, nil
}

func openRing(s settings.Settings, mayCreate bool) (*seal.Ring, error) {
	passphrase := []byte(s.Keys.Passphrase.Reveal())
	ring, err := seal.Open(s.Keys.File, passphrase)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if !mayCreate {
		return nil, fmt.Errorf("there is no key ring at %s: bring it back from your copy, or make one for a new database with: selfsame keys create", s.Keys.File)
	}
	return createRing(s)
}

func createRing(s settings.Settings) (*seal.Ring, error) {
	if err := os.MkdirAll(filepath.Dir(s.Keys.File), 0o700); err != nil {
		return nil, err
	}
	return seal.Create(s.Keys.File, []byte(s.Keys.Passphrase.Reveal()))
}
