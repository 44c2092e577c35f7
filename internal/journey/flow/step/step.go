// Package step holds the typed steps that journeys hand out, one at a time. A
// step type has one Go type, one JSON shape and
// one page template. The package must never decide anything: what a step
// contains is decided in the journeys.
package step

import "time"

// Type names a step; it is also the name of its template and its "type" in JSON.
type Type string

// The step types in force.
const (
	TypeIdentify     Type = "identify"
	TypeRedirect     Type = "redirect"
	TypeLinkOrCreate Type = "link_or_create"
	TypePassword     Type = "password"
	TypeCode         Type = "code"
	TypeChooseMethod Type = "choose_method"
	TypeCaptcha      Type = "captcha"
	TypeNewPassword  Type = "new_password"
	TypeAddContact   Type = "add_contact"
	TypeTOTP         Type = "totp"
	TypeRecoveryCode Type = "recovery_code"
	TypeQuestions    Type = "questions"
	TypePasskey      Type = "passkey"
	TypeDevicePrompt Type = "device_prompt"
	TypeConfirm      Type = "confirm"
	TypeWait         Type = "wait"
	TypeDone         Type = "done"
)

// Step is one of the types below.
type Step interface{ StepType() Type }

// Head is what every step carries.
type Head struct {
	Type   Type     `json:"type" doc:"The kind of step."`
	Inputs []string `json:"inputs" doc:"The inputs that this step takes now."`
}

// StepType answers the type.
func (h Head) StepType() Type { return h.Type }

// Identify asks which account.
type Identify struct {
	Head
	Country   string     `json:"country" doc:"Default country of a phone number typed without one, ISO 3166-1 alpha-2."`
	Providers []Provider `json:"providers" doc:"Third-party accounts that the region offers."`
	Link      string     `json:"link,omitempty" doc:"The provider whose account is linked to the account that is proved from here; missing for a sign-in."`
	Passkey   any        `json:"passkey,omitempty" doc:"PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3 section 5.1.9) for the input passkey, by autofill or on demand; missing where it is not offered."`
}

// Provider is a third-party account that can be used here.
type Provider struct {
	Provider string   `json:"provider" doc:"Its name: wechat, weibo, qq, alipay, apple, google, facebook, or that of a provider of the operator."`
	Nonce    string   `json:"nonce,omitempty" doc:"For the native exchange: give it to the SDK as nonce (or state, where it has no nonce). Good for one try."`
	Takes    []string `json:"takes,omitempty" enum:"token,code" doc:"What the native exchange takes from the SDK."`
	Prepared string   `json:"prepared,omitempty" doc:"What this provider's SDK wants from us first (Alipay: the signed login string)."`
}

// Redirect says that the person is at a third-party provider.
type Redirect struct {
	Head
	Provider  string    `json:"provider"`
	URL       string    `json:"url" doc:"Open it in a browser, or show it as a QR code; then ask with the input check. The first browser that opens it is the one that can come back."`
	ExpiresAt time.Time `json:"expires_at" doc:"When the visit has to be over."`
	// Providers are those that do as well: of a proof, all linked accounts.
	Providers []Provider `json:"providers,omitempty" doc:"What can be used here: another visit, or what an app hands over, is begun with the input provider."`
	Why       []string   `json:"why,omitempty" doc:"What makes it necessary; missing for a first proof."`
}

// LinkOrCreate says that the account at the provider opens no account here yet.
type LinkOrCreate struct {
	Head
	Provider string `json:"provider"`
	Name     string `json:"name,omitempty" doc:"As the provider calls the person."`
}

// Password asks for the password of the username given before.
type Password struct {
	Head
	Username string   `json:"username" doc:"The username as it was read, masked where it is a contact."`
	Why      []string `json:"why,omitempty" doc:"What makes it necessary; missing for a first proof."`
}

// Code says that a verification code is out. All times are RFC 3339 in UTC.
type Code struct {
	Head
	Channel   string    `json:"channel" enum:"sms,email"`
	To        string    `json:"to" doc:"The masked destination; empty where showing it would tell who has an account."`
	Length    int       `json:"length" doc:"How many digits the code has."`
	ExpiresAt time.Time `json:"expires_at" doc:"When this code ends."`
	ResendAt  time.Time `json:"resend_at" doc:"When another code can be asked for."`
	SentAt    time.Time `json:"sent_at" doc:"When the newest code was asked for."`
	Sends     int       `json:"sends" doc:"How many codes this journey has sent; only the newest counts."`
	TriesLeft int       `json:"tries_left" doc:"How often this code can still be tried."`
	Delivery  Delivery  `json:"delivery" doc:"How far the message has come, as its carrier says."`
	Reason    string    `json:"reason,omitempty" doc:"The first of why, or empty for a first proof."`
	Why       []string  `json:"why,omitempty" doc:"What makes it necessary: words such as new_device; missing for a first proof."`
}

// Delivery tells how far a message has come.
type Delivery struct {
	State  string    `json:"state" enum:"queued,sent,delivered,failed"`
	Reason string    `json:"reason,omitempty" doc:"Why it failed: handset_off, number_unknown, not_mobile, blocked, filtered, country_not_served, expired, mailbox_unknown, mailbox_full, refused, service, unknown."`
	At     time.Time `json:"at"`
}

// ChooseMethod offers the ways to prove.
type ChooseMethod struct {
	Head
	For         string      `json:"for,omitempty" doc:"The action that the proof is for."`
	Why         []string    `json:"why,omitempty" doc:"What makes it necessary: words such as new_device, each with a sentence on the page."`
	Proved      []string    `json:"proved,omitempty" doc:"What counts already."`
	Methods     []Method    `json:"methods" doc:"What can be chosen."`
	Unavailable []Method    `json:"unavailable" doc:"What can not, with the reason."`
	Wait        *WaitOption `json:"wait,omitempty" doc:"The other way: what is proved is enough after this time, unless the owner objects. Answer with the input wait."`
}

