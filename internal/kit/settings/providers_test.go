package settings

import (
	"strings"
	"testing"
)

// Half a registration, a name that is taken, a region that offers what there is not:
// each is told with its key.
func TestProvidersAreChecked(t *testing.T) {
	base := "public_url = \"https://id.example.com\"\noffered_regions = [\"intl\"]\n[database]\nurl = \"sqlite:/x\"\n[keys]\nfile = \"/k\"\npassphrase = \"correct horse battery\"\n[mail]\nhost = \"127.0.0.1\"\ntls = \"none\"\nfrom = \"a@example.com\"\n[[sms.routes]]\nname = \"m\"\nurl = \"https://c.example.com\"\ntoken = \"t\"\n"
	for text, key := range map[string]string{
		"[providers.google]\nweb_id = \"1\"":                                                                                          "providers.google.web_id",
		"[providers.wechat]\nin_app_secret = \"s\"":                                                                                   "providers.wechat.in_app_id",
		"[providers.wechat]\nmessage_token = \"s\"":                                                                                   "providers.wechat.message_token",
		"[providers.alipay]\napp_id = \"1\"\nprivate_key = \"k\"\napp_cert = \"c\"":                                                   "providers.alipay.app_cert",
		"[[providers.oidc]]\nname = \"apple\"\ntitle = \"A\"\nissuer = \"https://a.example.com\"\nclient_id = \"c\"":                  "providers.oidc[0].name",
		"[[providers.oidc]]\nname = \"w\"\ntitle = \"W\"\nissuer = \"http://w.example.com\"\nclient_id = \"c\"":                       "providers.oidc[0].issuer",
		"[regions.intl]\nproviders = [\"mars\"]":                                                                                      "regions.intl.providers",
		"[regions.intl]\nproviders_app = [\"qq\", \"qq\"]":                                                                            "regions.intl.providers_app",
		"[providers]\nwait_for = \"5s\"\n[providers.google]\nweb_id = \"1\"\nweb_secret = \"s\"\n[limits]\nrequest_deadline = \"4s\"": "providers.wait_for",
		"[providers]\nwait_for = \"1m\"":                                                                                              "providers.wait_for",
	} {
		_, err := Parse("s.toml", []byte(base+text+"\n"), Source{})
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", text, err)
		}
	}
	s, err := Parse("s.toml", []byte(base+"[providers.google]\nweb_id = \"1\"\nweb_secret = \"s\"\n[[providers.oidc]]\nname = \"works\"\ntitle = \"W\"\nissuer = \"https://w.example.com\"\nclient_id = \"c\"\n[regions.intl]\nproviders = [\"works\", \"google\"]\n"), Source{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Providers.On(), " "); got != "google works" {
		t.Errorf("on: %s", got)
	}
}
