package pages

import (
	"compress/gzip"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

var assetAddress = regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)

// TestPagesAreLight counts what a first visit loads. The widget of the proof of
// work stands apart: it is loaded on one page only, and compressed.
func TestPagesAreLight(t *testing.T) {
	_, rt := site(t, testConfig(t))
	for _, name := range []string{"front", "identify.phone", "code.sms", "account.overview_look", "account.activity", "step.captcha_work"} {
		page := get(rt, "/storybook/"+name).Body.String()
		plain, sent := len(page), len(page)
		seen := map[string]bool{}
		for _, m := range assetAddress.FindAllStringSubmatch(page, -1) {
			if seen[m[1]] {
				continue
			}
			seen[m[1]] = true
			w := get(rt, m[1], "Accept-Encoding", "gzip")
			if w.Code != http.StatusOK {
				t.Fatalf("%s answers %d", m[1], w.Code)
			}
			sent += w.Body.Len()
			plain += len(unzipped(t, w.Body, w.Header().Get("Content-Encoding")))
		}
		t.Logf("%s: %d bytes, %d sent", name, plain, sent)
		if sent > 60<<10 || plain > 60<<10 && !strings.HasPrefix(name, "step.captcha") {
			t.Errorf("%s: %d bytes in all, %d sent; at most 60 kB", name, plain, sent)
		}
	}
}

func unzipped(t *testing.T, r io.Reader, encoding string) []byte {
	t.Helper()
	if encoding == "gzip" {
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAssets(t *testing.T) {
	p, rt := site(t, testConfig(t))
	css := p.assets.addresses["style.css"]
	w := get(rt, css)
	if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("Cache-Control %q", got)
	}
	if w.Body.Len() > 20<<10 {
		t.Errorf("the style sheet has %d bytes; at most 20 kB", w.Body.Len())
	}
	if w := get(rt, strings.Replace(css, "style.", "style.0", 1)); w.Code != http.StatusNotFound {
		t.Errorf("another hash answers %d", w.Code)
	}
	if w := get(rt, "/assets/..%2ftemplates%2flayout.html"); w.Code != http.StatusNotFound {
		t.Errorf("a path out of the assets answers %d", w.Code)
	}
}

// TestEveryAccentCanBeRead tries colors that operators may choose, hundreds by chance.
func TestEveryAccentCanBeRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		c := rgb{uint8(random.IntN(256)), uint8(random.IntN(256)), uint8(random.IntN(256))}
		if i < 4 {
			c = []rgb{{255, 255, 0}, {0, 0, 0}, {255, 255, 255}, {128, 128, 128}}[i]
		}
		light, dark, err := Brand{Accent: c.String()}.accents()
		if err != nil {
			t.Fatal(err)
		}
		for _, paper := range lightPapers {
			if contrast(light, paper) < readable || contrast(light, light.ink()) < readable {
				t.Errorf("%s becomes %s on %s: %.2f, ink %.2f", c, light, paper, contrast(light, paper), contrast(light, light.ink()))
			}
		}
		for _, paper := range darkPapers {
			if contrast(dark, paper) < readable || contrast(dark, dark.ink()) < readable || contrast(dark.toward(white, .16), dark.ink()) < readable {
				t.Errorf("%s becomes %s on dark %s", c, dark, paper)
			}
		}
	}
	for _, bad := range []string{"blue", "#12", "#12345g", "red;}body{display:none"} {
		if _, err := (Brand{Accent: bad}).style(); err == nil {
			t.Errorf("%q is taken as a color", bad)
		}
	}
}

func TestOverrides(t *testing.T) {
	cfg := testConfig(t)
	cfg.Overrides = fstest.MapFS{
		"templates/front.html": {Data: []byte(`{{define "body"}}<h1>Welcome to {{.BrandName}}</h1>{{end}}`)},
		"style.css":            {Data: []byte(`:root{--radius:0}`)},
	}
	p, rt := site(t, cfg)
	if page := get(rt, "/").Body.String(); !strings.Contains(page, "Welcome to Selfsame") {
		t.Error("the operator's template is not used")
	}
	if css := get(rt, p.assets.addresses["style.css"]).Body.String(); !strings.HasSuffix(css, ":root{--radius:0}") {
		t.Error("the operator's style sheet is not last")
	}
	cfg.Overrides = fstest.MapFS{"templates/step_code.html": {Data: []byte(`{{define "body"}}{{.NoSuchField}}{{end}}`)}}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "step_code.html") {
		t.Errorf("a broken template is found only by people: %v", err)
	}
}
