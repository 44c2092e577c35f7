package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Source is where values come from that do not stand in the file itself.
type Source struct {
	ReadFile func(path string) ([]byte, error)
	Getenv   func(name string) string
}

// Parse reads a configuration over the defaults. Every unknown key, wrong type,
// value out of bounds, missing value and unreadable secret is reported at once,
// as Problems; only a mistake in the TOML itself ends the reading there.
func Parse(name string, text []byte, src Source) (Settings, error) {
	s := Default()
	tree := map[string]any{}
	if err := toml.Unmarshal(text, &tree); err != nil {
		return s, Problems{syntaxProblem(name, err)}
	}
	r := &reader{file: name, src: src, lines: linesOf(text)}
	r.structure("", tree, &s)
	r.rules(&s)
	if r.problems == nil {
		return s, nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return lineOrEnd(a) - lineOrEnd(b)
	})
	return s, r.problems
}

func lineOrEnd(p Problem) int {
	if p.Line == 0 {
		return 1 << 30
	}
	return p.Line
}

func syntaxProblem(name string, err error) Problem {
	p := Problem{File: name, What: "is not TOML: " + strings.TrimPrefix(err.Error(), "toml: "), Fix: "Correct this line; the other keys are read after that"}
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		p.Line, _ = at.Position()
		p.Key = strings.Join(at.Key(), ".")
	}
	return p
}

// linesOf finds the line of every key and table; elements of array tables are
// "sms.routes[0]".
func linesOf(text []byte) map[string]int {
	lines := map[string]int{}
	counts := map[string]int{}
	var p unstable.Parser
	p.Reset(text)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			table = placed(counts, "", e.Key())
			note(lines, table, &p, e)
		case unstable.ArrayTable:
			name := placed(counts, "", e.Key())
			table = fmt.Sprintf("%s[%d]", name, counts[name])
			counts[name]++
			note(lines, table, &p, e)
		case unstable.KeyValue:
			noteValue(lines, &p, counts, table, e)
		}
	}
	return lines
}

func noteValue(lines map[string]int, p *unstable.Parser, counts map[string]int, table string, e *unstable.Node) {
	path := placed(counts, table, e.Key())
	note(lines, path, p, e)
	if v := e.Value(); v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			noteValue(lines, p, counts, path, it.Node())
		}
	}
}

func note(lines map[string]int, path string, p *unstable.Parser, e *unstable.Node) {
	it := e.Key()
	if !it.Next() {
		return
	}
	if _, known := lines[path]; !known {
		lines[path] = p.Shape(p.Range(it.Node().Data)).Start.Line
	}
}

// placed joins a dotted key below a table; a part that names an array of tables
// means its newest element.
func placed(counts map[string]int, under string, key unstable.Iterator) string {
	path := under
	for key.Next() {
		if n := counts[path]; n > 0 && path != under {
			path = fmt.Sprintf("%s[%d]", path, n-1)
		}
		path = join(path, string(key.Node().Data))
	}
	return path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
