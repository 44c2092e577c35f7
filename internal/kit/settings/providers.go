package settings

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Providers are the third-party accounts that people can use. One whose ID is empty
// is off: nobody is shown it, and nothing that was linked through it opens anything.
type Providers struct {
	WaitFor          time.Duration `toml:"wait_for" min:"2s" max:"9s" doc:"How long one call to a provider may take before the person is offered another way."`
	PerNetworkMinute int           `toml:"per_network_minute" min:"10" max:"1000000" doc:"Sign-ins at providers from one address (IPv6: one /64) in a minute, and twenty times as many in an hour. Carriers put many people behind one address."`

	WeChat   WeChat         `toml:"wechat" doc:"WeChat. Website and mobile apps are registered at open.weixin.qq.com, the service account at mp.weixin.qq.com."`
	Weibo    Weibo          `toml:"weibo" doc:"Weibo, registered at open.weibo.com."`
	QQ       QQ             `toml:"qq" doc:"QQ, registered at connect.qq.com."`
	Alipay   Alipay         `toml:"alipay" doc:"Alipay, registered at open.alipay.com with the product that gives member information."`
	Apple    Apple          `toml:"apple" doc:"Sign in with Apple, registered at developer.apple.com."`
	Google   Google         `toml:"google" doc:"Google, registered at console.cloud.google.com."`
	Facebook Facebook       `toml:"facebook" doc:"Facebook, registered at developers.facebook.com."`
	OIDC     []OIDCProvider `toml:"oidc" doc:"Any other provider that speaks OpenID Connect."`
}

// WeChat has an app of its own for each place where people meet it.
type WeChat struct {
	WebID        string `toml:"web_id" eg:"wx0123456789abcdef" doc:"AppID of the website app: the QR page in any browser."`
	WebSecret    Secret `toml:"web_secret" eg:"/etc/selfsame/wechat-web-secret" doc:"Its AppSecret."`
	InAppID      string `toml:"in_app_id" eg:"wx1123456789abcdef" doc:"AppID of the service account: pages inside WeChat."`
	InAppSecret  Secret `toml:"in_app_secret" eg:"/etc/selfsame/wechat-in-app-secret" doc:"Its AppSecret."`
	MobileID     string `toml:"mobile_id" eg:"wx2123456789abcdef" doc:"AppID of the mobile app."`
	MobileSecret Secret `toml:"mobile_secret" eg:"/etc/selfsame/wechat-mobile-secret" doc:"Its AppSecret."`
	Platform     string `toml:"platform" eg:"my-open-platform" doc:"A name for the open-platform account that all of them are bound to, so that one person is one account in all. Never change it. Empty: each app knows people by itself."`
	MessageToken Secret `toml:"message_token" eg:"/etc/selfsame/wechat-token" doc:"Token of the message server, for revocations."`
	MessageKey   Secret `toml:"message_key" eg:"/etc/selfsame/wechat-aes-key" doc:"Its EncodingAESKey, 43 characters. Messages in plain are not taken."`

	Base string `toml:"-"` // of the lab
}

// Weibo is one app.
type Weibo struct {
	ID     string `toml:"id" eg:"1234567890" doc:"App Key."`
	Secret Secret `toml:"secret" eg:"/etc/selfsame/weibo-secret" doc:"App Secret."`

	Base string `toml:"-"`
}

// QQ has an app for the web and one for phones.
type QQ struct {
	WebID     string `toml:"web_id" eg:"100000001" doc:"APP ID of the website."`
	WebKey    Secret `toml:"web_key" eg:"/etc/selfsame/qq-web-key" doc:"Its APP Key."`
	MobileID  string `toml:"mobile_id" eg:"100000002" doc:"APP ID of the mobile app."`
	MobileKey Secret `toml:"mobile_key" eg:"/etc/selfsame/qq-mobile-key" doc:"Its APP Key."`
	Developer string `toml:"developer" eg:"my-developer-account" doc:"A name for the QQ Connect account that holds both, if it may see unionid. Never change it. Empty: each app knows people by itself."`

	Base string `toml:"-"`
}

