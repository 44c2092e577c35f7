package pages

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// go test -run TestLook -args -look DIR [-stories front,code] [-languages en,zh-Hans] [-widths 360,1280] [-dir rtl]
// go test -run TestAxe -args -axe node_modules/axe-core/axe.min.js
var (
	lookInto     = flag.String("look", "", "write screenshots of all stories into this folder")
	lookStories  = flag.String("stories", "", "only stories that begin with one of these")
	lookLangs    = flag.String("languages", "en,zh-Hans", "in these languages")
	lookWidths   = flag.String("widths", "360,1280", "at these widths")
	lookModes    = flag.String("modes", "light,dark", "in these color schemes")
	lookDir      = flag.String("dir", "", "rtl")
	axeFile      = flag.String("axe", "", "axe.min.js of the npm package axe-core")
	serveStories = flag.String("serve", "", "serve the storybook at this address for a while")
)

// storybookServer serves the storybook on a free port of this machine.
func storybookServer(t *testing.T) string {
	t.Helper()
	address := "127.0.0.1:0"
	if *serveStories != "" {
		address = *serveStories
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	cfg.Clock = clock.System()
	cfg.PublicURL, _ = url.Parse("http://" + ln.Addr().String())
	_, rt := site(t, cfg)
	srv := &http.Server{Handler: rt}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return cfg.PublicURL.String()
}

// tab opens a tab of a headless Chromium, or skips where there is none.
func tab(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("hide-scrollbars", true))
	for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	return ctx
}

func chosenStories() []string {
	var names []string
	for _, s := range stories() {
		wanted := *lookStories == ""
		for _, prefix := range strings.Split(*lookStories, ",") {
			wanted = wanted || prefix != "" && strings.HasPrefix(s.name, prefix)
		}
		if wanted {
			names = append(names, s.name)
		}
	}
	return names
}

func emulate(width int64, mode string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.EmulateViewport(width, 800), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: mode}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// TestLook takes the screenshots that people look at.
func TestLook(t *testing.T) {
	if *lookInto == "" {
		t.Skip("nobody wants to look: -args -look DIR")
	}
	at, ctx := storybookServer(t), tab(t)
	for _, mode := range strings.Split(*lookModes, ",") {
		for _, width := range strings.Split(*lookWidths, ",") {
			var w int64
			fmt.Sscan(width, &w)
			for _, l := range strings.Split(*lookLangs, ",") {
				for _, name := range chosenStories() {
					if err := chromedp.Do(ctx, emulate(w, mode), chromedp.Navigate(at+"/storybook/"+name+"?language="+l+"&dir="+*lookDir)); err != nil {
						t.Fatal(err)
					}
					png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					if err != nil {
						t.Fatal(err)
					}
					file := filepath.Join(*lookInto, strings.Join([]string{name, l, width, mode + *lookDir, "png"}, "."))
					if err := os.WriteFile(file, png, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

// TestAxe_WCAG runs axe-core over every story, in both schemes and both widths.
func TestAxe_WCAG(t *testing.T) {
	if *axeFile == "" {
		t.Skip("-args -axe axe.min.js")
	}
	axe, err := os.ReadFile(*axeFile)
	if err != nil {
		t.Fatal(err)
	}
	at, ctx := storybookServer(t), tab(t)
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	const run = `axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]}).then(r =>
		r.violations.flatMap(v => v.nodes.map(n => v.id + " " + n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " "))))`
	for _, mode := range strings.Split(*lookModes, ",") {
		for _, l := range strings.Split(*lookLangs, ",") {
			for _, name := range chosenStories() {
				err := chromedp.Do(ctx, emulate(360, mode), chromedp.Navigate(at+"/storybook/"+name+"?language="+l))
				if err == nil {
					_, err = chromedp.Run(ctx, chromedp.Evaluate[any](string(axe)+";0"))
				}
				if err != nil {
					t.Fatal(name, err)
				}
				found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](run, chromedp.EvalAwaitPromise))
				if err != nil {
					t.Fatal(name, err)
				}
				for _, f := range found {
					t.Errorf("%s %s %s: %s", name, l, mode, f)
				}
			}
		}
	}
}
