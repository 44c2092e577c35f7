package locale

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// forms is how a language writes numbers, times and lists. It is read from the
// catalog's tables [language] and [format], so that a new language needs no code.
type forms struct {
	name      string
	direction string
	group     string // between each three digits
	months    []string
	time      []part // {hour} {minute}, two digits each
	date      []part // {day} {month} {month_name}
	dateYear  []part // the same and {year}
	dateTime  []part // {date} {time}
	zoned     []part // {time} {zone}
	hourMin   []part // {hours} {minutes}
	listTwo   []part // {first} {last}
	listMore  string // between all but the last two
	units     map[string]*message
}

func (f *forms) read(entries map[string]entry) []error {
	var faults []error
	where := entries["language.name"]
	text := func(key string) string {
		e, there := entries[key]
		if !there || e.text == "" {
			faults = append(faults, where.fault(key, "is missing"))
		}
		return e.text
	}
	places := func(key string, names ...string) []part {
		s := text(key)
		parts, problem := split(s)
		if problem != "" || !subset((&message{parts: parts}).places(), names) {
			faults = append(faults, entries[key].fault(key, "may use only {%s}", strings.Join(names, "}, {")))
		}
		return parts
	}
	f.name, f.direction, f.group = text("language.name"), text("language.direction"), text("format.group")
	if f.direction != "ltr" && f.direction != "rtl" && f.direction != "" {
		faults = append(faults, entries["language.direction"].fault("language.direction", `is "ltr" or "rtl"`))
	}
	if f.months = entries["format.months"].list; len(f.months) != 12 {
		faults = append(faults, where.fault("format.months", "a year has 12 months"))
	}
	f.time = places("format.time", "hour", "minute")
	f.date = places("format.date", "day", "month", "month_name")
	f.dateYear = places("format.date_year", "day", "month", "month_name", "year")
	f.dateTime = places("format.date_time", "date", "time")
	f.zoned = places("format.zoned", "time", "zone")
	f.hourMin = places("format.hours_minutes", "hours", "minutes")
	f.listTwo = places("format.list_two", "first", "last")
	f.listMore = text("format.list_more")
	f.units = map[string]*message{}
	for _, unit := range []string{"second", "minute", "hour", "day"} {
		m := &message{by: "n", forms: new([6]*message)}
		for form, name := range formNames {
			key := "format." + unit + "." + name
			e, there := entries[key]
			if !there {
				continue
			}
			one, problem := newMessage(e)
			if problem != "" {
				faults = append(faults, e.fault(key, "%s", problem))
			}
			m.forms[form] = one
		}
		if m.forms[0] == nil {
			faults = append(faults, where.fault("format."+unit+".other", "is missing"))
		}
		f.units[unit] = m
	}
	return faults
}

func fill(parts []part, value func(name string) string) string {
	var s strings.Builder
	for _, p := range parts {
		if p.name == "" {
			s.WriteString(p.text)
		} else {
			s.WriteString(value(p.name))
		}
	}
	return s.String()
}

// Number writes a whole number with the language's grouping of digits.
func (b *Book) Number(l Tag, n int64) string {
	return string(b.formsOf(l).forms.appendNumber(nil, n))
}

func (f *forms) appendNumber(buf []byte, n int64) []byte {
	if n > -1000 && n < 1000 {
		return strconv.AppendInt(buf, n, 10)
	}
	var digits [20]byte
	s := strconv.AppendInt(digits[:0], n, 10)
	if s[0] == '-' {
		buf, s = append(buf, '-'), s[1:]
	}
	for i, d := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			buf = append(buf, f.group...)
		}
		buf = append(buf, d)
	}
	return buf
}

// Time writes the time of day in a zone: "10:42".
func (b *Book) Time(l Tag, t time.Time, zone *time.Location) string {
	t = in(t, zone)
	return fill(b.formsOf(l).forms.time, func(name string) string {
		if name == "hour" {
			return t.Format("15")
		}
		return t.Format("04")
	})
}

// Date writes the day without its year: "22 November", "11月22日".
func (b *Book) Date(l Tag, t time.Time, zone *time.Location) string {
	f := &b.formsOf(l).forms
	return f.day(f.date, in(t, zone))
}

