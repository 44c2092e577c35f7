package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const goodSecret = "k3-Vq9-plumTree-77-xz"

// source answers every file with a good secret, every variable with another.
var source = Source{
	ReadFile: func(path string) ([]byte, error) {
		if strings.Contains(path, "missing") {
			return nil, os.ErrNotExist
		}
		return []byte(goodSecret + "\n"), nil
	},
	Getenv: func(name string) string { return map[string]string{"PASS": goodSecret + "-env"}[name] },
}

const minimal = `
public_url = "https://id.example.com"
offered_regions = ["cn"]
[database]
url = "sqlite:/var/lib/selfsame.db"
[keys]
file = "/k"
passphrase_file = "/p"
[[sms.routes]]
name = "main"
url = "https://sms.example.com"
token_env = "PASS"
`

func TestExampleIsTheDefaults(t *testing.T) {
	s, err := Parse("example", []byte(Example()), source)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.PublicURL = "https://id.example.com"
	want.Database.URL = "sqlite:/var/lib/selfsame/selfsame.db"
	want.Keys = Keys{File: "/var/lib/selfsame/keys.json", Passphrase: goodSecret}
	want.Mail.Host, want.Mail.From = "smtp.example.com", "Selfsame <no-reply@example.com>"
	route := newSMSRoute()
	route.Name, route.URL, route.Token = "main", "https://sms.example.com/v1", goodSecret
	want.SMS.Routes = []SMSRoute{route}
	if diff := cmp.Diff(want, s, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKeyIsExplained(t *testing.T) {
	var walk func(t reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Tag.Get("toml") == "-" {
				continue
			}
			key := join(path, f.Tag.Get("toml"))
			doc := f.Tag.Get("doc")
			if f.Tag.Get("toml") == "" || !strings.HasSuffix(doc, ".") {
				t.Errorf("%s is not explained in a sentence: %q", key, doc)
			}
			if (f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Float64 || f.Type == durationType) && (f.Tag.Get("min") == "" || f.Tag.Get("max") == "") {
				t.Errorf("%s has no bounds", key)
			}
			if isTable(f.Type) {
				below := f.Type
				if below.Kind() != reflect.Struct {
					below = below.Elem()
				}
				walk(below, key)
			} else if !strings.Contains(Example(), f.Tag.Get("toml")) {
				t.Errorf("the example lacks %s", key)
			}
		}
	}
	walk(reflect.TypeFor[Settings](), "")
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Parse("s.toml", []byte(`public_url = "http://id.example.com"
listen = 8080
trusted_proxies = ["10.0.0.0/8", "everyone"]
offerd_regions = ["cn"]
offered_regions = ["mars", "cn", "cn"]

[database]
conns = -1

[codes]
life = "5 minutes"
length = 12
resend_after = ["60s", "2h"]
tries = "five"

[brand]
accent = "blue"
nmae = "x"

[regions.cn]
sign_up = ["phone", "wechat"]
zone = "Mars/Olympus"

[[sms.routes]]
name = "main"
url = "http://sms.example.com"
token_file = "/missing"
speed = 5

[[sms.routes]]
name = "main"
token = "x"
token_env = "Y"
url = "https://sms.example.com"

[log]
level = "loud"
`), source)
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("%v", err)
	}
	got := map[string]int{}
	for _, p := range problems {
		got[p.Key] = p.Line
		if p.What == "" || p.Fix == "" || strings.HasSuffix(p.Fix, ".") {
			t.Errorf("no fix: %+v", p)
		}
	}
	want := map[string]int{
		"public_url": 1, "listen": 2, "trusted_proxies[1]": 3, "offerd_regions": 4, "offered_regions": 5,
		"database.url": 7, "database.conns": 8, "codes.life": 11, "codes.length": 12, "codes.resend_after[1]": 13, "codes.tries": 14,
		"brand.accent": 17, "brand.nmae": 18, "regions.cn.sign_up[1]": 21, "regions.cn.zone": 22,
		"sms.routes[0].url": 26, "sms.routes[0].token_file": 27, "sms.routes[0].speed": 28,
		"sms.routes[1].name": 31, "sms.routes[1].token_env": 33, "log.level": 37,
		"keys.file": 0, "keys.passphrase": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i := 1; i < len(problems); i++ {
		if lineOrEnd(problems[i-1]) > lineOrEnd(problems[i]) {
			t.Error("the faults are not in the order of the file")
		}
	}
	if text := err.Error(); !strings.Contains(text, "s.toml:18: brand.nmae: is not a key that is known here. Did you mean name?") {
		t.Error(text)
	}
}

func TestSyntaxHasItsLine(t *testing.T) {
	_, err := Parse("s.toml", []byte("listen = \"a:1\"\nlog = [[\n"), source)
	problems, _ := errors.AsType[Problems](err)
	if len(problems) != 1 || problems[0].Line != 2 && problems[0].Line != 3 {
		t.Errorf("%v", err)
	}
	_, err = Parse("s.toml", []byte("listen = \"a:1\"\nlisten = \"b:1\"\n"), source)
	if err == nil {
		t.Error("a repeated key is taken")
	}
}

func TestMinimal(t *testing.T) {
	s, err := Parse("s.toml", []byte(minimal), source)
	if err != nil {
		t.Fatal(err)
	}
	if s.Keys.Passphrase.Reveal() != goodSecret || s.SMS.Routes[0].Token.Reveal() != goodSecret+"-env" {
		t.Error("secrets are not read")
	}
	if s.SMS.Routes[0].Timeout != 10*time.Second {
		t.Error("a route lacks its defaults")
	}
	if s.Regions["cn"].Zone != "Asia/Shanghai" || s.Sessions.Idle != 14*24*time.Hour {
		t.Errorf("%+v", s)
	}
}

func TestSettingsAreMerged(t *testing.T) {
	s, err := Parse("s.toml", []byte(minimal+`
[regions.cn]
ask_for_contact = "yes"
[regions.eu]
zone = "Europe/Berlin"
country = "DE"
[sessions]
idle = "1d12h"
[mail]
password_env = "PASS"
user = "u"
host = "localhost"
from = "a@example.com"
tls = "none"
`), source)
	if err != nil {
		t.Fatal(err)
	}
	if cn := s.Regions["cn"]; cn.AskFor != "yes" || cn.Country != "CN" {
		t.Errorf("%+v", cn)
	}
	if eu := s.Regions["eu"]; eu.Required != "email" || eu.Country != "DE" {
		t.Errorf("%+v", eu)
	}
	if s.Sessions.Idle != 36*time.Hour || s.Mail.Password.Reveal() != goodSecret+"-env" {
		t.Errorf("%+v", s)
	}
	if len(Default().Regions) != 2 {
		t.Error("the defaults were changed")
	}
}

func TestS162_refusals(t *testing.T) {
	for name, c := range map[string]struct{ from, to, key string }{
		"plain http":        {`"https://id.example.com"`, `"http://id.example.com"`, "public_url"},
		"path":              {`"https://id.example.com"`, `"https://example.com/id"`, "public_url"},
		"no host":           {`"https://id.example.com"`, `"id.example.com"`, "public_url"},
		"weak passphrase":   {`passphrase_file = "/p"`, `passphrase = "short"`, "keys.passphrase"},
		"repeated":          {`passphrase_file = "/p"`, `passphrase = "aaaaaaaaaaaaaaaaaaaaaaaa"`, "keys.passphrase"},
		"copied":            {`passphrase_file = "/p"`, `passphrase = "change-me-please-1"`, "keys.passphrase"},
		"missing file":      {`passphrase_file = "/p"`, `passphrase_file = "/missing"`, "keys.passphrase_file"},
		"empty variable":    {`passphrase_file = "/p"`, `passphrase_env = "NOTHING"`, "keys.passphrase_env"},
		"memory":            {`"sqlite:/var/lib/selfsame.db"`, `"sqlite::memory:"`, "database.url"},
		"other database":    {`"sqlite:/var/lib/selfsame.db"`, `"mysql://x"`, "database.url"},
		"everyone":          {`offered_regions`, "trusted_proxies = [\"0.0.0.0/0\"]\noffered_regions", "trusted_proxies"},
		"same port":         {`offered_regions`, "admin_listen = \"127.0.0.1:8080\"\noffered_regions", "admin_listen"},
		"half a TLS":        {`[database]`, "[tls]\ncert_file = \"/c\"\n[database]", "tls"},
		"no carrier":        {"[[sms.routes]]\nname = \"main\"\nurl = \"https://sms.example.com\"\ntoken_env = \"PASS\"", "", "sms.routes"},
		"no mail":           {`["cn"]`, `["intl"]`, "mail.host"},
		"mail in clear":     {`[database]`, "[mail]\nhost = \"smtp.example.com\"\nfrom = \"a@example.com\"\ntls = \"none\"\n[database]", "mail.tls"},
		"no sender":         {`[database]`, "[mail]\nhost = \"smtp.example.com\"\n[database]", "mail.from"},
		"half a login":      {`[database]`, "[mail]\nhost = \"smtp.example.com\"\nfrom = \"a@example.com\"\nuser = \"u\"\n[database]", "mail.password"},
		"password alone":    {`[database]`, "[passwords]\nalone = true\n[database]", "passwords.min_length"},
		"idle and absolute": {`[database]`, "[sessions]\nidle = \"20d\"\nabsolute = \"10d\"\n[database]", "sessions.idle"},
		"lookup secret":     {`[database]`, "[numbers.lookup]\nurl = \"https://user:pass@x.example\"\n[database]", "numbers.lookup.url"},
		"demo":              {`offered_regions`, "demo = true\noffered_regions", "demo"},
		"not a table":       {`[database]`, "mail = 5\n[database]", "mail"},
		"not a list":        {`[database]`, "[numbers]\nallow = 5\n[database]", "numbers.allow"},
		"region":            {`[database]`, "[regions]\ncn = 5\n[database]", "regions.cn"},
	} {
		text := strings.Replace(minimal, c.from, c.to, 1)
		if text == minimal {
			t.Fatalf("%s: nothing was changed", name)
		}
		_, err := Parse("s.toml", []byte(text), source)
		problems, _ := errors.AsType[Problems](err)
		found := false
		for _, p := range problems {
			found = found || p.Key == c.key
			if p.Key != "" && p.Line == 0 && p.Key != "sms.routes" && p.Key != "mail.host" {
				t.Errorf("%s: no line: %s", name, p)
			}
		}
		if !found {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), goodSecret) {
			t.Errorf("%s shows a secret", name)
		}
	}
}

