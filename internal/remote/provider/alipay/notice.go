package alipay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// How old and how new a message may be. Alipay sends one again for about 25 hours
// with the time it had; what it says counts once by its ID (S-87).
const (
	noticeOld  = 26 * time.Hour
	noticeSkew = 5 * time.Minute
)

var thanks = &provider.Reply{Status: http.StatusOK, Type: "text/plain; charset=utf-8", Body: []byte("success")}

// Receive verifies and reads a message: a form, signed over all of it but sign,
// sign_type and alipay_cert_sn (opendocs.alipay.com, 异步通知验签). Which messages mean
// what is Config.NoticeMethods; the others are logged.
func (a *Alipay) Receive(_ context.Context, m provider.Message) (provider.Received, error) {
	form, err := url.ParseQuery(string(m.Body))
	if err != nil || m.Method != http.MethodPost || len(form) == 0 {
		return provider.Received{}, provider.Fail(provider.Malformed, "form")
	}
	for _, values := range form {
		if len(values) != 1 {
			return provider.Received{}, provider.Fail(provider.Malformed, "twice")
		}
	}
	signed := []byte(toSign(form, "sign", "sign_type", "alipay_cert_sn"))
	switch charset := strings.ToLower(form.Get("charset")); {
	case form.Get("sign_type") != "RSA2" || !a.keys.verify(signed, form.Get("sign"), form.Get("alipay_cert_sn")):
		return provider.Received{}, provider.Fail(provider.Untrusted, "sign")
	case form.Get("app_id") != a.config.AppID:
		return provider.Received{}, provider.Fail(provider.Untrusted, "app_id")
	case charset != "" && charset != "utf-8":
		return provider.Received{}, provider.Fail(provider.Malformed, "charset")
	}
	at, ok := sentAt(form)
	switch {
	case !ok:
		return provider.Received{}, provider.Fail(provider.Malformed, "time")
	case m.Now.Sub(at) > noticeOld, at.Sub(m.Now) > noticeSkew:
		return provider.Received{}, provider.Fail(provider.Untrusted, "time")
	}
	method := form.Get("msg_method")
	n := provider.Notice{Kind: provider.Unknown, Subjects: a.about(form), At: at, Raw: provider.Fail("", method).Native}
	if kind, known := a.config.NoticeMethods[method]; known && len(n.Subjects) > 0 {
		n.Kind = kind
	}
	id := form.Get("notify_id")
	if id == "" {
		id = string(signed)
	}
	sum := sha256.Sum256([]byte(method + "\x00" + id))
	n.ID = hex.EncodeToString(sum[:])
	return provider.Received{Notices: []provider.Notice{n}, Reply: thanks}, nil
}

// sentAt is when a message was made: milliseconds, or Beijing time.
func sentAt(form url.Values) (time.Time, bool) {
	if ms, ok := provider.Text(form.Get("utc_timestamp")).Int(); ok && ms > 0 {
		return time.UnixMilli(ms).UTC(), true
	}
	at, err := time.ParseInLocation(timeLayout, form.Get("notify_time"), beijing)
	return at.UTC(), err == nil
}

// about is whom a message is about: in the form, or in the JSON of biz_content.
func (a *Alipay) about(form url.Values) []provider.Subject {
	open, user := form.Get("open_id"), form.Get("user_id")
	var content struct {
		OpenID string `json:"open_id"`
		UserID string `json:"user_id"`
	}
	if provider.ReadObject([]byte(form.Get("biz_content")), &content) == nil {
		if other(open, content.OpenID) || other(user, content.UserID) {
			return nil
		}
		open, user = cmp.Or(open, content.OpenID), cmp.Or(user, content.UserID)
	}
	return a.subjects(open, user)
}

var (
	appID = regexp.MustCompile(`^20[0-9]{14}$`)
	pid   = regexp.MustCompile(`^2088[0-9]{12}$`)
)

// CheckOffline looks at the shapes of IDs, at the callback and at how long the
// certificates are still good.
func (a *Alipay) CheckOffline(now time.Time) error {
	var faults []error
	if !appID.MatchString(a.config.AppID) {
		faults = append(faults, errors.New("the APPID is not 16 digits that begin with 20"))
	}
	if a.config.PID != "" && !pid.MatchString(a.config.PID) {
		faults = append(faults, errors.New("the PID is not 16 digits that begin with 2088"))
	}
	for _, what := range slices.Sorted(maps.Keys(a.keys.ends)) {
		if ends := a.keys.ends[what]; !now.Before(ends) {
			faults = append(faults, fmt.Errorf("%s ended on %s", what, ends.Format(time.DateOnly)))
		}
	}
	if a.config.Callback != "" {
		if err := provider.CheckCallback(a.config.Callback); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// CheckOnline swaps a code that nobody was given: an Alipay that knows APPID and key
// says that the code is bad, and nothing else; where it signs that, its key is the
// one that was given too.
func (a *Alipay) CheckOnline(ctx context.Context) error {
	_, err := a.call(ctx, a.config.Wire, "alipay.system.oauth.token", url.Values{"grant_type": {"authorization_code"}, "code": {"selfsame-checks-its-settings"}})
	switch {
	case err == nil:
		return provider.Fail(provider.Malformed, "code_taken")
	case provider.ReasonOf(err) == provider.InvalidCode:
		return nil
	}
	return err
}
