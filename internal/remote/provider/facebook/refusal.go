package facebook

import (
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/idtoken"
)

// place is where an error came up: the same code means something else there.
type place int

const (
	inSwap place = iota // a code is swapped
	inCall              // a call with a token
	inApp               // a call with the app's own token
	inData              // the state of somebody's token
)

// graphError is an error of the Graph API ("Handle Errors").
type graphError struct {
	Message   idtoken.Hint  `json:"message"` // read for what no code tells, shown to nobody
	Code      provider.Text `json:"code"`
	Subcode   provider.Text `json:"error_subcode"`
	Inner     provider.Text `json:"subcode"` // its name in what debug_token says
	Transient idtoken.True  `json:"is_transient"`
}

// refused reads why an answer is none; nil: it is one. Facebook names its limits with
// status 403, and faults of its own with any.
func refused(a provider.Answer, in place, now time.Time) error {
	var body struct {
		Error *graphError `json:"error"`
	}
	readable := a.Object(&body) == nil
	if readable && body.Error != nil {
		f := body.Error.failure(in)
		if down := a.Down(now); down != nil {
			f.RetryAt = down.RetryAt
		}
		return f
	}
	if down := a.Down(now); down != nil {
		return down
	}
	if a.Status >= 400 {
		return provider.Fail(provider.Malformed, "no_error")
	}
	return nil
}

func (e *graphError) failure(in place) *provider.Failure {
	code, isNumber := e.Code.Int()
	if !isNumber {
		return provider.Fail(provider.Malformed, "code")
	}
	sub, has := e.Subcode.Int()
	if !has {
		sub, _ = e.Inner.Int()
	}
	native := strconv.FormatInt(code, 10)
	if sub != 0 {
		native += "/" + strconv.FormatInt(sub, 10)
	}
	return provider.Fail(e.reason(code, sub, in), native)
}

func (e *graphError) reason(code, sub int64, in place) provider.Reason {
	switch {
	case code == 4, code == 17, code == 32, code == 341, code == 613:
		return provider.RateLimited
	case code == 2, bool(e.Transient):
		return provider.Temporary
	case code == 1:
		if e.says("client secret") {
			return provider.Config
		}
		return provider.Temporary
	case code == 101, code == 191: // the app, the redirect URI
		return provider.Config
	case code == 100:
		return e.parameter(sub, in)
	case code == 190 && in == inApp:
		return provider.Config // the app's own token: its secret
	case code == 190:
		return tokenReason(sub)
	case code == 102:
		return provider.Expired
	case code == 10, code >= 200 && code <= 299, code == 368:
		return provider.Denied
	}
	return provider.Malformed
}

// parameter reads code 100, "Invalid parameter", of which the code to swap is one.
func (e *graphError) parameter(sub int64, in place) provider.Reason {
	switch {
	case sub == 36008: // redirect_uri is not that of the dialog
		return provider.Config
	case sub == 36009, in == inSwap && e.says("been used"):
		return provider.Replayed
	case sub == 36007, in == inSwap && e.says("expired"):
		return provider.Expired
	case in == inSwap:
		return provider.InvalidCode
	case in == inData, in == inCall && e.says("invalid appsecret_proof"): // a token of another app: the secret is right
		return provider.Untrusted
	}
	return provider.Config
}

// tokenReason reads the subcodes of 190, "Access token has expired", which is more
// than it says.
func tokenReason(sub int64) provider.Reason {
	switch sub {
	case 458, 459, 464: // the app was removed; a checkpoint; the account is not confirmed
		return provider.Denied
	case 460, 463: // the password was changed; its time is over
		return provider.Expired
	}
	return provider.InvalidCode // 467, and those that are not documented
}

func (e *graphError) says(words string) bool {
	return strings.Contains(strings.ToLower(string(e.Message)), words)
}
