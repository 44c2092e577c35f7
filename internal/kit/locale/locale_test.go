package locale

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

const englishForms = `
[format]
date = "{day} {month_name}"
date_time = "{date}, {time}"
date_year = "{day} {month_name} {year}"
group = ","
hours_minutes = "{hours} {minutes}"
list_more = ", "
list_two = "{first} and {last}"
months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
time = "{hour}:{minute}"
zoned = "{time} {zone}"
day.one = "{n} day"
day.other = "{n} days"
hour.one = "{n} hour"
hour.other = "{n} hours"
minute.one = "{n} minute"
minute.other = "{n} minutes"
second.one = "{n} second"
second.other = "{n} seconds"
[language]
direction = "ltr"
name = "English"
`

const chineseForms = `
[format]
date = "{month}月{day}日"
date_time = "{date} {time}"
date_year = "{year}年{month}月{day}日"
group = ","
hours_minutes = "{hours} {minutes}"
list_more = "、"
list_two = "{first}和{last}"
months = ["一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"]
time = "{hour}:{minute}"
zoned = "{time} {zone}"
day.other = "{n} 天"
hour.other = "{n} 小时"
minute.other = "{n} 分钟"
second.other = "{n} 秒"
[language]
direction = "ltr"
name = "简体中文"
`

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func book(t testing.TB) *Book {
	t.Helper()
	b, err := Load(files(
		"en.toml", englishForms+`
[a]
plain = "Hello"
hello = "Hello {name}"
tries.by = "left"
tries.one = "{left} try left"
tries.other = "{left} tries left"
files.one = "{n} file"
files.other = "{n} files"
only = "English only"
[fault.code_expired]
title = "Expired"
detail = "It was good until {time}."
[fault.codes_limited]
title = "Too many"
detail = "Again at {retry_at} (in {wait})."
detail_open = "Again later."
limit_network = "Your network: {retry_at}."
limit_phone = "Your phone."
with_since = "Since {since}."
[country]
NL = "Netherlands"
`,
		"zh-Hans.toml", chineseForms+`
[a]
plain = "你好"
hello = "{name}，你好"
tries.by = "left"
tries.other = "还可以试 {left} 次"
files.other = "{n} 个文件"
[fault.code_expired]
title = "过期"
detail = "有效期到 {time} 为止。"
[fault.codes_limited]
title = "过多"
detail = "{retry_at}（{wait}后）再试。"
detail_open = "稍后再试。"
limit_network = "网络：{retry_at}。"
limit_phone = "手机。"
with_since = "自 {since} 起。"
[country]
NL = "荷兰"
`))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestT(t *testing.T) {
	b := book(t)
	tests := []struct {
		l    Tag
		key  string
		args []any
		want string
	}{
		{"en", "a.plain", nil, "Hello"},
		{"en", "a.hello", []any{"name", "Li"}, "Hello Li"},
		{"zh-Hans", "a.hello", []any{"name", "李"}, "李，你好"},
		{"en", "a.tries", []any{"left", 1}, "1 try left"},
		{"en", "a.tries", []any{"left", 0}, "0 tries left"},
		{"en", "a.files", []any{"n", 1234567}, "1,234,567 files"},
		{"en", "a.files", []any{"n", int64(1)}, "1 file"},
		{"zh-Hans", "a.tries", []any{"left", 1}, "还可以试 1 次"},
		{"zh-Hans", "a.only", nil, "English only"},
		{"fr", "a.plain", nil, "Hello"},
		{"en", "a.nothing", nil, "a.nothing"},
		{"en", "a.hello", nil, "Hello {name}"},
		{"en", "a.hello", []any{"name", 7 * time.Minute}, "Hello 7 minutes"},
		{"en", "a.hello", []any{"name", "{name}"}, "Hello {name}"}, // values are not read again
	}
	for _, tt := range tests {
		if got := b.T(tt.l, tt.key, tt.args...); got != tt.want {
			t.Errorf("T(%s, %s, %v) = %q, want %q", tt.l, tt.key, tt.args, got, tt.want)
		}
	}
}

func TestMissingIsTold(t *testing.T) {
	b := book(t)
	var told []string
	b.OnMissing = func(l Tag, key, argument string) { told = append(told, string(l)+" "+key+" "+argument) }
	b.T("en", "a.nothing")
	b.T("zh-Hans", "a.hello", "nam", "x")
	if diff := cmp.Diff([]string{"en a.nothing ", "zh-Hans a.hello name"}, told); diff != "" {
		t.Error(diff)
	}
}

func TestMatch(t *testing.T) {
	b := book(t).WithPseudo()
	tests := []struct {
		accept []string
		want   Tag
	}{
		{nil, "en"},
		{[]string{"zh-CN,zh;q=0.9,en;q=0.8"}, "zh-Hans"},
		{[]string{"zh"}, "zh-Hans"},
		{[]string{"zh-TW"}, "zh-Hans"},
		{[]string{"de-DE,de;q=0.9,zh-CN;q=0.5"}, "zh-Hans"},
		{[]string{"en-US,en;q=0.9"}, "en"},
		{[]string{"en-GB"}, "en"},
		{[]string{"de"}, "en"},
		{[]string{"", "zh-Hans", "en"}, "zh-Hans"},
		{[]string{"not a language", "zh-CN"}, "zh-Hans"},
		{[]string{strings.Repeat("zh-CN,", 1000), "en"}, "en"},
		{[]string{"en-XA"}, Pseudo},
	}
	for _, tt := range tests {
		if got := b.Match(tt.accept...); got != tt.want {
			t.Errorf("Match(%q) = %s, want %s", tt.accept, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	b := book(t)
	shanghai := time.FixedZone("CST", 8*3600)
	at := time.Date(2026, 11, 22, 2, 42, 9, 0, time.UTC)
	got := []string{
		b.Time("en", at, shanghai), b.Date("en", at, shanghai), b.DateTime("zh-Hans", at, shanghai),
		b.DateYear("zh-Hans", at, nil), b.DateYear("en", at, nil), b.Time("en", at, nil),
	}
	want := []string{"10:42", "22 November", "11月22日 10:42", "2026年11月22日", "22 November 2026", "02:42"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		zone *time.Location
		now  time.Time
		want string
	}{
		{shanghai, at.Add(-time.Hour), "10:42"},
		{shanghai, at.Add(-24 * time.Hour), "22 November, 10:42"},
		{shanghai, at.Add(-400 * 24 * time.Hour), "22 November 2026, 10:42"},
		{shanghai, time.Time{}, "22 November, 10:42"},
		{nil, at.Add(-time.Hour), "02:42 UTC"},
		{time.UTC, at.Add(-3 * time.Hour), "22 November, 02:42 UTC"}, // yesterday in UTC
	} {
		if got := b.In("en", tt.zone, tt.now).At(at); got != tt.want {
			t.Errorf("At in %v, now %v = %q, want %q", tt.zone, tt.now, got, tt.want)
		}
	}
}

func TestFor(t *testing.T) {
	b := book(t)
	tests := []struct {
		d       time.Duration
		en, han string
	}{
		{-time.Second, "0 seconds", "0 秒"},
		{time.Second, "1 second", "1 秒"},
		{time.Millisecond, "1 second", "1 秒"},
		{59500 * time.Millisecond, "1 minute", "1 分钟"},
		{90 * time.Second, "90 seconds", "90 秒"},
		{6*time.Minute + time.Second, "7 minutes", "7 分钟"},
		{time.Hour, "1 hour", "1 小时"},
		{119*time.Minute + time.Second, "2 hours", "2 小时"},
		{130 * time.Minute, "2 hours 10 minutes", "2 小时 10 分钟"},
		{23*time.Hour + 5*time.Minute, "24 hours", "24 小时"},
		{72 * time.Hour, "72 hours", "72 小时"},
		{15 * 24 * time.Hour, "15 days", "15 天"},
		{180 * 24 * time.Hour, "180 days", "180 天"},
	}
	for _, tt := range tests {
		if got := []string{b.For("en", tt.d), b.For("zh-Hans", tt.d)}; !cmp.Equal(got, []string{tt.en, tt.han}) {
			t.Errorf("For(%v) = %q", tt.d, got)
		}
	}
}

func TestNumbersListsCountries(t *testing.T) {
	b := book(t)
	got := []string{
		b.Number("en", 0), b.Number("en", -999), b.Number("en", 1000), b.Number("en", -1234567),
		b.List("en"), b.List("en", "a"), b.List("en", "a", "b", "c"), b.List("zh-Hans", "甲", "乙", "丙"),
		b.Country("zh-Hans", "nl"), b.Country("fr", "NL"), b.Country("en", "QQ"),
	}
	want := []string{"0", "-999", "1,000", "-1,234,567", "", "a", "a, b and c", "甲、乙和丙", "荷兰", "Netherlands", "QQ"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFault(t *testing.T) {
	b := book(t)
	now := time.Date(2026, 11, 22, 10, 35, 0, 0, time.UTC)
	limited := &fault.Fault{Code: "codes_limited"}
	v := b.In("en", time.FixedZone("X", 3600), now)
	tests := []struct {
		name string
		f    *fault.Fault
		want string
	}{
		{"without a time", limited.With("limit", "network"), "Too many / Again later."},
		{"with a time", limited.Until(now.Add(7 * time.Minute)), "Too many / Again at 11:42 (in 7 minutes)."},
		{"special", limited.With("limit", "network").Until(now.Add(7 * time.Minute)), "Too many / Your network: 11:42."},
		{"special that tells no time", limited.With("limit", "phone"), "Too many / Your phone."},
		{"special by its presence", limited.With("limit", "phone").With("since", now), "Too many / Since 11:35."},
		{"no special for this value", limited.With("limit", "moon").Until(now.Add(time.Minute)), "Too many / Again at 11:36 (in 1 minute)."},
		{"argument", (&fault.Fault{Code: "code_expired"}).With("time", now), "Expired / It was good until 11:35."},
		{"unknown code", &fault.Fault{Code: "strange"}, "fault.strange.title / fault.strange.detail"},
	}
	for _, tt := range tests {
		title, detail := v.Fault(tt.f)
		if got := title + " / " + detail; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPseudo(t *testing.T) {
	b := book(t).WithPseudo()
	got := []string{b.T(Pseudo, "a.plain"), b.T(Pseudo, "a.hello", "name", "Li"), b.T(Pseudo, "a.tries", "left", 1)}
	want := []string{"[Hélló·]", "[Hélló Li··]", "[1 trý léft···]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Tag{"en", "zh-Hans", "en-XA"}, b.Tags()); diff != "" {
		t.Error(diff)
	}
}

func TestLoadNamesFileLineAndKey(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"syntax", "[a]\nb = \"x\"\nc = nonsense\n", `en.toml:25: after "a":`},
		{"open", "[a]\nb = \"x {name\"\n", "en.toml:24: a.b: a { without its }"},
		{"close", "[a]\nb = \"x name}\"\n", "en.toml:24: a.b: a } without its {"},
		{"name", "[a]\nb = \"x {The Name}\"\n", `en.toml:24: a.b: "The Name" is not the name of a place`},
		{"number", "[a]\n\nb = 5\n", "en.toml:25: a.b: the value is not a text"},
		{"empty", "[a]\nb = \" \"\n", "en.toml:24: a.b: the text is empty"},
		{"list", "[a]\nb = [\"x\"]\n", "en.toml:24: a.b: a sentence is one text"},
		{"twice", "[a]\nb = \"x\"\n[d]\nc = \"y\"\n[a]\nb = \"z\"\n", "en.toml:28: a.b: stands already in line 24"},
		{"both", "[a]\nb = \"x\"\nb.other = \"{n} y\"\n", "a.b: is a sentence and a plural at once"},
		{"chooser", "[a]\nb.one = \"one\"\nb.other = \"{left} left\"\n", "en.toml:25: a.b: no form uses {n}"},
		{"tables", "[[a]]\nb = \"x\"\n", "en.toml:23: a: only tables"},
	}
	for _, tt := range tests {
		_, err := Load(files("en.toml", strings.TrimPrefix(englishForms, "\n")+tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestLoadReportsEverythingAtOnce(t *testing.T) {
	_, err := Load(files("en.toml", "[a]\nb = 1\nc = 2\nd = \"x\"\n", "zh-Hans.toml", "[a]\nb = 3\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"en.toml:2: a.b", "en.toml:3: a.c", "zh-Hans.toml:2: a.b", "format.months", "language.name"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s:\n%v", want, err)
		}
	}
}

func TestLoadOver(t *testing.T) {
	base := files("en.toml", englishForms+"[a]\nb = \"Hello {name}\"\n")
	b, err := Load(base, files("en.toml", "[a]\nb = \"Hi {name}\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.T("en", "a.b", "name", "Li"); got != "Hi Li" {
		t.Error(got)
	}
	for _, tt := range []struct{ over, want string }{
		{"[a]\nc = \"new\"\n", "en.toml:2: a.c: there is no such sentence to replace"},
		{"[a]\nb = \"Hi {brand}\"\n", "en.toml:2: a.b: uses a place that the sentence of en.toml:"},
	} {
		if _, err := Load(base, files("en.toml", tt.over)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	b := book(f)
	f.Add("zh-CN,zh;q=0.9")
	f.Add("en;q=x,*;q=0")
	f.Fuzz(func(t *testing.T, accept string) {
		if l := b.Match(accept); l != "en" && l != "zh-Hans" {
			t.Errorf("Match(%q) = %s", accept, l)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[a]\nb = \"x {y}\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parse(data, "x.toml") // must not panic: operators write overlays
	})
}

func BenchmarkT(b *testing.B) {
	bk := book(b)
	b.Run("one argument", func(b *testing.B) {
		for b.Loop() {
			bk.T("zh-Hans", "a.hello", "name", "Li")
		}
	})
	b.Run("plural", func(b *testing.B) {
		for b.Loop() {
			bk.T("en", "a.tries", "left", 4)
		}
	})
	b.Run("match", func(b *testing.B) {
		for b.Loop() {
			bk.Match("zh-CN,zh;q=0.9,en;q=0.8")
		}
	})
}
