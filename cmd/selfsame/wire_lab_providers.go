package main

import (
	"net/http"
	"net/url"

	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/lab/provider"
	"github.com/selfsame-id/selfsame/lab/provider/alipay"
	"github.com/selfsame-id/selfsame/lab/provider/apple"
	"github.com/selfsame-id/selfsame/lab/provider/facebook"
	"github.com/selfsame-id/selfsame/lab/provider/google"
	"github.com/selfsame-id/selfsame/lab/provider/qq"
	"github.com/selfsame-id/selfsame/lab/provider/wechat"
	"github.com/selfsame-id/selfsame/lab/provider/weibo"
)

// labVendors opens the seven vendors of the demo, registers this server with each, and
// writes what a person would have copied from their consoles into the settings.
func (b *site) labVendors(back http.RoundTripper) ([]provider.Vendor, error) {
	desk := func(name, title string) provider.Options {
		return provider.Options{Clock: b.Clock, Title: title, NoticeURL: b.set.PublicURL + "/hooks/federation/" + name, Transport: back, Log: b.Log}
	}
	base := func(name string) string { return b.set.PublicURL + "/lab/providers/" + name }
	app, p := b.set.Brand.Name, &b.set.Providers

	public, err := url.Parse(b.set.PublicURL)
	if err != nil {
		return nil, err
	}
	wx := wechat.Demo(app, public.Host)
	p.WeChat = settings.WeChat{Base: base("wechat"), Platform: "demo", MessageToken: settings.Secret(wx.Message.Token), MessageKey: settings.Secret(wx.Message.AESKey)}
	for _, a := range wx.Apps {
		switch a.Kind {
		case wechat.Web:
			p.WeChat.WebID, p.WeChat.WebSecret = a.ID, settings.Secret(a.Secret)
		case wechat.Account:
			p.WeChat.InAppID, p.WeChat.InAppSecret = a.ID, settings.Secret(a.Secret)
		case wechat.Mobile:
			p.WeChat.MobileID, p.WeChat.MobileSecret = a.ID, settings.Secret(a.Secret)
		}
	}
	wb := weibo.Demo(app, b.callback("weibo"))
	p.Weibo = settings.Weibo{Base: base("weibo"), ID: wb.Apps[0].ID, Secret: settings.Secret(wb.Apps[0].Secret)}
	tencent := qq.Demo(app, b.callback("qq"))
	p.QQ = settings.QQ{Base: base("qq"), Developer: "demo", WebID: tencent.Apps[0].ID, WebKey: settings.Secret(tencent.Apps[0].Key),
		MobileID: tencent.Apps[1].ID, MobileKey: settings.Secret(tencent.Apps[1].Key)}
	ali, keys, err := alipay.Demo(app, b.callback("alipay"), false)
	if err != nil {
		return nil, err
	}
	p.Alipay = settings.Alipay{Base: base("alipay"), AppID: keys.AppID, PID: keys.PID, PrivateKey: settings.Secret(keys.PrivateKey), PublicKey: settings.Secret(keys.PublicKey)}
	ap := apple.Demo(app, b.callback("apple"))
	p.Apple = settings.Apple{Base: base("apple"), TeamID: ap.TeamID, KeyID: ap.KeyID, PrivateKey: settings.Secret(ap.PrivateKey), ServiceID: ap.ServiceID, AppIDs: ap.AppIDs}
	gg := google.Demo(app, b.callback("google"))
	p.Google = settings.Google{Base: base("google"), WebID: gg.WebID, WebSecret: settings.Secret(gg.WebSecret), AppIDs: gg.AppIDs}
	fb := facebook.Demo(app, b.callback("facebook"))
	p.Facebook = settings.Facebook{Base: base("facebook"), AppID: fb.AppID, AppSecret: settings.Secret(fb.Secret), Version: p.Facebook.Version}
	return []provider.Vendor{
		wechat.New(desk("wechat", "WeChat 微信"), wx), weibo.New(desk("weibo", "Weibo 微博"), wb), qq.New(desk("qq", "QQ"), tencent), alipay.New(desk("alipay", "Alipay 支付宝"), ali),
		apple.New(desk("apple", "Apple"), ap), google.New(desk("google", "Google"), gg), facebook.New(desk("facebook", "Facebook"), fb),
	}, nil
}
