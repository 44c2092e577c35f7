package sqldb

import (
	"context"
	"database/sql"
	"sync"
)

// preparer is a sql.DB or a sql.Conn.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// stmts keeps every statement of a SQLite connection or pool prepared: preparing costs SQLite more than
// running. The texts are constants of the program plus list widths, so the map
// is bounded by stmtsMost; beyond it statements run unprepared.
type stmts struct {
	on    preparer
	mu    sync.RWMutex
	ready map[string]*sql.Stmt
}

const stmtsMost = 1000

func newStmts(on preparer) *stmts {
	return &stmts{on: on, ready: map[string]*sql.Stmt{}}
}

func (s *stmts) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	st := s.ready[query]
	full := len(s.ready) >= stmtsMost
	s.mu.RUnlock()
	if st != nil || full {
		return st, nil
	}
	st, err := s.on.PrepareContext(ctx, numbered(query))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.ready[query]; other != nil {
		st.Close()
		return other, nil
	}
	s.ready[query] = st
	return st, nil
}

func (s *stmts) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	st, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	if st == nil {
		return s.on.ExecContext(ctx, numbered(query), args...)
	}
	return st.ExecContext(ctx, args...)
}

func (s *stmts) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	st, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	if st == nil {
		return s.on.QueryContext(ctx, numbered(query), args...)
	}
	return st.QueryContext(ctx, args...)
}

func (s *stmts) queryRow(ctx context.Context, query string, args []any) *sql.Row {
	st, err := s.get(ctx, query)
	if err != nil || st == nil {
		return s.on.QueryRowContext(ctx, numbered(query), args...)
	}
	return st.QueryRowContext(ctx, args...)
}

func (s *stmts) script(ctx context.Context, text string) error {
	_, err := s.on.ExecContext(ctx, text)
	return err
}

func (s *stmts) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.ready {
		st.Close()
	}
	clear(s.ready)
}
