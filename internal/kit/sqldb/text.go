package sqldb

import (
	"strconv"
	"strings"
	"time"
)

// Micros is how times stand in the store: microseconds since 1970. The zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the reverse of Micros.
func FromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// In writes "($from,$from+1,...)" with n places, n of at least 1.
func In(from, n int) string {
	b := make([]byte, 0, 4*n+2)
	return string(appendIn(b, from, n))
}

// Values writes "($1,$2),($3,$4)" for rows of width columns.
func Values(rows, width int) string {
	b := make([]byte, 0, rows*(4*width+3))
	for r := range rows {
		if r > 0 {
			b = append(b, ',')
		}
		b = appendIn(b, r*width+1, width)
	}
	return string(b)
}

func appendIn(b []byte, from, n int) []byte {
	b = append(b, '(')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(from+i), 10)
	}
	return append(b, ')')
}

// numbered turns $1 into ?1 outside of quotes and comments. SQLite takes $1 as a
// name numbered by first appearance, and two of three drivers then bind it
// wrongly without an error.
func numbered(query string) string {
	if !strings.Contains(query, "$") {
		return query
	}
	var b strings.Builder
	for len(query) > 0 {
		n := tokenLength(query)
		if query[0] == '$' {
			b.WriteByte('?')
		} else {
			b.WriteString(query[:n])
		}
		query = query[n:]
	}
	return b.String()
}
