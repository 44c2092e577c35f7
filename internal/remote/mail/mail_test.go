package mail

import (
	"strings"
	"testing"
)

func TestHTML(t *testing.T) {
	got := HTML("zh-Hans", `a "title" <b>`, "482913\r\n\r\nline <one>\nline & two\n\n\n\nhttps://example.com/\n\n12 34\n\n<script>alert(1)</script>\n")
	for _, want := range []string{
		`<html lang="zh-Hans">`, `<title>a &#34;title&#34; &lt;b&gt;</title>`, `margin:16px 0">482913</p>`, `">line &lt;one&gt;<br>line &amp; two</p>`,
		`">https://example.com/</p>`, `">12 34</p>`, `">&lt;script&gt;alert(1)&lt;/script&gt;</p>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
	for _, never := range []string{"<script", "<img", "<a ", "url(", "<link", "<p dir=\"auto\" style=\"margin:16px 0\"></p>"} {
		if strings.Contains(got, never) {
			t.Errorf("S-18: the page has %s", never)
		}
	}
}
