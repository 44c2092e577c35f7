package stories

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// go test ./stories -run TestTour_Look -args -look DIR
var lookInto = flag.String("look", "", "write screenshots of the whole tour into this folder")

// view is a way to look at a page.
type view struct {
	mode  string
	width int64
}

var views = []view{{"light", 360}, {"dark", 360}, {"light", 1280}, {"dark", 1280}}

func (w view) String() string { return fmt.Sprintf("%s.%d", w.mode, w.width) }

// through looks at the present page in every way, and goes back to the first.
func (v *visitor) through(look func(w view)) {
	v.t.Helper()
	for _, w := range append(views[1:len(views):len(views)], views[0]) {
		v.do(chromedp.EmulateViewport(w.width, 740), prefer(w.mode))
		look(w)
	}
}

// shoot takes pictures of the whole page.
func (v *visitor) shoot(name string) {
	v.t.Helper()
	v.through(func(w view) {
		png, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(*lookInto, name+"."+w.String()+".png"), png, 0o600)
		}
		if err != nil {
			v.t.Fatal(err)
		}
	})
}

// axe is axe-core 4.14.1 (npm), under the MPL 2.0 as its first lines say.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
	return string(text), err
})

const runAxe = `axe.run(document, {resultTypes: ["violations"], runOnly: %s}).then(r =>
	r.violations.flatMap(v => v.nodes.map(n => v.id + " " + n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " "))))`

// judged are the ways in which axe-core looks at the pages of a language: it says
// of the words the same in each, and of the colors at each width.
func judged(name, language string) []view {
	switch english := language == "en"; {
	case english && name == "api": // seconds for each look, of thousands of equal lines
		return views[:1]
	case english:
		return views[:3]
	case name == "api":
		return views[3:]
	}
	return []view{views[0], views[3]}
}

// looks are the ways for a story that is told twice: without scripts the page has
// the same colors and places.
func looks(scripts bool) []view {
	if scripts {
		return views[:3]
	}
	return views[:1]
}

// accessible runs axe-core over the page as it stands, in some ways of looking at
// it, and sees that it is nowhere too wide. The color scheme changes nothing but
// contrasts.
func (v *visitor) accessible(name string, ways []view) {
	v.t.Helper()
	script, err := axe()
	if err != nil {
		v.t.Fatal(err)
	}
	v.allowScripts(true) // axe waits for timers; the page's own scripts were not loaded
	defer v.allowScripts(v.scripts)
	eval[any](v, script+";0")
	v.through(func(w view) {
		if wide := eval[int64](v, `document.documentElement.scrollWidth`); wide > w.width {
			v.t.Errorf("%s is %d pixels wide at %d", name, wide, w.width)
		}
		if !slices.Contains(ways, w) {
			return
		}
		rules := `["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]`
		if w.mode == "dark" {
			rules = `["color-contrast"]`
		}
		for _, found := range eval[[]string](v, fmt.Sprintf(runAxe, rules), chromedp.EvalAwaitPromise) {
			v.t.Errorf("%s %s: %s", name, w, found)
		}
	})
}

// heaviest is the most that a page may weigh, compressed, with all that it loads.
const heaviest = 60 << 10

// weigh adds up the page and what it loads.
func (v *visitor) weigh(name string) {
	v.t.Helper()
	sum := zipped([]byte(eval[string](v, `document.documentElement.outerHTML`)))
	for _, address := range eval[[]string](v, `performance.getEntriesByType("resource").map(e => e.name)`) {
		a := v.send("GET", strings.TrimPrefix(address, v.at), nil)
		if a.StatusCode != http.StatusOK {
			continue // a picture that is gone, a delivery that is over
		}
		sum += min(zipped(a.body), len(a.body))
	}
	if sum > heaviest {
		v.t.Errorf("%s weighs %d bytes", name, sum)
	}
}

func zipped(text []byte) int {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // a buffer takes everything
	_ = z.Close()
	return b.Len()
}

// TestTour_WCAG: axe-core finds nothing on any page of the tour, light and dark,
// on a phone and on a desktop; no page scrolls sideways or weighs too much.
func TestTour_WCAG(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			h := openForBrowsers(t)
			tour(h.browser(true, language), language, func(v *visitor, name string) {
				v.accessible(name, judged(name, language))
				v.weigh(name)
			})
		})
	}
}
