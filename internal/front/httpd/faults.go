package httpd

import "github.com/selfsame-id/selfsame/internal/kit/fault"

const cantSignIn = "signing-in/why-cant-i-sign-in"

// The faults of the frame.
var (
	MethodNotAllowed = fault.Declare("method_not_allowed", 405, cantSignIn)
	Misdirected      = fault.Declare("misdirected_request", 421, cantSignIn)
	HeadersTooLarge  = fault.Declare("headers_too_large", 431, cantSignIn)
	URITooLong       = fault.Declare("uri_too_long", 414, cantSignIn)
	TooLarge         = fault.Declare("body_too_large", 413, cantSignIn)
	UnsupportedMedia = fault.Declare("media_type", 415, cantSignIn)
	InvalidJSON      = fault.Declare("invalid_json", 400, cantSignIn)
	InvalidForm      = fault.Declare("invalid_form", 400, cantSignIn)
	ForbiddenOrigin  = fault.Declare("forbidden_origin", 403, cantSignIn)
	CookiesOff       = fault.Declare("cookies_off", 403, cantSignIn)
	FormExpired      = fault.Declare("form_expired", 403, cantSignIn)
)
