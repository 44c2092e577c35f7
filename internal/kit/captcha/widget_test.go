package captcha

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// widgetFiles is where the pages keep the widget as npm has it.
const widgetFiles = "../../front/pages/assets/altcha"

const strictPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-q'; worker-src 'self'; form-action 'self'; base-uri 'none'"

// widgetPage is the markup that a page needs, see the README beside the files.
const widgetPage = `<!doctype html><html lang="%s"><meta charset="utf-8"><title>t</title>
<script src="/listen.js"></script><link rel="stylesheet" href="/altcha/altcha.css">
<script type="module" src="/altcha/altcha.min.js"></script>
<script type="module" src="/altcha/zh-cn.js"></script>
<script type="module" src="/altcha/start.js"></script>
<form method="post" action="/judge"><altcha-widget name="answer" challenge="%s" data-worker="/altcha/pbkdf2.js" data-done="go" data-otherwise="other"></altcha-widget>
<button id="go" name="input" value="captcha">Go on</button>
<button id="other" name="input" value="refresh" formnovalidate>Picture instead</button></form>`

// browser opens a tab, or skips the test where there is no Chromium.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	options = append(options, chromedp.Flag("host-resolver-rules", "MAP insecure.test 127.0.0.1"))
	for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	return tab
}

// visit opens an address and does not wait, because the page leaves on its own.
func visit(tab context.Context, address string) error {
	_, err := chromedp.Run(tab, chromedp.Evaluate[string](fmt.Sprintf("location.href = %q", address)))
	return err
}

// widgetServer serves the files and one page under a policy, and tells which
// button sent the form with which answer.
func widgetServer(t *testing.T, challenge Challenge, lang, policy string) (address string, judged chan [2]string) {
	t.Helper()
	judged = make(chan [2]string, 1)
	mux := http.NewServeMux()
	mux.Handle("/altcha/", http.StripPrefix("/altcha/", http.FileServer(http.Dir(widgetFiles))))
	mux.HandleFunc("/listen.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `window.broken = []; document.addEventListener("securitypolicyviolation", e => broken.push(e.violatedDirective + " " + e.blockedURI))`)
	})
	mux.HandleFunc("POST /judge", func(w http.ResponseWriter, r *http.Request) {
		judged <- [2]string{r.FormValue("input"), r.FormValue("answer")}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		text, _ := json.Marshal(challenge)
		fmt.Fprintf(w, widgetPage, lang, html.EscapeString(string(text)))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, judged
}

func TestTopic_Y03_WidgetSolvesUnderStrictPolicy(t *testing.T) {
	tab := browser(t)
	challenge, err := NewWork(testKey, "journey 1", 200, testNow.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	address, judged := widgetServer(t, challenge, "zh-Hans", strictPolicy)
	if err := visit(tab, address); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-judged:
		if got[0] != "captcha" {
			t.Errorf("the button pressed is %q, want captcha", got[0])
		}
		if err := CheckWork(testKey, "journey 1", got[1], testNow); err != nil {
			t.Errorf("the widget's payload is refused: %v", err)
		}
		if Nonce(got[1]) != challenge.Parameters.Nonce {
			t.Errorf("nonce %q, want %q", Nonce(got[1]), challenge.Parameters.Nonce)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the widget sent nothing")
	}
	label, err := chromedp.Run(tab, chromedp.Evaluate[string](`document.querySelector("altcha-widget label").innerText`))
	if err != nil || label != "已验证" {
		t.Errorf("the widget says %q (%v), want the Chinese for verified", label, err)
	}
	broken, err := chromedp.Run(tab, chromedp.Evaluate[[]string](`window.broken`))
	if err != nil || len(broken) > 0 {
		t.Errorf("the policy was broken: %q (%v)", broken, err)
	}
}

// Where a page has no WebCrypto (plain http to a machine of the network) or no
// worker, the person is led to the picture.
func TestTopic_Y03_WidgetFallsBackToThePicture(t *testing.T) {
	tab := browser(t)
	for _, c := range []struct{ name, host, policy string }{
		{"no worker", "127.0.0.1", strings.ReplaceAll(strictPolicy, "worker-src 'self'", "worker-src 'none'")},
		{"no secure context", "insecure.test", strictPolicy},
	} {
		t.Run(c.name, func(t *testing.T) {
			challenge, err := NewWork(testKey, "journey 1", 200, testNow.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			address, judged := widgetServer(t, challenge, "en", c.policy)
			address = strings.ReplaceAll(address, "127.0.0.1", c.host)
			if err := visit(tab, address); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-judged:
				if got[0] != "refresh" {
					t.Errorf("the button pressed is %q, want refresh", got[0])
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the page went nowhere")
			}
		})
	}
}
