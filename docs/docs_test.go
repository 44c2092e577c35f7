// Package docs_test holds the checks of the paper: what it names is there. It
// must never check what the code does, nor need anything but the tree.
package docs_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/settings"
)

// house is the whole tree.
var house = os.DirFS("..")

// papers are all pages of the root and of docs, by their path from the root.
func papers(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := fs.Glob(house, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			found[name] = read(t, name)
		}
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "docs/TOUR.md", "docs/operations.md", "docs/decisions/README.md"} {
		if found[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(house, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func isThere(name string) bool {
	_, err := fs.Stat(house, path.Clean(name))
	return err == nil
}

// A place of ours, in a sentence, a table or a block of code. What ends in a
// slash, <name> or NNNN stands for a name.
var place = regexp.MustCompile(`(?:^|[\s` + "`" + `(:,])\.?/?((?:cmd|internal|lab|bench|stories|docs|\.ci)/[\w./-]*[\w])`)

func TestPlacesExist(t *testing.T) {
	places := 0
	for name, text := range papers(t) {
		for _, found := range place.FindAllStringSubmatch(text, -1) {
			if strings.Contains(found[1], "NNNN") {
				continue
			}
			places++
			if !isThere(strings.TrimSuffix(found[1], "/...")) {
				t.Errorf("%s names %s, which is not there", name, found[1])
			}
		}
	}
	if places < 100 {
		t.Errorf("only %d places found", places)
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)

func TestLinksLead(t *testing.T) {
	links := 0
	for name, text := range papers(t) {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(found[1], ":") {
				continue // elsewhere
			}
			links++
			if !isThere(path.Join(path.Dir(name), found[1])) {
				t.Errorf("%s links to %s, which is not there", name, found[1])
			}
		}
	}
	if links < 40 {
		t.Errorf("only %d links found", links)
	}
}

var (
	commandLine = regexp.MustCompile(`\{"([a-z -]+)", "[^"]*", "[^"]+", run[A-Z]\w+\}`)
	commandSaid = regexp.MustCompile("(?:`|\n\\s*\\./|\n)(?:go run \\./cmd/)?selfsame ([a-z-]+)(?: ([a-z-]+))?")
)

// Every command that the paper tells to run is one of the program.
func TestCommandsExist(t *testing.T) {
	var commands []string
	for _, found := range commandLine.FindAllStringSubmatch(read(t, "cmd/selfsame/run.go"), -1) {
		commands = append(commands, found[1])
	}
	if len(commands) < 10 {
		t.Fatalf("only %d commands found", len(commands))
	}
	said := 0
	for name, text := range papers(t) {
		for _, found := range commandSaid.FindAllStringSubmatch(text, -1) {
			said++
			if !slices.Contains(commands, found[1]) && !slices.Contains(commands, found[1]+" "+found[2]) {
				t.Errorf("%s says to run selfsame %s %s, and there is no such command", name, found[1], found[2])
			}
		}
	}
	if said < 20 {
		t.Errorf("only %d commands said", said)
	}
}

// Every key of the configuration that the paper names is one that is read.
func TestSettingsExist(t *testing.T) {
	example := settings.Example()
	tables := map[string]bool{}
	known := func(key string) bool {
		dot := strings.LastIndexByte(key, '.')
		_, below, found := strings.Cut(example, "\n["+key[:dot]+"]\n")
		if !found {
			return false
		}
		if end := strings.Index(below, "\n["); end >= 0 {
			below = below[:end]
		}
		return regexp.MustCompile(`(?m)^(# )?` + key[dot+1:] + `(_file)? = `).MatchString(below)
	}
	for _, found := range regexp.MustCompile(`(?m)^\[([a-z]+)\]$`).FindAllStringSubmatch(example, -1) {
		tables[found[1]] = true
	}
	said := 0
	for name, text := range papers(t) {
		for _, found := range regexp.MustCompile("`(([a-z]+)(?:\\.[a-z_]+)+)`").FindAllStringSubmatch(text, -1) {
			if !tables[found[2]] || isThere("internal/words/"+found[1]) {
				continue
			}
			said++
			if !known(found[1]) {
				t.Errorf("%s names the setting %s, which is not read", name, found[1])
			}
		}
	}
	if said < 10 {
		t.Errorf("only %d settings said", said)
	}
}

// Every metric that operators are told to watch is counted somewhere.
func TestMetricsExist(t *testing.T) {
	var sources strings.Builder
	for _, name := range []string{"internal/kit/telemetry/metrics.go", "cmd/selfsame/wire.go"} {
		sources.WriteString(read(t, name))
	}
	told := regexp.MustCompile(`selfsame_[a-z_]+`).FindAllString(read(t, "docs/operations.md"), -1)
	for _, metric := range told {
		if !strings.Contains(sources.String(), `"`+strings.TrimSuffix(metric, "_count")+`"`) {
			t.Errorf("operations.md tells of %s, which nothing counts", metric)
		}
	}
	for _, found := range regexp.MustCompile(`"(selfsame_[a-z_]+)"`).FindAllStringSubmatch(sources.String(), -1) {
		if !slices.Contains(told, found[1]) {
			t.Errorf("%s is counted, and operations.md does not tell of it", found[1])
		}
	}
}

// A decision has its four parts, a number of its own and a line in the index.
func TestDecisionsAreWhole(t *testing.T) {
	names, err := fs.Glob(house, "docs/decisions/[0-9]*.md")
	if err != nil || len(names) < 15 {
		t.Fatalf("%d decisions found (%v)", len(names), err)
	}
	index, numbers := read(t, "docs/decisions/README.md"), map[string]bool{}
	for _, name := range names {
		base := path.Base(name)
		number, text := base[:4], read(t, name)
		if numbers[number] {
			t.Errorf("two decisions have the number %s", number)
		}
		numbers[number] = true
		if !strings.HasPrefix(text, "# "+number+" ") {
			t.Errorf("%s does not begin with its number and title", base)
		}
		for _, part := range []string{"Context", "Choice", "What we gave up", "When to look again"} {
			if !strings.Contains(text, "\n## "+part+"\n") {
				t.Errorf("%s has no part %q", base, part)
			}
		}
		if !strings.Contains(index, "("+base+")") {
			t.Errorf("the index does not list %s", base)
		}
	}
}
