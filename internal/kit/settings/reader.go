package settings

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader fills the typed settings and collects what is wrong.
type reader struct {
	file     string
	src      Source
	lines    map[string]int
	problems Problems
}

func (r *reader) fault(key, what, fix string) {
	line := r.lines[key]
	for k := key; line == 0 && k != ""; {
		i := strings.LastIndexByte(k, '.')
		if i < 0 {
			break
		}
		k = k[:i]
		line = r.lines[k]
	}
	r.problems = append(r.problems, Problem{File: r.file, Key: key, Line: line, What: what, Fix: fix})
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[Secret]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// structure reads a table into the struct that into points at.
func (r *reader) structure(path string, tree map[string]any, into any) {
	v := reflect.ValueOf(into).Elem()
	known := map[string]bool{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("toml")
		if name == "-" {
			continue
		}
		known[name] = true
		key := join(path, name)
		if f.Type == secretType {
			known[name+"_file"], known[name+"_env"] = true, true
			r.secret(key, tree, name, v.Field(i).Addr().Interface().(*Secret))
		} else if raw, has := tree[name]; has {
			r.value(key, raw, v.Field(i), f.Tag)
		} else if f.Type.Kind() == reflect.Struct && isTable(f.Type) {
			r.structure(key, nil, v.Field(i).Addr().Interface()) // it may hold required keys
		}
		if f.Tag.Get("required") != "" && v.Field(i).IsZero() && !r.mentioned(key, tree, name) {
			r.fault(key, "is missing", "Give it, for instance "+exampleLine(name, f))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if !known[name] {
			r.fault(join(path, name), "is not a key that is known here", unknownFix(name, slices.Sorted(maps.Keys(known))))
		}
	}
}

// mentioned says that a required key stands in the file and its own fault is reported already.
func (r *reader) mentioned(key string, tree map[string]any, name string) bool {
	_, file := tree[name+"_file"]
	_, env := tree[name+"_env"]
	if file || env {
		return true
	}
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Key == key })
}

func unknownFix(name string, known []string) string {
	best, least := "", 4
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return "Did you mean " + best + "? Otherwise remove it"
	}
	return "Remove it; known here are " + strings.Join(known, ", ")
}

// secret reads key, key_file or key_env; more than one of them is a fault.
func (r *reader) secret(key string, tree map[string]any, name string, into *Secret) {
	var found []string
	for _, suffix := range []string{"", "_file", "_env"} {
		if _, has := tree[name+suffix]; has {
			found = append(found, suffix)
		}
	}
	if len(found) == 0 {
		return
	}
	at := key + found[0]
	if len(found) > 1 {
		r.fault(key+found[1], "is given twice", "Keep one of "+name+", "+name+"_file and "+name+"_env")
		return
	}
	text, ok := tree[name+found[0]].(string)
	if !ok || text == "" {
		r.fault(at, "has to be a text that is not empty", "Write it in quotes")
		return
	}
	switch found[0] {
	case "_file":
		b, err := r.src.ReadFile(text)
		if err != nil {
			r.fault(at, "the file cannot be read: "+err.Error(), "Put the secret there, readable by this process only")
			return
		}
		text = strings.TrimRight(string(b), "\r\n")
	case "_env":
		text = r.src.Getenv(text)
	}
	if text == "" {
		r.fault(at, "leads to an empty secret", "Put the secret there")
		return
	}
	*into = Secret(text)
}

// value reads one raw value of TOML.
func (r *reader) value(key string, raw any, v reflect.Value, tag reflect.StructTag) {
	switch {
	case v.Type() == durationType:
		r.duration(key, raw, v, tag)
	case reflect.PointerTo(v.Type()).Implements(textType):
		r.text(key, raw, v)
	case v.Kind() == reflect.Struct:
		if tree, ok := raw.(map[string]any); ok {
			r.structure(key, tree, v.Addr().Interface())
		} else {
			r.fault(key, "has to be a table", "Write ["+key+"] on its own line and its keys below")
		}
	case v.Kind() == reflect.Map:
		r.table(key, raw, v)
	case v.Kind() == reflect.Slice:
		r.list(key, raw, v, tag)
	default:
		r.scalar(key, raw, v, tag)
	}
}

