package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/walktest"
	"github.com/selfsame-id/selfsame/lab/provider/wechat"
)

// A simulator on its own: a person signs in without a browser, and a server swaps the
// code for who it was. docs/protocols/simulators.md shows the same.
func Example() {
	clock := new(walktest.Clock) // stands still until it is advanced
	sim := wechat.New(provider.Options{Clock: clock, Title: "WeChat"}, wechat.Config{Apps: []wechat.App{
		{ID: "wx0123456789abcdef", Secret: "secret", Kind: wechat.Web, Platform: "one", Domain: "app.test"},
	}})
	server := httptest.NewServer(sim) // stands for open.weixin.qq.com and api.weixin.qq.com
	defer server.Close()

	// The person picks who they are. A browser would show the page by GET first.
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := client.PostForm(server.URL+"/connect/qrconnect", url.Values{
		"appid": {"wx0123456789abcdef"}, "redirect_uri": {"https://app.test/callback"}, "response_type": {"code"},
		"scope": {"snsapi_login"}, "state": {"s1"}, "person": {"lilei"}, "decision": {"allow"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Body.Close()
	back, err := page.Location()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(back.Host, back.Query().Get("state"))

	// Your code does this: swap the code.
	swap := server.URL + "/sns/oauth2/access_token?grant_type=authorization_code&appid=wx0123456789abcdef&secret=secret&code=" + back.Query().Get("code")
	for range 2 {
		answer, err := http.Get(swap)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer answer.Body.Close()
		var token struct {
			Scope   string
			Errcode int
		}
		if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.Status, token.Scope, token.Errcode)
	}
	fmt.Println(len(sim.Desk().Requests()), "requests")
	// Output:
	// app.test s1
	// 200 OK snsapi_login 0
	// 200 OK  40163
	// 3 requests
}