// Alipay signs both ways.
type Alipay struct {
	AppID      string `toml:"app_id" eg:"2021000000000001" doc:"APPID, 16 digits."`
	PID        string `toml:"pid" eg:"2088000000000001" doc:"Partner ID (PID), for native apps."`
	PrivateKey Secret `toml:"private_key" eg:"/etc/selfsame/alipay-key.pem" doc:"Our RSA private key, 2048 bits, PEM or bare base64."`
	PublicKey  Secret `toml:"public_key" eg:"/etc/selfsame/alipay-public.pem" doc:"Alipay's public key. Leave it out in certificate mode."`
	AppCert    Secret `toml:"app_cert" eg:"/etc/selfsame/alipay-app.crt" doc:"Certificate mode: our app's certificate, PEM."`
	AlipayCert Secret `toml:"alipay_cert" eg:"/etc/selfsame/alipay-pub.crt" doc:"Certificate mode: Alipay's certificate, PEM."`
	RootCert   Secret `toml:"root_cert" eg:"/etc/selfsame/alipay-root.crt" doc:"Certificate mode: Alipay's root certificates, PEM."`
	Sandbox    bool   `toml:"sandbox" doc:"Use Alipay's sandbox."`

	Base string `toml:"-"`
}

// Apple signs with a key that we hold.
type Apple struct {
	TeamID      string   `toml:"team_id" eg:"ABCDE12345" doc:"Team ID, 10 characters."`
	KeyID       string   `toml:"key_id" eg:"FGHIJ67890" doc:"Key ID of the private key."`
	PrivateKey  Secret   `toml:"private_key" eg:"/etc/selfsame/AuthKey_FGHIJ67890.p8" doc:"The private key, .p8."`
	ServiceID   string   `toml:"service_id" eg:"com.example.web" doc:"Services ID: the client_id of pages."`
	AppIDs      []string `toml:"app_ids" eg:"[\"com.example.app\"]" doc:"Bundle IDs of native apps."`
	HashedNonce bool     `toml:"hashed_nonce" doc:"Native apps give Apple the SHA-256 of the nonce in hex, as many samples do. The nonce itself is taken too."`

	Base string `toml:"-"`
}

// Google has one project with a client for each platform.
type Google struct {
	WebID        string   `toml:"web_id" eg:"111-example.apps.googleusercontent.com" doc:"Client ID of the web client."`
	WebSecret    Secret   `toml:"web_secret" eg:"/etc/selfsame/google-secret" doc:"Its secret."`
	AppIDs       []string `toml:"app_ids" eg:"[\"222-example.apps.googleusercontent.com\"]" doc:"Client IDs of the Android and iOS apps of the same project."`
	HostedDomain string   `toml:"hosted_domain" eg:"example.com" doc:"Only accounts of this Workspace domain. Empty: everybody."`

	Base string `toml:"-"`
}

// Facebook is one app.
type Facebook struct {
	AppID     string `toml:"app_id" eg:"1234567890123456" doc:"App ID."`
	AppSecret Secret `toml:"app_secret" eg:"/etc/selfsame/facebook-secret" doc:"App Secret."`
	Version   string `toml:"version" doc:"Version of the Graph API; each lives about two years."`

	Base string `toml:"-"`
}

// OIDCProvider is a generic OpenID provider.
type OIDCProvider struct {
	Name         string   `toml:"name" required:"yes" eg:"works" doc:"Its name in addresses: the callback is /federation/works/callback. Never change it."`
	Title        string   `toml:"title" required:"yes" eg:"Example Works" doc:"Its name as people know it."`
	Issuer       string   `toml:"issuer" required:"yes" eg:"https://login.example.com" doc:"Issuer; its discovery document is read at the first use."`
	ClientID     string   `toml:"client_id" required:"yes" eg:"selfsame" doc:"Client ID."`
	ClientSecret Secret   `toml:"client_secret" eg:"/etc/selfsame/works-secret" doc:"Client secret. Empty: a public client with PKCE."`
	Scopes       []string `toml:"scopes" eg:"[\"profile\", \"email\"]" doc:"Scopes beside openid."`
	AppIDs       []string `toml:"app_ids" eg:"[\"selfsame-app\"]" doc:"Audiences of ID tokens that native apps hand over."`
}

