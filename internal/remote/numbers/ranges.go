package numbers

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// rangesTSV is our own table of ranges; its head explains the columns.
//
//go:embed ranges.tsv
var rangesTSV string

// class is what the table says of a range.
type class string

const (
	classIoT       class = "iot"
	classService   class = "service"
	classSatellite class = "satellite"
	classMVNO      class = "mvno"
	classAllow     class = "allow"
)

func (c class) line() Line {
	switch c {
	case classIoT:
		return IoT
	case classService:
		return Service
	case classSatellite:
		return Satellite
	}
	return Mobile
}

// row is one range.
type row struct {
	iso      string
	prefix   string // "" is any
	min, max int    // digits of the national significant number
	class    class
	sure     bool
}

// match tells whether national is in the range.
func (r row) match(national string) bool {
	return len(national) >= r.min && len(national) <= r.max && strings.HasPrefix(national, r.prefix)
}

// number is e164 as the range describes it.
func (r row) number(e164 string) Number {
	return Number{E164: e164, Country: r.iso, Line: r.class.line()}
}

// table is the ranges by calling code.
var table = sync.OnceValue(func() map[int][]row {
	rows, err := parseRanges(rangesTSV)
	if err != nil {
		panic(err) // embedded; a test reads it
	}
	return rows
})

// find looks up s: as it stands, then without the trunk prefix of its country.
// cut is how many leading national digits were that prefix.
func find(s spelling, onlySure bool) (best row, cut int, ok bool) {
	rows := table()[s.code]
	if len(rows) == 0 {
		return row{}, 0, false
	}
	if best, ok = longest(rows, s.national, onlySure); ok {
		return best, 0, true
	}
	trunk := grammarOf(rows[0].iso).trunk
	if rest, had := strings.CutPrefix(s.national, trunk); had && trunk != "" {
		best, ok = longest(rows, rest, onlySure)
		return best, len(trunk), ok
	}
	return row{}, 0, false
}

func longest(rows []row, national string, onlySure bool) (best row, ok bool) {
	for _, r := range rows {
		if onlySure && !r.sure && r.class != classAllow {
			continue
		}
		if r.match(national) && (!ok || len(r.prefix) > len(best.prefix)) {
			best, ok = r, true
		}
	}
	return best, ok
}

func parseRanges(text string) (map[int][]row, error) {
	rows := map[int][]row{}
	for n, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		code, r, err := parseRange(strings.Split(line, "\t"))
		if err != nil {
			return nil, fmt.Errorf("numbers: ranges.tsv line %d: %w", n+1, err)
		}
		rows[code] = append(rows[code], r)
	}
	return rows, nil
}

func parseRange(f []string) (code int, r row, err error) {
	if len(f) != 7 || f[6] == "" {
		return 0, r, fmt.Errorf("%d columns, or no source; 7 are wanted", len(f))
	}
	if code, err = strconv.Atoi(f[0]); err != nil {
		return 0, r, err
	}
	r = row{iso: strings.Trim(f[1], "-"), prefix: strings.Trim(f[2], "*"), class: class(f[4]), sure: f[5] == "yes"}
	from, to, ranged := strings.Cut(f[3], "-")
	if !ranged {
		to = from
	}
	if r.min, err = strconv.Atoi(from); err != nil {
		return 0, r, err
	}
	if r.max, err = strconv.Atoi(to); err != nil {
		return 0, r, err
	}
	switch r.class {
	case classIoT, classService, classSatellite, classMVNO, classAllow:
	default:
		return 0, r, fmt.Errorf("no such class: %q", f[4])
	}
	if f[5] != "yes" && f[5] != "no" {
		return 0, r, fmt.Errorf("sure is neither yes nor no: %q", f[5])
	}
	return code, r, nil
}

// MachineRange is a range of numbers that belong to machines, for the help
// center: Prefix is "*" for any, Digits reads "13" or "10-12".
type MachineRange struct {
	Code   int
	Prefix string
	Digits string
}

// MachineRanges lists the machine ranges in force, by country.
func MachineRanges(onlyConfirmed bool) map[string][]MachineRange {
	out := map[string][]MachineRange{}
	for code, rows := range table() {
		for _, r := range rows {
			if r.class != classIoT || onlyConfirmed && !r.sure {
				continue
			}
			m := MachineRange{Code: code, Prefix: r.prefix, Digits: strconv.Itoa(r.min)}
			if r.prefix == "" {
				m.Prefix = "*"
			}
			if r.max != r.min {
				m.Digits += "-" + strconv.Itoa(r.max)
			}
			out[r.iso] = append(out[r.iso], m)
		}
	}
	return out
}
