package qq

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

var (
	appID  = regexp.MustCompile(`^[1-9][0-9]{5,11}$`)
	appKey = regexp.MustCompile(`^[0-9A-Za-z]{16,64}$`)
)

// CheckOffline looks at the shapes of IDs and keys, and at the callback.
func (q *QQ) CheckOffline(time.Time) error {
	var faults []error
	for _, a := range q.config.apps() {
		if a.ID == "" {
			continue
		}
		if !appID.MatchString(a.ID) {
			faults = append(faults, fmt.Errorf("the APP ID of %s is not 6 to 12 digits", a.what))
		}
		if !appKey.MatchString(a.Key) {
			faults = append(faults, fmt.Errorf("the APP Key of %s is not 16 to 64 letters and digits", a.what))
		}
	}
	if q.config.Web.ID != "" && q.config.Web.ID == q.config.Mobile.ID {
		faults = append(faults, errors.New("the website and the mobile app have the same APP ID; QQ gives each its own"))
	}
	if q.config.Callback != "" && q.config.Web.ID != "" {
		if err := provider.CheckCallback(q.config.Callback); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// CheckOnline swaps a code that nobody was given: a QQ that knows APP ID and APP Key
// says that the code is bad, and nothing else. It cannot tell whether unionid may be
// seen: QQ says so at a person's token only.
func (q *QQ) CheckOnline(ctx context.Context) error {
	var faults []error
	for _, a := range q.config.apps() {
		if a.ID == "" {
			continue
		}
		_, err := q.ask(ctx, q.config.Wire, "/oauth2.0/token", url.Values{
			"grant_type": {"authorization_code"}, "client_id": {a.ID}, "client_secret": {a.Key},
			"code": {"selfsame-checks-its-settings"}, "redirect_uri": {q.config.Callback}, "fmt": {"json"},
		})
		f, ok := errors.AsType[*provider.Failure](err)
		switch {
		case ok && (f.Reason == provider.InvalidCode || f.Reason == provider.Replayed):
		case ok && f.Native == "100010" && (a.App != q.config.Web || q.config.Callback == ""):
			// ID and key are known; which callback is registered was not asked.
		case err == nil:
			faults = append(faults, fmt.Errorf("%s: %w", a.what, provider.Fail(provider.Malformed, "code_taken")))
		default:
			faults = append(faults, fmt.Errorf("%s: %w", a.what, err))
		}
	}
	return errors.Join(faults...)
}
