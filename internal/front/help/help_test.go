package help

import (
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/words"
)

// usual are facts like those of the defaults.
func usual() Facts {
	return Facts{
		Brand: "Selfsame",
		Code: CodeFacts{Length: 6, Life: 5 * time.Minute, Tries: 5,
			Resend: []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute},
			Sends:  []Window{{5, time.Hour}, {10, 24 * time.Hour}}, Wrong: []Window{{10, time.Hour}, {30, 24 * time.Hour}}},
		Password: PasswordFacts{Min: 8, Max: 256},
		Session:  SessionFacts{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour, Fresh: 10 * time.Minute},
		Captcha:  CaptchaFacts{After: 3, PictureAfter: 10},
		Proof: ProofFacts{Young: 72 * time.Hour, Wait: 24 * time.Hour, GuardedWait: 72 * time.Hour, RestoreFor: 14 * 24 * time.Hour, WeakFreeze: 24 * time.Hour,
			TrustFor: 90 * 24 * time.Hour, Silence: 180 * 24 * time.Hour, Codes: 10, Prompts: 3, QuestionsOn: true, Questions: 3, Answers: 3},
		JourneyLife: 30 * time.Minute,
		Regions: []RegionFacts{
			{ID: "cn", Phone: true, Contact: "phone", Providers: []string{"wechat", "weibo", "qq", "alipay", "apple"}, AppProviders: []string{"wechat", "qq"}, SetupProviders: []string{"wechat"}, Elsewhere: true},
			{ID: "intl", Phone: true, Email: true, Contact: "email", Providers: []string{"google", "facebook", "apple"}, AppProviders: []string{"google"}, SetupProviders: []string{"google"}, Elsewhere: true},
		},
		Home: "CN",
		Ranges: map[string][]Range{
			"CN": {{86, "10647", "13"}, {86, "140", "13"}}, "NL": {{31, "97", "11"}}, "IN": {{91, "*", "13"}},
			"": {{882, "*", "4-15"}},
		},
	}
}

// plainly renders a page as plain lines; it stands in for the site's layout.
func plainly(w http.ResponseWriter, _ *http.Request, page Page) error {
	w.WriteHeader(page.Status())
	switch p := page.(type) {
	case Index:
		for _, s := range p.Sections {
			fmt.Fprintf(w, "section %s %s\n", s.Slug, s.Title)
			for _, a := range s.Articles {
				fmt.Fprintf(w, "article %s %s\n", a.Href, a.Title)
			}
		}
	case Article:
		fmt.Fprintf(w, "%s (%s, %s)\n%s\n", p.Title, p.Lang, p.Section, p.HTML)
		for _, a := range p.Related {
			fmt.Fprintf(w, "related %s %s\n", a.Href, a.Title)
		}
	case Results:
		fmt.Fprintf(w, "query %s\n", p.Query)
		for _, a := range p.Results {
			fmt.Fprintf(w, "found %s %s: %s\n", a.Href, a.Title, a.Excerpt)
		}
	case Missing:
		for _, a := range p.Results {
			fmt.Fprintf(w, "perhaps %s\n", a.Href)
		}
	}
	return nil
}

