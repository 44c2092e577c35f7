package settings

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Example is a complete commented configuration, made from the definitions:
// every key with its explanation, bounds and default. What is required has a
// value to be replaced; what is empty by default stands in a comment.
func Example() string {
	var b strings.Builder
	b.WriteString("# Configuration of selfsame. Values are the defaults; what stands in a comment is off.\n" +
		"# Check it with: selfsame config check FILE\n" +
		"# A secret KEY may also be given as KEY_file (a path) or KEY_env (a variable of the environment).\n")
	writeTable(&b, "", reflect.ValueOf(Default()))
	return b.String()
}

// writeTable writes the keys of a struct, then its tables.
func writeTable(b *strings.Builder, path string, v reflect.Value) {
	tables := []int{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Tag.Get("toml") == "-":
		case isTable(f.Type):
			tables = append(tables, i)
		default:
			writeKey(b, f, v.Field(i))
		}
	}
	for _, i := range tables {
		f := v.Type().Field(i)
		key := join(path, f.Tag.Get("toml"))
		b.WriteString("\n" + comment(f.Tag.Get("doc")))
		switch f.Type.Kind() {
		case reflect.Struct:
			b.WriteString("[" + key + "]\n")
			writeTable(b, key, v.Field(i))
		case reflect.Map:
			regions := v.Field(i).Interface().(map[string]Region)
			for _, name := range slices.Sorted(maps.Keys(regions)) {
				b.WriteString("\n[" + join(key, name) + "]\n")
				writeTable(b, join(key, name), reflect.ValueOf(regions[name]))
			}
		case reflect.Slice:
			var row strings.Builder
			row.WriteString("[[" + key + "]]\n")
			writeTable(&row, key, newRow(f.Type.Elem()))
			b.WriteString(shown(f, row.String()))
		}
	}
}

func isTable(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		return t.Elem().Kind() == reflect.Struct && isTable(t.Elem())
	}
	return (t.Kind() == reflect.Struct || t.Kind() == reflect.Map) && !reflect.PointerTo(t).Implements(textType)
}

// shown is a table of a list, in a comment unless its key says that it is shown.
func shown(f reflect.StructField, table string) string {
	if f.Tag.Get("show") != "" {
		return table
	}
	var b strings.Builder
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "#") && line != "\n" {
			line = "# " + line
		}
		b.WriteString(line)
	}
	return b.String()
}

// newRow is a table of a list before it is read.
func newRow(t reflect.Type) reflect.Value {
	if t == reflect.TypeFor[SMSRoute]() {
		return reflect.ValueOf(newSMSRoute())
	}
	return reflect.Zero(t)
}

func writeKey(b *strings.Builder, f reflect.StructField, v reflect.Value) {
	doc := f.Tag.Get("doc")
	if bounds := boundsOf(f.Tag); bounds != "" {
		doc += " " + bounds
	}
	b.WriteString("\n" + comment(doc))
	name := f.Tag.Get("toml")
	switch {
	case f.Tag.Get("required") != "" || f.Tag.Get("show") != "":
		b.WriteString(exampleLine(name, f) + "\n")
	case empty(v) && f.Tag.Get("eg") != "":
		b.WriteString("# " + exampleLine(name, f) + "\n")
	default:
		b.WriteString(name + " = " + written(v) + "\n")
	}
}

// empty leaves numbers and switches alone: their zero is a value.
func empty(v reflect.Value) bool {
	return v.IsZero() && (v.Kind() == reflect.String || v.Kind() == reflect.Slice)
}

// exampleLine shows a key with its example; a secret in a file of its own, but
// for the database, whose address often holds none.
func exampleLine(name string, f reflect.StructField) string {
	eg := f.Tag.Get("eg")
	if f.Type == secretType && strings.HasPrefix(eg, "/") {
		name += "_file"
	}
	if !strings.HasPrefix(eg, "[") {
		eg = strconv.Quote(eg)
	}
	return name + " = " + eg
}

func boundsOf(tag reflect.StructTag) string {
	switch least, most := tag.Get("min"), tag.Get("max"); {
	case least != "" && most != "":
		return "(" + least + " to " + most + ")"
	case most != "":
		return "(at most " + most + ")"
	}
	return ""
}

func comment(text string) string {
	var b strings.Builder
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 100 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

// written is a value as it stands in TOML.
func written(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return strconv.Quote(FormatDuration(x))
	case netip.Prefix:
		return strconv.Quote(x.String())
	case Secret:
		return strconv.Quote(x.String())
	}
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = written(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	if v.Kind() == reflect.String {
		return strconv.Quote(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// Value is one effective value, for the log and config check.
type Value struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Effective lists every value in force, secrets as "set" or "not set".
func (s Settings) Effective() []Value {
	return effective(nil, "", reflect.ValueOf(s))
}

func effective(out []Value, path string, v reflect.Value) []Value {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := join(path, f.Tag.Get("toml"))
		switch field := v.Field(i); {
		case f.Tag.Get("toml") == "-":
		case !isTable(f.Type):
			out = append(out, Value{key, plainly(field)})
		case f.Type.Kind() == reflect.Struct:
			out = effective(out, key, field)
		case f.Type.Kind() == reflect.Map:
			regions := field.Interface().(map[string]Region)
			for _, name := range slices.Sorted(maps.Keys(regions)) {
				out = effective(out, join(key, name), reflect.ValueOf(regions[name]))
			}
		default:
			for n := range field.Len() {
				out = effective(out, key+"["+itoa(n)+"]", field.Index(n))
			}
		}
	}
	return out
}

func plainly(v reflect.Value) string {
	if s, is := v.Interface().(Secret); is {
		return s.String()
	}
	return written(v)
}
