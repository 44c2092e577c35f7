package weibo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Receive reads the request to the 取消授权回调页: which app, who, when. Nobody signs it,
// so that what it says is a hint (S-87).
func (w *Weibo) Receive(_ context.Context, m provider.Message) (provider.Received, error) {
	said := m.Query
	if m.Method == http.MethodPost {
		form, err := url.ParseQuery(string(m.Body))
		if err != nil || len(m.Body) > 0 && len(m.Query) > 0 {
			return provider.Received{}, provider.Fail(provider.Malformed, "form")
		}
		if len(form) > 0 {
			said = form
		}
	}
	source, ok := provider.One(said, "source")
	uid, ok2 := provider.One(said, "uid")
	switch {
	case !ok || !ok2 || !isUID(provider.Text(uid)):
		return provider.Received{}, provider.Fail(provider.Malformed, "uid")
	case source != w.config.ID:
		return provider.Received{}, provider.Fail(provider.Untrusted, "source")
	}
	end, _ := provider.One(said, "auth_end") // without it the message is as old as it is here
	sum := sha256.Sum256([]byte("cancel\x00" + uid + "\x00" + end))
	n := provider.Notice{
		ID: hex.EncodeToString(sum[:]), Kind: provider.Revoked, Subjects: []provider.Subject{{Scope: "global", Value: uid}},
		At: m.Now, Raw: "cancel", Hint: true,
	}
	if s, ok := provider.Text(end).Int(); ok && s > 0 && time.Unix(s, 0).Before(m.Now) {
		n.At = time.Unix(s, 0).UTC()
	}
	return provider.Received{Notices: []provider.Notice{n}}, nil
}

// Gone asks whether the kept token was taken back. A token that is merely over is no
// sign of it.
func (w *Weibo) Gone(ctx context.Context, g provider.Grant) (bool, error) {
	if !provider.CheckOpaque(g.Token) {
		return false, nil
	}
	_, err := w.info(ctx, g.Token)
	switch f, ok := errors.AsType[*provider.Failure](err); {
	case err == nil, ok && f.Reason == provider.Expired:
		return false, nil
	case ok && revoked[f.Native]:
		return true, nil
	default:
		return false, err
	}
}

var (
	appKey    = regexp.MustCompile(`^[1-9][0-9]{5,11}$`)
	appSecret = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// CheckOffline looks at the shapes of App Key and App Secret, and at the callback.
func (w *Weibo) CheckOffline(time.Time) error {
	var faults []error
	if !appKey.MatchString(w.config.ID) {
		faults = append(faults, errors.New("the App Key is not 6 to 12 digits"))
	}
	if !appSecret.MatchString(w.config.Secret) {
		faults = append(faults, errors.New("the App Secret is not 32 digits of 0-9a-f"))
	}
	if w.config.Callback != "" {
		if err := provider.CheckCallback(w.config.Callback); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// CheckOnline swaps a code that nobody was given: a Weibo that knows App Key, App
// Secret and callback says that the code is bad, and nothing else.
func (w *Weibo) CheckOnline(ctx context.Context) error {
	callback := w.config.Callback
	if callback == "" {
		callback = "https://api.weibo.com/oauth2/default.html" // that of apps without a page
	}
	_, err := w.post(ctx, "/oauth2/access_token", url.Values{
		"client_id": {w.config.ID}, "client_secret": {w.config.Secret}, "grant_type": {"authorization_code"},
		"code": {"selfsame-checks-its-settings"}, "redirect_uri": {callback},
	})
	f, ok := errors.AsType[*provider.Failure](err)
	switch {
	case ok && f.Reason == provider.InvalidCode:
		return nil
	case ok && f.Native == "21322" && w.config.Callback == "":
		return nil // ID and secret are known; which callback is registered was not asked
	case ok && f.Native == "21322":
		return fmt.Errorf("the callback is not the one that is registered: %w", err)
	case err == nil:
		return provider.Fail(provider.Malformed, "code_taken")
	}
	return err
}
