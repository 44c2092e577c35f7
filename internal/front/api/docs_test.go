package api_test

import (
	"html"
	"regexp"
	"strings"
	"testing"
)

var (
	commandInPage = regexp.MustCompile(`(?s)<pre[^>]*><code>(curl .*?)</code></pre>`)
	headerIn      = regexp.MustCompile(`-H '([\w-]+): ([^']*)'`)
	bodyIn        = regexp.MustCompile(`(?s)-d '([^']*)'`)
)

// commandsOf reads the curl commands of a page as calls.
func commandsOf(t *testing.T, page string) []call {
	t.Helper()
	var out []call
	for _, m := range commandInPage.FindAllStringSubmatch(page, -1) {
		text := html.UnescapeString(m[1])
		c := call{method: "GET", path: strings.TrimPrefix(strings.Fields(text)[1], "https://"+host)}
		if body := bodyIn.FindStringSubmatch(text); body != nil {
			c.method, c.body = "POST", body[1]
		}
		for _, h := range headerIn.FindAllStringSubmatch(text, -1) {
			switch h[1] {
			case "Journey-Key":
				c.key = h[2]
			case "Authorization":
				c.token = strings.TrimPrefix(h[2], "Bearer ")
			case "Content-Type":
				if h[2] != "application/json" {
					t.Errorf("the content type is %s", h[2])
				}
			}
		}
		out = append(out, c)
	}
	return out
}
