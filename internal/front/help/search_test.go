package help

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestSearchFindsTheAnswer(t *testing.T) {
	c := center(t, usual())
	tests := []struct{ language, query, first string }{
		{"en", "code expired", "V05"},
		{"en", "I don't get the SMS", "V01"},
		{"en", "otp not arriving", "V01"},
		{"en", "log out", "O01"},
		{"en", "captcha", "Y03"},
		{"en", "m2m sim", "C07"},
		{"en", "caps lock", "W02"},
		{"en", "too many codes", "V03"},
		{"en", "SIGN UP", "C01"},
		{"en", "recycled numbers", "C04"},
		{"en", "phone", "R01"},
		{"en", "password", "W01"},
		{"en", "how do I sign in", "S01"},
		{"zh-CN", "账号", "A01"},
		{"zh-CN", "收不到短信", "V01"},
		{"zh-CN", "验证码过期", "V05"},
		{"zh-CN", "退出登录", "O01"},
		{"zh-CN", "物联网卡", "C07"},
		{"zh-CN", "二次号", "C04"},
		{"zh-CN", "captcha", "Y03"}, // asked in the one language, read in the other
		{"en", "收不到邮件", "V02"},
	}
	for _, tt := range tests {
		_, body := get(c, "/help/search?q="+url.QueryEscape(tt.query), tt.language)
		i := slices.IndexFunc(c.topics, func(tp topic) bool { return tp.id == tt.first })
		lines := strings.Split(body, "\n")
		if want := "found /help/" + c.topics[i].path() + " "; len(lines) < 2 || !strings.HasPrefix(lines[1], want) {
			t.Errorf("%q (%s): want %s first:\n%s", tt.query, tt.language, tt.first, body)
		}
	}
}

func TestSearchIsBounded(t *testing.T) {
	c := center(t, usual())
	for _, q := range []string{strings.Repeat("code ", 100_000), strings.Repeat("验", 100_000), "\xff\xfe", "<script>", strings.Repeat("'", 400), "the of and"} {
		status, body := get(c, "/help/search?q="+url.QueryEscape(q), "en")
		if status != 200 || strings.Count(body, "found ") > mostResults || len(body) > 10_000 {
			t.Errorf("query of %d bytes: status %d, %d bytes", len(q), status, len(body))
		}
	}
}

func FuzzSearch(f *testing.F) {
	c := center(f, usual())
	f.Add("code expired")
	f.Add("收不到 SMS 'x’")
	f.Fuzz(func(t *testing.T, q string) {
		clipped := clip(q)
		if len([]rune(clipped)) > mostQuery {
			t.Errorf("%d runes of a query are kept", len([]rune(clipped)))
		}
		if links := c.find("zh-Hans", clipped, mostResults); len(links) > mostResults {
			t.Errorf("%d results", len(links))
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	c := center(b, usual())
	for b.Loop() {
		c.find("en", "why don't I get the text message on my phone", mostResults)
	}
}