// vendors are the names of the seven in addresses and regions.
var vendors = []string{"wechat", "weibo", "qq", "alipay", "apple", "google", "facebook"}

// On tells which providers are configured, by name.
func (p Providers) On() (names []string) {
	for name, id := range map[string]string{
		"wechat": p.WeChat.WebID + p.WeChat.InAppID + p.WeChat.MobileID, "weibo": p.Weibo.ID, "qq": p.QQ.WebID + p.QQ.MobileID, "alipay": p.Alipay.AppID,
		"apple": p.Apple.ServiceID + strings.Join(p.Apple.AppIDs, ""), "google": p.Google.WebID, "facebook": p.Facebook.AppID,
	} {
		if id != "" {
			names = append(names, name)
		}
	}
	for _, o := range p.OIDC {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return names
}

// providers are the rules about third-party accounts that one key alone cannot tell.
func (r *reader) providers(s *Settings) {
	p := s.Providers
	pair := func(key, id string, secret Secret) {
		if (id == "") != (secret == "") {
			r.fault("providers."+key, "has only one of ID and secret", "Give both, or neither to switch it off")
		}
	}
	pair("wechat.web_id", p.WeChat.WebID, p.WeChat.WebSecret)
	pair("wechat.in_app_id", p.WeChat.InAppID, p.WeChat.InAppSecret)
	pair("wechat.mobile_id", p.WeChat.MobileID, p.WeChat.MobileSecret)
	pair("wechat.message_token", p.WeChat.MessageToken.Reveal(), p.WeChat.MessageKey)
	pair("weibo.id", p.Weibo.ID, p.Weibo.Secret)
	pair("qq.web_id", p.QQ.WebID, p.QQ.WebKey)
	pair("qq.mobile_id", p.QQ.MobileID, p.QQ.MobileKey)
	pair("alipay.app_id", p.Alipay.AppID, p.Alipay.PrivateKey)
	pair("apple.team_id", p.Apple.TeamID, p.Apple.PrivateKey)
	pair("google.web_id", p.Google.WebID, p.Google.WebSecret)
	pair("facebook.app_id", p.Facebook.AppID, p.Facebook.AppSecret)
	if certs := []bool{p.Alipay.AppCert != "", p.Alipay.AlipayCert != "", p.Alipay.RootCert != ""}; slices.Contains(certs, true) && (slices.Contains(certs, false) || p.Alipay.PublicKey != "") {
		r.fault("providers.alipay.app_cert", "is half of certificate mode", "Give app_cert, alipay_cert and root_cert without public_key, or public_key alone")
	}
	if len(p.On()) > 0 && p.WaitFor >= s.Limits.Deadline {
		r.fault("providers.wait_for", "is no shorter than limits.request_deadline", "Make it at least a second shorter, so that people are told what happened")
	}
	names := slices.Clone(vendors)
	for i, o := range p.OIDC {
		key := "providers.oidc[" + itoa(i) + "]"
		if o.Name != "" && (!nameForm.MatchString(o.Name) || slices.Contains(names, o.Name)) {
			r.fault(key+".name", "is not a name of its own", "Use small letters, digits and dashes, each name once, none of "+strings.Join(vendors, ", "))
		}
		names = append(names, o.Name)
		r.outside(key+".issuer", o.Issuer)
	}
	for _, region := range slices.Sorted(maps.Keys(s.Regions)) {
		g := s.Regions[region]
		for _, key := range []string{"providers", "providers_app", "providers_setup"} {
			list := map[string][]string{"providers": g.Providers, "providers_app": g.ProvidersApp, "providers_setup": g.ProvidersSetup}[key]
			for i, name := range list {
				if !slices.Contains(names, name) || slices.Contains(list[:i], name) {
					r.fault("regions."+region+"."+key, name+" is not a provider, or stands twice", "Use "+strings.Join(names, ", ")+", each once")
				}
			}
		}
	}
}