func center(t testing.TB, f Facts) *Center {
	t.Helper()
	c, err := New(Options{Words: words.Book(), Facts: f, Render: plainly})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(c *Center, target, language string) (status int, body string) {
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestRegistryHoldsTheQuestions(t *testing.T) {
	want := map[byte]int{'A': 1, 'C': 8, 'S': 5, 'O': 1, 'D': 3, 'P': 13, 'W': 4, 'V': 5, 'L': 4, 'R': 11, 'Q': 3, 'X': 3, 'Y': 5, 'F': 4, 'Z': 13}
	got := map[byte]int{}
	ids, paths := map[string]bool{}, map[string]bool{}
	for _, tp := range registry() {
		got[tp.id[0]]++
		if ids[tp.id] || paths[tp.path()] {
			t.Errorf("%s %s stands twice", tp.id, tp.path())
		}
		ids[tp.id], paths[tp.path()] = true, true
		if !regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+$`).MatchString(tp.path()) {
			t.Errorf("%s: %q is no address", tp.id, tp.path())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, tp := range registry() {
		for _, id := range tp.related {
			if !ids[id] || id == tp.id {
				t.Errorf("%s is related to %s", tp.id, id)
			}
		}
	}
}

// promised are the topics whose behavior exists and which must be answered.
var promised = strings.Fields(`A01 C01 C03 C04 C05 C06 C07 C08 S01 S02 S03 S04 O01 W01 W02 W03 W04 V01 V02 V03 V04 V05 L01 L02 L03 L04 R01 R02 R03 R04 R05 R06 R07 R08 R09 R10 R11
	Q01 Q02 Q03 X01 X02 X03 Y01 Y02 Y03 Y04 Y05 F01 F02 F04 Z01 D03`)

func TestEveryWrittenTopicIsInEveryLanguage(t *testing.T) {
	c := center(t, usual())
	for _, id := range promised {
		if !c.written[id] {
			t.Errorf("%s has no article", id)
		}
	}
	for id := range c.written {
		for _, l := range words.Book().Tags() {
			if a := c.articles[articleKey{l, id}]; a == nil || a.lang != l {
				t.Errorf("%s has no article in %s", id, l)
			}
		}
	}
}

func TestArticlesHaveTheirShape(t *testing.T) {
	c := center(t, usual())
	for key, a := range c.articles {
		where := string(key.lang) + "/" + a.topic.path()
		most, least := 3600, 300 // characters of a screen and a half
		if key.lang == "zh-Hans" {
			most, least = 1300, 120
		}
		size := len([]rune(a.title + a.headings + a.body))
		if size > most || size < least {
			t.Errorf("%s: %d characters, want %d to %d", where, size, least, most)
		}
		if !strings.HasSuffix(a.title, "?") && !strings.HasSuffix(a.title, "？") {
			t.Errorf("%s: the title %q is not a question", where, a.title)
		}
		if !strings.HasPrefix(string(a.html), "<p>") {
			t.Errorf("%s does not begin with the answer", where)
		}
		if !strings.Contains(string(a.html), "<ol>") {
			t.Errorf("%s has no numbered steps", where)
		}
		wayOut := map[locale.Tag]string{"en": "What (if|I|you)|If |How to tell|doesn't work", "zh-Hans": "如果|怎样"}[key.lang]
		if !regexp.MustCompile(wayOut).MatchString(a.headings + a.body) {
			t.Errorf("%s does not say what to do if it doesn't work", where)
		}
		for _, bad := range []string{"!", "！", "您", "{{", "<no value>", "[]", "Oops", "**", "](", "\\"} {
			if strings.Contains(strings.ReplaceAll(a.title+a.body+a.headings, "****", ""), bad) {
				t.Errorf("%s contains %q", where, bad)
			}
		}
	}
}

// pages are the addresses outside the help center that articles may link to.
var pages = strings.Fields(`/signin /signup /signout /recover /freeze /unfreeze /help
	/account /account/contacts /account/security /account/password /account/devices /account/linked /account/activity /account/notices`)

func TestLinksInsideArticlesResolve(t *testing.T) {
	c := center(t, usual())
	href := regexp.MustCompile(`href="([^"]*)"`)
	seen := 0
	for key, a := range c.articles {
		for _, m := range href.FindAllStringSubmatch(string(a.html), -1) {
			seen++
			u, err := url.Parse(html.UnescapeString(m[1]))
			if err != nil {
				t.Errorf("%s %s: %v", key.lang, key.id, err)
				continue
			}
			path, inside := strings.CutPrefix(u.Path, "/help/")
			if inside && c.Has(path) || !inside && slices.Contains(pages, u.Path) {
				continue
			}
			t.Errorf("%s %s links to %s", key.lang, key.id, m[1])
		}
	}
	if seen < 100 {
		t.Errorf("only %d links were seen", seen)
	}
}

func TestBothLanguagesLinkToTheSame(t *testing.T) {
	c := center(t, usual())
	href := regexp.MustCompile(`href="([^"]*)"`)
	for id := range c.written {
		links := func(l locale.Tag) []string {
			var all []string
			for _, m := range href.FindAllStringSubmatch(string(c.articles[articleKey{l, id}].html), -1) {
				all = append(all, m[1])
			}
			slices.Sort(all)
			return slices.Compact(all)
		}
		if diff := cmp.Diff(links("en"), links("zh-Hans")); diff != "" {
			t.Errorf("%s (-en +zh-Hans):\n%s", id, diff)
		}
	}
}

// walk calls f with the text of every source file of the repository with one of the endings.
func walk(t *testing.T, f func(path, text string), endings ...string) {
	t.Helper()
	for _, root := range []string{"../../../internal", "../../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !slices.Contains(endings, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			f(path, string(text))
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// constant finds the text of a constant in the sources of a folder.
func constant(t *testing.T, dir, name string) string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if value := regexp.MustCompile(`\b` + name + `\s*=\s*"([^"]*)"`).FindSubmatch(text); value != nil {
			return string(value[1])
		}
	}
	return ""
}

func TestEveryFaultLeadsToAWrittenArticle(t *testing.T) {
	c := center(t, usual())
	declaration := regexp.MustCompile(`\bDeclare\(\s*"([a-z0-9_]+)",\s*[\w.]+,\s*(?:"([^"]*)"|(\w+))`)
	seen := 0
	walk(t, func(path, text string) {
		for _, m := range declaration.FindAllStringSubmatch(text, -1) {
			seen++
			topic := m[2]
			if m[3] != "" { // a constant of the same package
				topic = constant(t, filepath.Dir(path), m[3])
			}
			if !c.Has(topic) {
				t.Errorf("%s: %s leads to %q, which is not a written article", path, m[1], topic)
			}
		}
	}, ".go")
	if seen == 0 {
		t.Error("no declaration was found")
	}
}

func TestEveryPageLinksToWrittenArticles(t *testing.T) {
	c := center(t, usual())
	address := regexp.MustCompile(`["(` + "`" + `]/help/([a-z0-9-]+/[a-z0-9-]+)`)
	walk(t, func(path, text string) {
		for _, m := range address.FindAllStringSubmatch(text, -1) {
			if !c.Has(m[1]) {
				t.Errorf("%s links to /help/%s, which is not a written article", path, m[1])
			}
		}
	}, ".go", ".html", ".tmpl", ".toml", ".js")
}

// TestNumbersComeFromConfiguration fills in numbers that no text could hold by
// itself and looks for each of them.
func TestNumbersComeFromConfiguration(t *testing.T) {
	unusual := Facts{
		Brand: "Zanzibar *& Co*",
		Code: CodeFacts{Length: 9, Life: 17 * time.Minute, Tries: 13, Resend: []time.Duration{77 * time.Second, 19 * time.Minute},
			Sends: []Window{{23, 7 * time.Hour}, {41, 53 * time.Hour}}, Wrong: []Window{{61, 11 * time.Hour}}},
		Password: PasswordFacts{Min: 21, Max: 333, Page: "/account/security"},
		Session:  SessionFacts{Idle: 38 * 24 * time.Hour, Absolute: 83 * 24 * time.Hour, Fresh: 29 * time.Minute},
		Captcha:  CaptchaFacts{After: 14, PictureAfter: 37},
		Proof: ProofFacts{Young: 5 * 24 * time.Hour, Wait: 27 * time.Hour, GuardedWait: 7 * 24 * time.Hour, RestoreFor: 15 * 24 * time.Hour, WeakFreeze: 28 * time.Hour,
			TrustFor: 94 * 24 * time.Hour, Silence: 184 * 24 * time.Hour, Codes: 16, Prompts: 18, QuestionsOn: true, Questions: 19, Answers: 22},
		JourneyLife: 43 * time.Minute,
		Silence:     91 * 24 * time.Hour,
		Regions:     []RegionFacts{{ID: "atlantis", Email: true, Contact: "phone", Providers: []string{"facebook", "club"}, AppProviders: []string{"qq"}, SetupProviders: []string{"weibo"}, Elsewhere: true}},
		Titles:      map[string]string{"club": "Rowing *Club*"},
		Home:        "SE",
		Ranges:      map[string][]Range{"SE": {{46, "71999", "12-14"}}, "NL": {{31, "97", "11"}}},
		Services:    []string{"Bazaar", "Forum"},
	}
	want := map[string][]string{ // topic: what must stand there in English
		"A01": {"Zanzibar *& Co*", "17 minutes", "Bazaar and Forum"},
		"C01": {"9 digits", "17 minutes", "21 characters", "atlantis: with an e-mail address"},
		"C03": {"atlantis: Facebook and Rowing *Club*"}, "S02": {"atlantis: Facebook and Rowing *Club*", "QQ", "Weibo"}, "L02": {"atlantis: Facebook and Rowing *Club*"},
		"C04": {"91 days"},
		"C07": {"Sweden", "+46 71999", "12-14 digits", "Netherlands"},
		"S01": {"9 digits", "17 minutes", "83 days", "38 days"},
		"S03": {"43 minutes"},
		"S04": {"38 days"},
		"R03": {"5 days"}, "R04": {"5 days"}, "R05": {"5 days"}, "R06": {"5 days"}, "R08": {"5 days"}, "R10": {"5 days", "atlantis: a phone number"}, "R11": {"5 days"},
		"W04": {"16 codes", "27 hours to 7 days"},
		"Q01": {"19 questions", "22 tries"}, "Q02": {"5 days"}, "Q03": {"22 tries", "5 days"},
		"Y01": {"184 days", "29 minutes"}, "Y02": {"9 digits", "16 that you kept", "27 hours", "7 days", "5 days"}, "Y04": {"16 recovery codes", "94 days", "18 times", "7 days"},
		"F01": {"28 hours", "27 hours", "7 days"}, "F02": {"27 hours to 7 days"},
		"X01": {"15 days", "27 hours to 7 days", "5 days"}, "X03": {"5 days", "15 days"}, "Z01": {"184 days"}, "D03": {"5 days"},
		"O01": {"38 days", "83 days"},
		"R01": {"29 minutes"},
		"R02": {"29 minutes"},
		"R07": {"29 minutes"},
		"V01": {"77 seconds and 19 minutes"},
		"V02": {"77 seconds and 19 minutes", "17 minutes"},
		"V03": {"23 codes in 7 hours, 41 codes in 53 hours", "61 wrong codes in 11 hours", "77 seconds and 19 minutes", "17 minutes"},
		"V04": {"23 codes in 7 hours, 41 codes in 53 hours", "77 seconds and 19 minutes"},
		"V05": {"13 tries", "13 wrong codes", "17 minutes", "9 digits"},
		"W01": {"21 characters", "333", "7 days"},
		"Y03": {"14 wrong passwords", "37 wrong passwords"},
		"Y05": {"9 digits"},
	}
	han := map[string][]string{
		"A01": {"Zanzibar *& Co*", "17 分钟", "Bazaar和Forum"}, "C01": {"9 位", "17 分钟", "21 个字符", "atlantis：用邮箱创建"},
		"C03": {"atlantis：Facebook和Rowing *Club*"}, "S02": {"atlantis：Facebook和Rowing *Club*", "QQ", "微博"}, "L02": {"atlantis：Facebook和Rowing *Club*"},
		"C04": {"91 天"}, "C07": {"瑞典", "+46 71999", "12-14 位", "荷兰"}, "S01": {"9 位", "17 分钟", "83 天", "38 天"},
		"S03": {"43 分钟"}, "S04": {"38 天"}, "O01": {"38 天", "83 天"}, "R01": {"29 分钟"}, "R02": {"29 分钟"}, "R07": {"29 分钟"},
		"V01": {"77 秒和19 分钟"}, "V02": {"77 秒和19 分钟", "17 分钟"},
		"V03": {"7 小时 23 条、53 小时 41 条", "11 小时内输错 61 次", "77 秒和19 分钟", "17 分钟"},
		"V04": {"7 小时 23 条、53 小时 41 条", "77 秒和19 分钟"}, "V05": {"试 13 次", "输错 13 次", "17 分钟", "9 位"},
		"W01": {"21 个字符", "333 个", "7 天"},
		"R03": {"5 天"}, "R04": {"5 天"}, "R05": {"5 天"}, "R06": {"5 天"}, "R08": {"5 天"}, "R10": {"5 天", "atlantis：手机号"}, "R11": {"5 天"},
		"W04": {"16 个", "27 小时到 7 天"}, "Q01": {"19 个问题", "22 次"}, "Q02": {"5 天"}, "Q03": {"22 次", "5 天"},
		"Y01": {"184 天", "29 分钟"}, "Y02": {"9 位", "16 个之一", "27 小时", "7 天", "5 天"}, "Y04": {"16 个恢复码", "94 天", "18 次", "7 天"},
		"F01": {"28 小时", "27 小时", "7 天"}, "F02": {"27 小时到 7 天"},
		"X01": {"15 天", "27 小时到 7 天", "5 天"}, "X03": {"5 天", "15 天"}, "Z01": {"184 天"}, "D03": {"5 天"}, "Y03": {"14 次", "37 次"}, "Y05": {"9 位"},
	}
	c := center(t, unusual)
	tag := regexp.MustCompile(`<[^>]*>`)
	for l, all := range map[locale.Tag]map[string][]string{"en": want, "zh-Hans": han} {
		for id, texts := range all {
			page := html.UnescapeString(tag.ReplaceAllString(string(c.articles[articleKey{l, id}].html), ""))
			for _, s := range texts {
				if !strings.Contains(page, s) {
					t.Errorf("%s %s does not say %q:\n%s", l, id, s, page)
				}
			}
		}
	}
}

// TestNoNumberIsWrittenOut looks for numbers in the articles' sources that
// should have been places.
func TestNoNumberIsWrittenOut(t *testing.T) {
	place := regexp.MustCompile(`\{\{[^}]*\}\}|topic:\w+|\(/[^)]*\)|M2M|2-step|\b\d\. `)
	number := regexp.MustCompile(`\d+`)
	allowed := []string{"12", "86", "138", "8000", "0"} // digits of an account ID; an example of a masked number; a leading 0
	err := fs.WalkDir(house(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(house(), path)
		source := string(text)
		if rest, is := strings.CutPrefix(source, "keywords: "); is {
			_, source, _ = strings.Cut(rest, "\n")
		}
		for _, n := range number.FindAllString(place.ReplaceAllString(source, ""), -1) {
			if !slices.Contains(allowed, n) {
				t.Errorf("%s says %s by itself", path, n)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPages(t *testing.T) {
	c := center(t, usual())
	tests := []struct {
		target, language string
		status           int
		want, not        []string
	}{
		{"/help", "en", 200, []string{"section verification-codes Verification codes", "article /help/verification-codes/why-is-my-code-unusable Why is my code unusable?"}, []string{"appeals"}},
		{"/help/", "zh-CN,zh;q=0.9", 200, []string{"section verification-codes 验证码", "为什么验证码不能用？"}, nil},
		{"/help/verification-codes/why-is-my-code-unusable", "en", 200, []string{"Why is my code unusable? (en, Verification codes)", "<p>The page says which", "related /help/verification-codes/when-can-i-ask-again"}, nil},
		{"/help/verification-codes/why-is-my-code-unusable", "zh-Hans", 200, []string{"为什么验证码不能用？ (zh-Hans, 验证码)"}, nil},
		{"/help/verification-codes/why-is-my-code-unusable/", "en", 200, []string{"Why is my code unusable?"}, nil},
		{"/help/appeals/how-do-i-submit-an-appeal", "en", 404, nil, []string{"How do I submit"}},
		{"/help/verification-codes/code-expired", "en", 404, []string{"perhaps /help/verification-codes/why-is-my-code-unusable"}, nil},
		{"/help/../../etc/passwd", "en", 404, nil, nil},
		{"/help/creating-an-account/what-is-an-iot-sim", "en", 200, []string{"<strong>China</strong>", "+86 10647…, 13 digits after +86", "?country=NL"}, []string{"?country=CN"}},
		{"/help/creating-an-account/what-is-an-iot-sim?country=IN", "en", 200, []string{"<strong>India</strong>", "+91 followed by 13 digits", "?country=CN"}, []string{"10647"}},
		{"/help/creating-an-account/what-is-an-iot-sim?country=%3Cscript%3E", "en", 200, []string{"China"}, []string{"script"}},
		{"/help/search", "en", 200, []string{"query \n"}, []string{"found"}},
	}
	for _, tt := range tests {
		status, body := get(c, tt.target, tt.language)
		if status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.target, status, tt.status)
		}
		for _, s := range tt.want {
			if !strings.Contains(body, s) {
				t.Errorf("%s (%s) lacks %q:\n%s", tt.target, tt.language, s, body)
			}
		}
		for _, s := range tt.not {
			if strings.Contains(body, s) {
				t.Errorf("%s (%s) should not say %q:\n%s", tt.target, tt.language, s, body)
			}
		}
	}
}

func TestTopic_C07_TheRangesAreThoseOfTheReadersCountry(t *testing.T) {
	for country, want := range map[string]string{"NL": "+31 97…", "": "+86 10647…", "BR": "We know of no such numbers in your country."} {
		c, err := New(Options{Words: words.Book(), Facts: usual(), Render: plainly, Country: func(*http.Request) string { return country }})
		if err != nil {
			t.Fatal(err)
		}
		_, body := get(c, "/help/creating-an-account/what-is-an-iot-sim", "en")
		for _, want := range []string{want, "+882 followed by 4-15 digits", "what-is-an-iot-sim?country=IN"} {
			if !strings.Contains(body, want) {
				t.Errorf("for a reader in %q it does not say %q:\n%s", country, want, body)
			}
		}
		if strings.Contains(body, "country=\"") {
			t.Errorf("for a reader in %q it leads to a country without a name:\n%s", country, body)
		}
	}
}

func TestNewReportsFaults(t *testing.T) {
	tests := []struct{ name, file, text, want string }{
		{"no title", "en/about/what-is-this-account.md", "Hello\n", "the first line is not"},
		{"unknown place", "en/about/what-is-this-account.md", "# A?\n{{.Nothing}}\n", "Nothing"},
		{"dead link", "en/about/what-is-this-account.md", "# A?\n[x](topic:P01)\n", "P01, which is not written"},
		{"raw HTML", "en/about/what-is-this-account.md", "# A?\n<script>x</script>\n", "raw HTML"},
		{"no topic", "en/about/strange.md", "# A?\nx\n", "belongs to no topic"},
		{"no original", "zh-Hans/about/what-is-this-account.md", "# A?\nx\n", "has no English original"},
	}
	for _, tt := range tests {
		files := fstest.MapFS{tt.file: {Data: []byte(tt.text)}}
		if _, err := New(Options{Words: words.Book(), Facts: usual(), Render: plainly, Articles: files}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestMarkdownFromConfigurationIsText(t *testing.T) {
	f := usual()
	f.Brand = `<script>alert(1)</script> [x](javascript:alert(1))`
	page := string(center(t, f).articles[articleKey{"en", "A01"}].html)
	if strings.Contains(page, "<script") || strings.Contains(page, "javascript:alert(1)\"") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error(page)
	}
}

func TestUntranslatedArticlesAreShownInEnglish(t *testing.T) {
	files := fstest.MapFS{"en/about/what-is-this-account.md": {Data: []byte("# What?\nThis.\n")}}
	c, err := New(Options{Words: words.Book(), Facts: usual(), Render: plainly, Articles: files})
	if err != nil {
		t.Fatal(err)
	}
	if _, body := get(c, "/help/about/what-is-this-account", "zh-CN"); !strings.HasPrefix(body, "What? (en, 关于账号)") {
		t.Error(body)
	}
}

func BenchmarkNew(b *testing.B) {
	book := words.Book()
	for b.Loop() {
		if _, err := New(Options{Words: book, Facts: usual(), Render: plainly}); err != nil {
			b.Fatal(err)
		}
	}
}
