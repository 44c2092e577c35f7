// Package signin holds the journeys signin and signup: identify, prove, begin a
// session; the account is made where nobody has the proved contact and the
// region allows it. Nothing before a proof tells whether an account exists.
//
//	identify --phone/email--> [captcha] -> code --right--> session
//	 ^ |                                     | no account, by e-mail: new_password
//	 | |                                     | region wants a contact: add_contact -> code
//	 | +--username--> [captcha] -> password --right, known device--> session
//	 | |                             |  new device: code to a contact -> session
//	 | +--passkey--> session
//	 | +--provider--> redirect --check, linked--> session
//	 |      | what an SDK gave:  |
//	 |      | at once            | opens no account: link_or_create --create--> add_contact -> session
//	 +------+--------------------+---------------------link'  the account is proved, then linked
//	other_way, from password or code: choose_method
//	more proof wanted, whatever was first: choose_method -> its step -> session
//
// Who it was at a provider is a stranger until an account holds that very person:
// no name and no address that a provider tells leads to an account (S-42, S-43).
package signin

import (
	"cmp"
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// House is what the journeys use.
type House struct {
	Regions   *region.Book
	Numbers   *numbers.Plan
	Accounts  *account.Store
	Contacts  *contact.Store
	Devices   *device.Store
	Sessions  *session.Store
	Audit     *audit.Store
	Directory *directory.Directory
	Passwords *credential.Passwords
	Book      *quota.Book
	Codes     *proof.Codes
	Captchas  *proof.Captchas
	Guesses   *proof.Passwords
	Prover    *proof.Prover
	Passkeys  *proof.Passkeys // nil: passkeys are not a way to sign in here
	Links     *link.Store
	Desk      *federation.Desk // nil: third-party accounts are not a way to sign in here
	Notices   *proof.Notices
	Courier   *courier.Courier
	Brand     string
	Rules     Rules
}

// Rules are the numbers in force at sign-in.
type Rules struct {
	MinLength int           // of a password, in characters
	MaxLength int           // the same
	Alone     bool          // a password opens a session on a new device (needs a minimum of 15, S-23)
	Life      time.Duration // of a journey
}

// facts is what a sign-in knows so far. Until something is proved the journey asks
// by itself; from then on the proof in it says what is asked for next.
type facts struct {
	proof.Proving
	Region   string `json:"region"`
	Country  string `json:"country"`
	ReturnTo string `json:"return_to,omitempty"`
	Surface  string `json:"surface,omitempty"` // where the journey began (flow.Visitor)

	Typed    directory.Username `json:"typed,omitzero"` // who the person says to be, as it was read
	Choosing bool               `json:"choosing,omitempty"`
	Waiting  *sending           `json:"waiting,omitempty"` // the code that waits for the captcha

	Nonce   string             `json:"nonce,omitempty"`   // for what an app hands over; good for one try
	Away    *federation.Trip   `json:"away,omitempty"`    // a visit to a provider under way
	Foreign *federation.Person `json:"foreign,omitempty"` // who it was there, whom no account holds yet
	Linking bool               `json:"linking,omitempty"` // to the account that is proved next
	Linked  bool               `json:"linked,omitempty"`  // that was done
	Hint    string             `json:"hint,omitempty"`    // an address that the provider told, to begin with

	NewPassword bool         `json:"new_password,omitempty"` // the e-mail is proved and free: a password is next
	Asked       bool         `json:"asked,omitempty"`        // the contact that the region wants was asked for
	Adding      contact.Kind `json:"adding,omitempty"`       // it, until it is there or skipped
	AddSent     bool         `json:"add_sent,omitempty"`     // a code is out to it
	MaySkip     bool         `json:"may_skip,omitempty"`
	Made        bool         `json:"made,omitempty"` // this journey made the account
	Done        *done        `json:"done,omitempty"`
}

// restart forgets who was meant and what was proved. What was sent and what was
// solved stays, so that nobody counts from zero by going back; so does who is to be
// linked.
func (f *facts) restart() {
	*f = facts{Region: f.Region, Country: f.Country, ReturnTo: f.ReturnTo, Surface: f.Surface,
		Nonce: f.Nonce, Foreign: f.Foreign, Linking: f.Linking,
		Proving: proof.Proving{Locale: f.Locale, Device: f.Device, Sent: f.Sent, Human: f.Human}}
}

// done is the end of a journey.
type done struct {
	At          time.Time  `json:"at"`
	Account     account.ID `json:"account"`
	Nickname    string     `json:"nickname"`
	Created     bool       `json:"created"`
	Token       string     `json:"token"`
	ExpiresAt   time.Time  `json:"expires_at"`
	DeviceID    string     `json:"device_id"`
	DeviceToken string     `json:"device_token,omitempty"`
}

// Path tells the runner where the journey plays, in which language, and where it leads.
func (f *facts) Path() (string, locale.Tag, string) { return f.Region, f.Locale, f.ReturnTo }

// The methods.
const (
	bySMS      = policy.SMSCode
	byEmail    = policy.EmailCode
	byPassword = policy.Password
	byLinked   = policy.LinkedSignIn
)

type call = flow.Call[facts]

// Journey is the whole story.
func Journey(h *House) *flow.Journey[facts] {
	j := &flow.Journey[facts]{Kinds: []string{"signin", "signup"}, Life: h.Rules.Life, Begin: h.begin, Next: next, Steps: h.own()}
	for name, s := range h.proving() {
		own, shared := j.Steps[name]
		if shared {
			s = flow.Either(func(f *facts) bool { return f.Active() }, s, own)
		}
		j.Steps[name] = s
	}
	return j
}

// own are the steps until something is proved, and after enough is.
func (h *House) own() map[step.Type]flow.Step[facts] {
	return map[step.Type]flow.Step[facts]{
		step.TypeIdentify: {Show: h.showIdentify, Moves: map[string]flow.Move[facts]{
			"phone":    h.identifyPhone(),
			"email":    h.identifyEmail(),
			"username": h.identifyUsername(),
			"passkey":  h.identifyPasskey(),
			"provider": h.identifyProvider(),
			"back":     h.notLinking(),
		}},
		step.TypeRedirect: {Show: h.showRedirect, Moves: map[string]flow.Move[facts]{
			"check": h.checkRedirect(),
			"back":  h.startOver(),
		}},
		step.TypeLinkOrCreate: {Show: h.showLinkOrCreate, Moves: map[string]flow.Move[facts]{
			"link":   h.chooseLink(),
			"create": h.chooseCreate(),
			"back":   h.startAgain(),
		}},
		step.TypeCaptcha: {Show: h.showCaptcha, Moves: map[string]flow.Move[facts]{
			"captcha": h.answerCaptcha(),
			"refresh": h.refreshCaptcha(),
		}},
		step.TypePassword: {Show: h.showPassword, Moves: map[string]flow.Move[facts]{
			"password":  h.answerPassword(),
			"other_way": h.otherWay(),
			"back":      h.startOver(),
		}},
		step.TypeCode: {Show: h.showCode, Moves: map[string]flow.Move[facts]{
			"code":      h.answerCode(),
			"resend":    h.resend(),
			"other_way": h.otherWay(),
			"back":      h.startOver(),
			"skip":      h.skipContact(),
		}},
		step.TypeChooseMethod: {Show: h.showChooseMethod, Moves: map[string]flow.Move[facts]{
			"method": h.chooseMethod(),
			"back":   h.startOver(),
		}},
		step.TypeNewPassword: {Show: h.showNewPassword, Moves: map[string]flow.Move[facts]{
			"new_password": h.setPassword(),
		}},
		step.TypeAddContact: {Show: h.showAddContact, Moves: map[string]flow.Move[facts]{
			"phone": h.addPhone(),
			"email": h.addEmail(),
			"skip":  h.skipContact(),
		}},
		step.TypeDone: {Show: h.showDone, Moves: map[string]flow.Move[facts]{
			"code": h.lateCode(),
		}},
	}
}

// next names the step that the facts lead to.
func next(f *facts) step.Type {
	switch {
	case f.Done != nil:
		return step.TypeDone
	case f.Active():
		return f.Proving.Next()
	case f.Captcha != nil:
		return step.TypeCaptcha
	case f.Choosing:
		return step.TypeChooseMethod
	case f.NewPassword:
		return step.TypeNewPassword
	case f.Adding != "" && !f.AddSent:
		return step.TypeAddContact
	case f.Adding != "", f.Method == bySMS, f.Method == byEmail:
		return step.TypeCode
	case f.Method == byPassword:
		return step.TypePassword
	case f.Away != nil:
		return step.TypeRedirect
	case f.Foreign != nil && !f.Linking:
		return step.TypeLinkOrCreate
	}
	return step.TypeIdentify
}

func (h *House) begin(v flow.Visitor, b flow.Begin, now time.Time) (*facts, error) {
	r, err := h.Regions.Get(b.Region)
	if err != nil {
		return nil, err
	}
	f := &facts{Region: r.Name, ReturnTo: b.ReturnTo, Surface: cmp.Or(v.Surface, "app"), Proving: proof.Proving{Locale: b.Locale, Device: proof.DeviceOf(v)}}
	h.restart(f)
	f.Country, err = r.Dials(b.Country)
	return f, err
}

// restart is at the beginning again, with fresh challenges for passkeys and for what
// apps hand over.
func (h *House) restart(f *facts) {
	f.restart()
	if h.Passkeys != nil {
		f.Held = h.Passkeys.Fresh()
	}
	if h.Desk != nil && f.Nonce == "" {
		f.Nonce = h.Desk.Fresh()
	}
}

// forget is at the very beginning again: nobody is to be linked any more.
func (h *House) forget(f *facts) {
	f.Foreign, f.Linking = nil, false
	h.restart(f)
}

func (h *House) region(f *facts) region.Region {
	r, _ := h.Regions.Get(f.Region) // it was read from the same book at the beginning
	return r
}

// source tells where this call comes from; the device is known if the account
// that was meant knows it. Looking costs the same whether there is an account.
func (h *House) source(ctx context.Context, q sqldb.Querier, c *call, id account.ID) (proof.Source, error) {
	s := proof.Source{Addr: c.Visitor.Addr, Device: c.Facts.Device.Secret}
	if s.Device == "" {
		return s, nil
	}
	d, known, err := h.Devices.Known(ctx, q, id, s.Device)
	if known {
		s.KnownAs = d.ID
	}
	return s, err
}

// startOver goes back to the question who you are, or which contact to add.
func (h *House) startOver() flow.Move[facts] {
	return flow.Move[facts]{Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if c.Facts.Adding != "" {
			c.Facts.AddSent = false
			return nil
		}
		h.restart(c.Facts)
		return nil
	}}
}

// startAgain goes back to the question who you are, and forgets who it was at a
// provider.
func (h *House) startAgain() flow.Move[facts] {
	return flow.Move[facts]{Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		h.forget(c.Facts)
		return nil
	}}
}

// notLinking goes back from the question which account is to be linked.
func (h *House) notLinking() flow.Move[facts] {
	return flow.Move[facts]{Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		if !c.Facts.Linking {
			return flow.JourneyStep.With("present", string(c.Step))
		}
		c.Facts.Linking = false
		return h.recent(c)
	}}
}
