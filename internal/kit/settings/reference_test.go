package settings

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updatePaper = flag.Bool("update", false, "write docs/config.md anew")

const referenceHead = `# Configuration

` + "`selfsame serve --config FILE`" + ` reads one TOML file. ` + "`selfsame config example`" + ` prints a
commented one to begin with, and ` + "`selfsame config check FILE`" + ` says everything that is
wrong with yours at once, and changes nothing. An unknown key is refused.

A duration is written like ` + "`90s`" + `, ` + "`5m`" + `, ` + "`72h`" + ` or ` + "`30d`" + `. A *secret* may also be given as
` + "`KEY_file`" + ` (a path) or ` + "`KEY_env`" + ` (a variable of the environment), and is never shown.

This page is made from the definitions by ` + "`go test ./internal/kit/settings -update`" + `.
`

// reference writes docs/config.md from the tags of the definitions.
func reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	referTable(&b, "", "", reflect.ValueOf(Default()))
	return b.String()
}

// referTable writes the keys of a table, then the tables below it.
func referTable(b *strings.Builder, path, doc string, v reflect.Value) {
	if path != "" {
		fmt.Fprintf(b, "\n## `[%s]`\n\n%s\n", path, doc)
	}
	type table struct {
		path, doc string
		v         reflect.Value
	}
	var below []table
	rows := ""
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := join(path, f.Tag.Get("toml"))
		switch {
		case f.Tag.Get("toml") == "-":
		case !isTable(f.Type):
			rows += referKey(f, v.Field(i))
		case f.Type.Kind() == reflect.Struct:
			below = append(below, table{key, f.Tag.Get("doc"), v.Field(i)})
		case f.Type.Kind() == reflect.Map:
			regions := v.Field(i).Interface().(map[string]Region)
			for _, name := range slices.Sorted(maps.Keys(regions)) {
				below = append(below, table{join(key, name), f.Tag.Get("doc"), reflect.ValueOf(regions[name])})
			}
		default:
			below = append(below, table{"[" + key + "]", f.Tag.Get("doc"), newRow(f.Type.Elem())})
		}
	}
	if rows != "" {
		b.WriteString("\n| key | default | what |\n| --- | --- | --- |\n" + rows)
	}
	for _, t := range below {
		referTable(b, t.path, t.doc, t.v)
	}
}

func referKey(f reflect.StructField, v reflect.Value) string {
	value := "`" + written(v) + "`"
	switch {
	case f.Tag.Get("required") != "":
		value = "**required**, such as `" + f.Tag.Get("eg") + "`"
	case empty(v) && f.Tag.Get("eg") != "":
		value = "none; such as `" + f.Tag.Get("eg") + "`"
	case empty(v):
		value = "none"
	}
	doc := f.Tag.Get("doc")
	if f.Type == secretType {
		doc += " *Secret.*"
	}
	if bounds := boundsOf(f.Tag); bounds != "" {
		doc += " " + bounds
	}
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	return "| `" + f.Tag.Get("toml") + "` | " + cell(value) + " | " + cell(doc) + " |\n"
}

func TestReference_IsThePaper(t *testing.T) {
	file := filepath.Join("..", "..", "..", "docs", "config.md")
	want := reference()
	if *updatePaper {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("docs/config.md is not what the definitions say; run go test ./internal/kit/settings -update\n%s", diff)
	}
}

// Every value in force has its line.
func TestReference_HasEveryKey(t *testing.T) {
	text := reference()
	for _, v := range Default().Effective() {
		key := v.Key[strings.LastIndex(v.Key, ".")+1:]
		if !strings.Contains(text, "| `"+key+"` |") {
			t.Errorf("docs/config.md lacks %s", v.Key)
		}
	}
}
