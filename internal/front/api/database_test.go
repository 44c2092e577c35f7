package api_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/schema"
)

// dump is the whole database: for each table its rows as text, sorted.
func (h *house) dump() map[string][]string {
	h.t.Helper()
	out := map[string][]string{}
	for table := range maps.Keys(schema.Owners()) {
		out[table] = h.rows(table)
	}
	return out
}

func (h *house) rows(table string) []string {
	h.t.Helper()
	rows, err := h.db.Query(h.t.Context(), "SELECT * FROM "+table)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		h.t.Fatal(err)
	}
	all := []string{}
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			h.t.Fatal(err)
		}
		var b strings.Builder
		for i, v := range values {
			fmt.Fprintf(&b, "%s=%v ", names[i], v)
		}
		all = append(all, b.String())
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// unchanged tells that the tables of an earlier dump are as they were. The
// outbox works in the background, so it is left out.
func (h *house) unchanged(before map[string][]string, what string) {
	h.t.Helper()
	now := h.dump()
	for table, rows := range before {
		if table == "job" || strings.HasPrefix(table, "courier_") {
			continue
		}
		if diff := cmp.Diff(rows, now[table]); diff != "" {
			h.t.Errorf("%s changed the table %s (-before +after):\n%s", what, table, diff)
		}
	}
}
