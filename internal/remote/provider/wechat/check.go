package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

var (
	appID   = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	secret  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	token   = regexp.MustCompile(`^[0-9A-Za-z]{3,32}$`)
	portEnd = regexp.MustCompile(`:[0-9]+$`)
)

// CheckOffline looks at the shapes of IDs and secrets, and at the callback: WeChat
// knows a domain without a port.
func (w *WeChat) CheckOffline(time.Time) error {
	var faults []error
	seen := map[string]bool{}
	for _, a := range w.config.apps() {
		switch {
		case a.ID == "":
			continue
		case !appID.MatchString(a.ID):
			faults = append(faults, fmt.Errorf("the AppID of %s is not wx and 16 digits of 0-9a-f", a.what))
		case seen[a.ID]:
			faults = append(faults, fmt.Errorf("the AppID of %s is that of another app too", a.what))
		}
		seen[a.ID] = true
		if !secret.MatchString(a.Secret) {
			faults = append(faults, fmt.Errorf("the AppSecret of %s is not 32 digits of 0-9a-f", a.what))
		}
	}
	if w.config.Message.Token != "" && !token.MatchString(w.config.Message.Token) {
		faults = append(faults, errors.New("the Token of the message server is not 3 to 32 letters and digits"))
	}
	if c := w.config.Callback; c != "" && (w.config.Web.ID != "" || w.config.InApp.ID != "") {
		if err := provider.CheckCallback(c); err != nil {
			faults = append(faults, err)
		} else if u, _ := url.Parse(c); portEnd.MatchString(u.Host) && !strings.HasSuffix(u.Host, ":443") {
			faults = append(faults, errors.New("WeChat takes a callback domain without a port only"))
		}
	}
	return errors.Join(faults...)
}

// CheckOnline swaps a code that nobody was given: a WeChat that knows AppID and secret
// says that the code is bad, and nothing else. It cannot tell whether the domain is
// registered, or whether the apps are bound to one open-platform account.
func (w *WeChat) CheckOnline(ctx context.Context) error {
	var faults []error
	for _, a := range w.config.apps() {
		if a.ID == "" {
			continue
		}
		_, err := w.ask(ctx, w.config.Wire, "/sns/oauth2/access_token", url.Values{
			"appid": {a.ID}, "secret": {a.Secret}, "code": {"selfsame-checks-its-settings"}, "grant_type": {"authorization_code"},
		})
		switch provider.ReasonOf(err) {
		case provider.InvalidCode, provider.Expired, provider.Replayed:
		default:
			if err == nil {
				err = provider.Fail(provider.Malformed, "code_taken")
			}
			faults = append(faults, fmt.Errorf("%s: %w", a.what, err))
		}
	}
	return errors.Join(faults...)
}
