package federation

import (
	"context"
	"errors"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

const howTo = "signing-in/how-do-i-sign-in-with-a-third-party-account"

var (
	// ProviderNotOffered says that a provider is not configured, or not offered by the
	// region on this surface.
	ProviderNotOffered = fault.Declare("provider_not_offered", 403, howTo)
	// ProviderDenied says that the person said no at the provider.
	ProviderDenied = fault.Declare("provider_denied", 403, howTo)
	// ProviderFailed says that it came to nothing. Its argument reason is one of
	// timeout, unavailable, expired, refused, replayed, state_unknown, state_used,
	// other_browser, other_provider, other_account.
	ProviderFailed = fault.Declare("provider_failed", 502, howTo)
	// LinkedElsewhere says that the account at the provider opens another account here.
	LinkedElsewhere = fault.Declare("linked_elsewhere", 409, "linked-accounts/why-cant-i-link-an-account")
	// LinkedAlready says that the account here has another account of that provider.
	LinkedAlready = fault.Declare("linked_already", 409, "linked-accounts/why-cant-i-link-an-account")
)

// failed is ProviderFailed for a reason. Only a provider of the book is named: another
// name is a stranger's text.
func failed(name, reason string) *fault.Fault {
	return ProviderFailed.With("provider", name).With("reason", reason)
}

// refusal is what people are told of an error of an adapter: never its own text (S-54).
func refusal(name string, err error) error {
	f, _ := errors.AsType[*provider.Failure](err)
	reason := provider.ReasonOf(err)
	out := failed(name, "unavailable")
	switch reason {
	case provider.Denied:
		return ProviderDenied.With("provider", name).Because(err)
	case provider.Expired:
		out = failed(name, "expired")
	case provider.Replayed:
		out = failed(name, "replayed")
	case provider.InvalidCode, provider.Malformed, provider.Untrusted:
		out = failed(name, "refused")
	case provider.Temporary:
		if errors.Is(err, context.DeadlineExceeded) {
			out = failed(name, "timeout")
		}
	}
	if f != nil && !f.RetryAt.IsZero() {
		out = out.Until(f.RetryAt)
	}
	return out.Because(err)
}