func (r *reader) table(key string, raw any, v reflect.Value) {
	tree, ok := raw.(map[string]any)
	if !ok {
		r.fault(key, "has to be a table of tables", "Write ["+key+".name]")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		region, known := v.Interface().(map[string]Region)[name]
		if !known {
			region = newRegion()
		}
		if below, ok := tree[name].(map[string]any); ok {
			r.structure(join(key, name), below, &region)
		} else {
			r.fault(join(key, name), "has to be a table", "Write ["+join(key, name)+"]")
		}
		v.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(region))
	}
}

func (r *reader) list(key string, raw any, v reflect.Value, tag reflect.StructTag) {
	items, ok := raw.([]any)
	if !ok {
		if isTable(v.Type()) {
			r.fault(key, "has to be a list of tables", "Write [["+key+"]] before each")
			return
		}
		r.fault(key, "has to be a list", `Write it as ["a", "b"]`)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", key, i)
		if isTable(v.Type()) {
			out.Index(i).Set(newRow(v.Type().Elem()))
		}
		if line := r.lines[at]; line == 0 {
			r.lines[at] = r.lines[key]
		}
		r.value(at, item, out.Index(i), tag)
	}
	v.Set(out)
}

func (r *reader) text(key string, raw any, v reflect.Value) {
	text, ok := raw.(string)
	if ok {
		ok = v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) == nil
	}
	if !ok {
		r.fault(key, "is not a network", `Write it as "10.0.0.0/8" or "192.0.2.7/32"`)
	}
}

func (r *reader) duration(key string, raw any, v reflect.Value, tag reflect.StructTag) {
	text, ok := raw.(string)
	var d time.Duration
	if ok {
		d, ok = ParseDuration(text)
	}
	if !ok {
		r.fault(key, "is not a length of time", `Write it as "90s", "5m", "72h" or "15d"`)
		return
	}
	least, _ := ParseDuration(tag.Get("min"))
	most, _ := ParseDuration(tag.Get("max"))
	if d < least || most > 0 && d > most {
		r.fault(key, FormatDuration(d)+" is out of bounds", "Use "+FormatDuration(least)+" to "+FormatDuration(most))
		return
	}
	v.SetInt(int64(d))
}

func (r *reader) scalar(key string, raw any, v reflect.Value, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Bool:
		b, ok := raw.(bool)
		if !ok {
			r.fault(key, "has to be true or false", "Write it without quotes")
			return
		}
		v.SetBool(b)
	case reflect.Int:
		n, ok := raw.(int64)
		if !ok {
			r.fault(key, "has to be a whole number", "Write it without quotes")
			return
		}
		if r.within(key, float64(n), tag) {
			v.SetInt(n)
		}
	case reflect.Float64:
		n, ok := raw.(float64)
		if i, is := raw.(int64); is {
			n, ok = float64(i), true
		}
		if !ok {
			r.fault(key, "has to be a number", "Write it without quotes")
			return
		}
		if r.within(key, n, tag) {
			v.SetFloat(n)
		}
	default:
		r.string(key, raw, v, tag)
	}
}

func (r *reader) within(key string, n float64, tag reflect.StructTag) bool {
	least, errLeast := strconv.ParseFloat(tag.Get("min"), 64)
	most, errMost := strconv.ParseFloat(tag.Get("max"), 64)
	if errLeast == nil && n < least || errMost == nil && n > most {
		r.fault(key, strconv.FormatFloat(n, 'f', -1, 64)+" is out of bounds", "Use "+tag.Get("min")+" to "+tag.Get("max"))
		return false
	}
	return true
}

func (r *reader) string(key string, raw any, v reflect.Value, tag reflect.StructTag) {
	text, ok := raw.(string)
	if !ok {
		r.fault(key, "has to be a text", "Write it in quotes")
		return
	}
	if in, has := tag.Lookup("in"); has && !slices.Contains(strings.Split(in, ","), text) {
		r.fault(key, strconv.Quote(text)+" is not a choice", "Use "+strings.Join(strings.Fields(strings.ReplaceAll(in, ",", " ")), ", "))
		return
	}
	if most, err := strconv.Atoi(tag.Get("max")); err == nil && len([]rune(text)) > most {
		r.fault(key, "is too long", "Use at most "+tag.Get("max")+" characters")
		return
	}
	v.SetString(text)
}

// distance is the edit distance of two short keys.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, before+cost)
		}
	}
	return row[len(b)]
}