// DateYear writes the day with its year: "22 November 2026", "2026年11月22日".
func (b *Book) DateYear(l Tag, t time.Time, zone *time.Location) string {
	f := &b.formsOf(l).forms
	return f.day(f.dateYear, in(t, zone))
}

// DateTime writes day and time: "22 November, 10:42", "11月22日 10:42".
func (b *Book) DateTime(l Tag, t time.Time, zone *time.Location) string {
	return fill(b.formsOf(l).forms.dateTime, func(name string) string {
		if name == "date" {
			return b.Date(l, t, zone)
		}
		return b.Time(l, t, zone)
	})
}

func (f *forms) day(parts []part, t time.Time) string {
	return fill(parts, func(name string) string {
		switch name {
		case "day":
			return strconv.Itoa(t.Day())
		case "month":
			return strconv.Itoa(int(t.Month()))
		case "month_name":
			return f.months[t.Month()-1]
		}
		return strconv.Itoa(t.Year())
	})
}

func in(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		return t.UTC()
	}
	return t.In(zone)
}

// At writes when something is, as short as the reader can do with: the time
// alone on the reader's present day, with the day before or after it, and with
// the year in another year. Without a zone it says that it means UTC.
func (v Voice) At(t time.Time) string {
	b := v.book
	here, now := in(t, v.zone), in(v.now, v.zone)
	s := b.Time(v.tag, t, v.zone)
	switch {
	case !v.now.IsZero() && here.Year() == now.Year() && here.YearDay() == now.YearDay():
	case v.now.IsZero() || here.Year() == now.Year():
		s = b.DateTime(v.tag, t, v.zone)
	default:
		clock := s
		s = fill(b.formsOf(v.tag).forms.dateTime, func(name string) string {
			if name == "date" {
				return b.DateYear(v.tag, t, v.zone)
			}
			return clock
		})
	}
	if v.zone != nil && v.zone != time.UTC {
		return s
	}
	return fill(b.formsOf(v.tag).forms.zoned, func(name string) string {
		if name == "zone" {
			return "UTC"
		}
		return s
	})
}

// For writes a length of time: "45 seconds", "7 minutes", "2 hours 10 minutes",
// "72 hours", "15 days". What is not whole is rounded up: a wait is never told
// shorter than it is.
func (b *Book) For(l Tag, d time.Duration) string {
	if d < 0 {
		d = 0
	}
	up := func(unit time.Duration) int64 { return int64((d + unit - 1) / unit) }
	if s := up(time.Second); s < 120 && s != 60 {
		return b.unit(l, "second", s)
	}
	minutes := up(time.Minute)
	switch {
	case minutes < 120 && minutes != 60:
		return b.unit(l, "minute", minutes)
	case minutes > 72*60:
		return b.unit(l, "day", up(24*time.Hour))
	case minutes%60 == 0 || minutes > 12*60:
		return b.unit(l, "hour", up(time.Hour))
	}
	return fill(b.formsOf(l).forms.hourMin, func(name string) string {
		if name == "hours" {
			return b.unit(l, "hour", minutes/60)
		}
		return b.unit(l, "minute", minutes%60)
	})
}

func (b *Book) unit(l Tag, unit string, n int64) string {
	c := b.formsOf(l)
	m := c.forms.units[unit].pick(c.tag, []any{"n", n})
	return fill(m.parts, func(string) string { return string(c.forms.appendNumber(nil, n)) })
}

// List joins names: "a, b and c", "a、b和c".
func (b *Book) List(l Tag, items ...string) string {
	f := &b.formsOf(l).forms
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	}
	most := len(items) - 1
	return fill(f.listTwo, func(name string) string {
		if name == "last" {
			return items[most]
		}
		return strings.Join(items[:most], f.listMore)
	})
}

func (b *Book) appendValue(buf []byte, v Voice, value any) []byte {
	switch x := value.(type) {
	case string:
		return append(buf, x...)
	case time.Time:
		return append(buf, v.At(x)...)
	case time.Duration:
		return append(buf, b.For(v.tag, x)...)
	}
	if n, whole := wholeNumber(value); whole {
		return b.formsOf(v.tag).forms.appendNumber(buf, n)
	}
	return fmt.Append(buf, value)
}

func wholeNumber(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case int32:
		return int64(n), true
	case uint32:
		return int64(n), true
	}
	return 0, false
}
