package settings

import (
	"fmt"
	"strings"
)

// Problem is one fault of a configuration.
type Problem struct {
	File string
	Key  string // dotted; empty for a fault of the file as a whole
	Line int    // 0 where the key is not in the file
	What string // what is wrong
	Fix  string // what to do
}

// String is "selfsame.toml:12: codes.length: 12 is too many. Use 6 to 8."
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.What + ". " + p.Fix + ".")
	return b.String()
}

// Problems are all faults of a configuration at once.
type Problems []Problem

// Error is one line a fault.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}
