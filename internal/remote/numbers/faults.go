package numbers

import "github.com/selfsame-id/selfsame/internal/kit/fault"

// What may be wrong with a phone number. Each carries "reason", a word that is
// never the number itself:
//
//	phone_invalid       empty, characters, too_long, too_short, no_country, country_code, unknown_range
//	phone_not_mobile    fixed, premium, voip, pager, satellite
//	phone_not_personal  iot, service
//
// and country_not_served carries "country", an ISO 3166-1 alpha-2 code or "".
var (
	PhoneInvalid     = fault.Declare("phone_invalid", 422, "recovery-phone-and-e-mail/why-cant-i-add-my-phone-or-e-mail")
	PhoneNotMobile   = fault.Declare("phone_not_mobile", 422, "recovery-phone-and-e-mail/why-cant-i-add-my-phone-or-e-mail")
	PhoneNotPersonal = fault.Declare("phone_not_personal", 422, "creating-an-account/why-cant-i-create-an-account-with-an-iot-sim")
	CountryNotServed = fault.Declare("country_not_served", 422, "verification-codes/why-dont-i-get-the-text-message")
)