// Method is a way to prove.
type Method struct {
	Method  string     `json:"method" enum:"sms_code,email_code,password,passkey,totp,recovery_code,questions,device_prompt,linked"`
	To      string     `json:"to,omitempty" doc:"The masked destination, only after a first proof."`
	Reason  string     `json:"reason,omitempty" doc:"Why it is unavailable."`
	RetryAt *time.Time `json:"retry_at,omitempty" doc:"When it will be available, where waiting helps."`
}

// WaitOption says that waiting stands in for a second proof.
type WaitOption struct {
	Hours int `json:"hours" doc:"How long; every contact of the account is told at once and can object."`
}

// TOTP asks for the code that an authenticator app shows (RFC 6238).
type TOTP struct {
	Head
	Length int      `json:"length" doc:"How many digits the code has."`
	Why    []string `json:"why,omitempty" doc:"What makes it necessary."`
}

// RecoveryCode asks for one of the codes that were printed or kept.
type RecoveryCode struct {
	Head
	Why []string `json:"why,omitempty" doc:"What makes it necessary."`
}

// Questions asks the security questions.
type Questions struct {
	Head
	Questions []Question `json:"questions" doc:"Answer all of them, in this order."`
	Why       []string   `json:"why,omitempty" doc:"What makes it necessary."`
}

// Question is one security question.
type Question struct {
	Question string `json:"question" doc:"The key of the question; its text is in the reader's language."`
	Text     string `json:"text"`
}

// Passkey asks for a passkey.
type Passkey struct {
	Head
	Options any      `json:"options" doc:"PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3 section 5.1.9), for navigator.credentials.get."`
	Why     []string `json:"why,omitempty" doc:"What makes it necessary."`
}

// DevicePrompt says that signed-in trusted devices were asked.
type DevicePrompt struct {
	Head
	Number    string    `json:"number" doc:"The number to pick on the device."`
	State     string    `json:"state" enum:"waiting,approved,denied,expired" doc:"approved: the input check goes on. waiting: look again."`
	Devices   []string  `json:"devices" doc:"Names of the devices that were asked."`
	ExpiresAt time.Time `json:"expires_at"`
	Why       []string  `json:"why,omitempty" doc:"What makes it necessary."`
}

// Confirm asks to accept what will happen.
type Confirm struct {
	Head
	Action  string   `json:"action" doc:"What will be done."`
	Effects []Effect `json:"effects" doc:"What will happen, in the order in which it matters."`
}

// Effect is one thing that will happen. Its sentence on the page is
// page.confirm.<effect>.
type Effect struct {
	Effect string     `json:"effect" doc:"A word such as sessions_end."`
	To     string     `json:"to,omitempty" doc:"A masked contact that it is about."`
	Count  int        `json:"count,omitempty"`
	At     *time.Time `json:"at,omitempty"`
}

// Captcha asks for work or for the characters in a picture.
type Captcha struct {
	Head
	Kind      string `json:"kind" enum:"work,picture" doc:"work: solve the ALTCHA challenge; picture: type the characters."`
	Challenge any    `json:"challenge,omitempty" doc:"The ALTCHA challenge, for kind work."`
	Image     string `json:"image" doc:"Address of the picture."`
	Audio     string `json:"audio" doc:"Address of the spoken alternative."`
	Reason    string `json:"reason" enum:"tries,network" doc:"Why it is asked."`
}

// NewPassword asks for a new password.
type NewPassword struct {
	Head
	MinLength int    `json:"min_length" doc:"In characters."`
	MaxLength int    `json:"max_length" doc:"In characters."`
	Username  string `json:"username" doc:"The masked contact, so that password managers can file it."`
}

// AddContact asks for a contact that the region wants.
type AddContact struct {
	Head
	Kind    string `json:"kind" enum:"phone,email"`
	Country string `json:"country" doc:"Default country of a phone number typed without one, ISO 3166-1 alpha-2."`
	Hint    string `json:"hint,omitempty" doc:"An e-mail address that a third-party provider gave, to begin with; it is proved like any other."`
}

// Wait says that time or people decide next.
type Wait struct {
	Head
	Until  time.Time `json:"until" doc:"When to ask again."`
	Reason string    `json:"reason" doc:"What is waited for, as a word."`
	Told   []string  `json:"told,omitempty" doc:"The masked contacts that were told and can object."`
}

// Done is the end.
type Done struct {
	Head
	Account *Account `json:"account,omitempty"`
	Created bool     `json:"created" doc:"Whether this journey made the account."`
	Result  string   `json:"result,omitempty" doc:"What the journey did, as a word; empty for a sign-in."`
	Session *Session `json:"session,omitempty" doc:"For two minutes from the end, so that a lost answer can be asked for again."`
	Device  *Device  `json:"device,omitempty" doc:"How the account knows this device from now on."`
}

// Account is the account at the end of a journey.
type Account struct {
	ID       string `json:"id" doc:"12 digits."`
	Nickname string `json:"nickname"`
}

// Session is the session that began.
type Session struct {
	Token     string    `json:"token" doc:"A secret: it opens the account."`
	ExpiresAt time.Time `json:"expires_at"`
}

// Device is how this device is known from now on. An app keeps the token and
// gives it in "device" when it begins its next journey.
type Device struct {
	ID    string `json:"id"`
	Token string `json:"token,omitempty" doc:"A secret of the device: give it as device.token when it begins its next journey. Missing if the journey began with one."`
}