func TestS162_openFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	db, ring, pass := write("a.db", "", 0o644), write("keys", "", 0o640), write("pass", goodSecret, 0o604)
	text := strings.NewReplacer("/var/lib/selfsame.db", db, `"/k"`, `"`+ring+`"`, `"/p"`, `"`+pass+`"`, `token_env = "PASS"`, `token = "in-the-file"`).Replace(minimal)
	path := write("s.toml", text, 0o644)
	_, err := Load(path, source.Getenv)
	problems, _ := errors.AsType[Problems](err)
	if len(problems) != 3 {
		t.Fatalf("%v", err)
	}
	for i, name := range []string{pass, path, db} {
		if !strings.Contains(problems[i].String(), name) {
			t.Errorf("%s is not named: %s", name, problems[i])
		}
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(path, source.Getenv); err != nil {
		t.Error(err)
	}
	if _, err := Load(filepath.Join(dir, "none"), source.Getenv); err == nil || !strings.Contains(err.Error(), "config example") {
		t.Errorf("%v", err)
	}
}

func TestS157_secretsAreNeverShown(t *testing.T) {
	s, err := Parse("s.toml", []byte(minimal), source)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "p", s.Keys.Passphrase)
	all := fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s.Keys.Passphrase, s.Keys.Passphrase) + string(asJSON) + log.String() + fmt.Sprint(s.Effective())
	if strings.Contains(all, goodSecret) {
		t.Error("a secret is shown")
	}
	values := map[string]string{}
	for _, v := range s.Effective() {
		values[v.Key] = v.Value
	}
	for key, want := range map[string]string{
		"keys.passphrase": "set", "mail.password": "not set", "codes.life": `"5m"`, "sms.routes[0].name": `"main"`, "sms.routes[0].token": "set",
		"regions.cn.country": `"CN"`, "sessions.idle": `"14d"`, "database.url": "set", "codes.resend_after": `["1m", "2m", "5m"]`,
	} {
		if values[key] != want {
			t.Errorf("%s is %s", key, values[key])
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "5m": 5 * time.Minute, "15d": 15 * day, "1d12h": 36 * time.Hour, "0s": 0, "1h30m": 90 * time.Minute,
	} {
		got, ok := ParseDuration(text)
		if !ok || got != want {
			t.Errorf("%s: %v %v", text, got, ok)
		}
		if again, ok := ParseDuration(FormatDuration(got)); !ok || again != got {
			t.Errorf("%s is written %s", text, FormatDuration(got))
		}
	}
	for _, text := range []string{"", "5", "five", "-5m", "-1d", "d", "5d5", "1d-2h", "99999999d"} {
		if got, ok := ParseDuration(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	for d, want := range map[time.Duration]string{24 * time.Hour: "24h", 72 * time.Hour: "3d", 15 * time.Minute: "15m", 90 * time.Second: "1m30s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v is written %s", d, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal)
	f.Add(Example())
	f.Add("[[sms.routes]]\n[sms]\na.b = {c = 1}\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Parse("f", []byte(text), source)
		if _, ok := errors.AsType[Problems](err); err != nil && !ok {
			t.Errorf("%v", err)
		}
	})
}
