package pages

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// resultPage says what a journey did, when that is more than a sign-in: what it
// means, and what to look through now. Its address holds nothing about an account,
// so that it can be opened again and by anybody.
type resultPage struct {
	*Frame
	Heading, Lead string
	Icon          string
	When          template.HTML // when it was done; empty: just now
	AccountID     string        // of the account that was looked for; empty: it is about something else
	Points        []string
	Primary       Way
	Rows          []Way
}

func (resultPage) file() string { return "result" }

// results are the endings that have a page: the result of the step done, and where
// it leads. Its words are page.result.<result>_title, _lead and _1, _2, _3.
var results = map[string]struct {
	icon     string
	first    string // address of the button; empty: the account page
	others   []string
	stranger bool // nobody is signed in at the end
}{
	"recovered": {icon: "circle-check", first: "/account/contacts", others: []string{"/account/security", "/account/devices", "/account/activity"}},
	"frozen":    {icon: "snowflake", first: "/unfreeze", others: []string{"/help/frozen-accounts/how-do-i-freeze-and-unfreeze"}, stranger: true},
	"unfrozen":  {icon: "lock-open", first: "/account/contacts", others: []string{"/account/security", "/account/devices", "/account/activity"}},
	"added":     {icon: "circle-check", first: "/account/contacts"},
	"changed":   {icon: "circle-check", first: "/account/contacts"},
	"removed":   {icon: "circle-check", first: "/account/contacts"},
	"kept":      {icon: "shield-check", first: "/account/contacts", stranger: true},
	"objected":  {icon: "snowflake", first: "/unfreeze", others: []string{"/help/lost-stolen-replaced/how-do-i-get-a-stolen-account-back"}, stranger: true},
}

// resultPath is the address of a result's page; empty if it has none.
func resultPath(result, returnTo string) string {
	if _, ok := results[result]; !ok {
		return ""
	}
	if returnTo == "" {
		return "/done/" + result
	}
	return "/done/" + result + "?return=" + url.QueryEscape(returnTo)
}

func (p *Pages) result(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("result")
	if _, ok := results[name]; !ok {
		return fault.NotFound
	}
	me, err := p.cfg.Session(r)
	if err != nil {
		return err
	}
	back, _ := httpd.ReturnPath(r.URL.Query().Get("return"))
	return p.write(w, http.StatusOK, p.resultView(p.frame(r, me), name, back))
}

// resultNames are the words of the addresses that results lead to.
var resultNames = map[string]Way{
	"/account": {Text: "page.account.title", Icon: "house"}, "/account/contacts": {Text: "page.result.to_contacts", Icon: "smartphone"},
	"/account/security": {Text: "page.result.to_security", Icon: "shield-check"}, "/account/devices": {Text: "page.result.to_devices", Icon: "monitor"},
	"/account/activity": {Text: "page.result.to_activity", Icon: "history"}, "/unfreeze": {Text: "page.result.to_unfreeze", Icon: "lock-open"},
}

func (p *Pages) resultView(f *Frame, name, back string) view {
	x := results[name]
	v := resultPage{Frame: f, Icon: x.icon, Heading: f.T("page.result." + name + "_title"), Lead: f.T("page.result." + name + "_lead")}
	for _, n := range []string{"_1", "_2", "_3"} {
		if key := "page.result." + name + n; f.has(key) {
			v.Points = append(v.Points, f.T(key))
		}
	}
	to := cmp.Or(x.first, "/account")
	v.Primary = Way{Href: to, Text: f.T(resultNames[to].Text)}
	for _, href := range x.others {
		way := Way{Href: href, Text: f.T("page.refusal_article"), Icon: "circle-help"}
		if named, ok := resultNames[href]; ok {
			way.Text, way.Icon = f.T(named.Text), named.Icon
		} else if !f.Article(href) {
			continue
		}
		v.Rows = append(v.Rows, way)
	}
	if !x.stranger {
		home := Way{Href: "/account", Text: f.T("page.account.title"), Icon: "house"}
		if back != "" && back != to {
			home = Way{Href: back, Text: f.T("page.result.go_on"), Icon: "arrow-right"}
		}
		v.Rows = append(v.Rows, home)
	}
	return v.named()
}

// found is the end of who only looked for the account ID. It is the answer to the
// last proof and stands at no address.
func (p *Pages) foundView(f *Frame, id string) view {
	v := resultPage{Frame: f, Icon: "circle-check", Heading: f.T("page.result.found_title"), Lead: f.T("page.result.found_lead"), AccountID: id,
		Primary: Way{Href: "/signin", Text: f.T("page.front.signin")}, Rows: []Way{{Href: "/recover", Text: f.T("page.result.to_recover"), Icon: "life-buoy"}}}
	return v.named()
}

func (v resultPage) named() resultPage {
	v.titled(v.Heading)
	return v
}
