package pages

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// stepFrame is what the pages of all steps have.
type stepFrame struct {
	*Frame
	Action      string // the journey's address
	Service     string // the service that sent the person; empty: none
	RestartText string
	Webauthn    bool // passkeys offer themselves in the field
	MayTrust    bool // the person may trust this device
}

// stepBuilder makes the view of the present step.
type stepBuilder struct {
	*Frame
	v *visit
}

func (b stepBuilder) base() stepFrame {
	f := stepFrame{Frame: b.Frame, Action: b.v.formAddress(), RestartText: b.T("step.restart")}
	f.MayTrust = b.secondStep(b.v.ticket.Step)
	switch b.v.kind {
	case proveKind:
		f.RestartText = b.T("page.prove.cancel")
	case linkKind:
		f.RestartText = b.T("page.linked.cancel")
	}
	return f
}

func (b stepBuilder) build() (view, error) {
	present := b.v.ticket.Step
	if present == nil {
		present = b.v.first()
	}
	if s, ok := asStep[step.Identify](present); ok {
		if b.v.isNamed() {
			return b.name(s), nil
		}
		if b.v.kind == linkKind { // the visit that was begun is over
			return b.redirect(step.Redirect{Head: s.Head, Provider: b.v.action, Providers: s.Providers}), nil
		}
		return b.identify(s), nil
	}
	if s, ok := asStep[step.Password](present); ok {
		return b.password(s), nil
	}
	if s, ok := asStep[step.Code](present); ok {
		return b.code(s), nil
	}
	if s, ok := asStep[step.ChooseMethod](present); ok {
		return b.chooseMethod(s), nil
	}
	if s, ok := asStep[step.Passkey](present); ok {
		return b.passkey(s), nil
	}
	if s, ok := asStep[step.Captcha](present); ok {
		return b.captcha(s)
	}
	if s, ok := asStep[step.NewPassword](present); ok {
		return b.newPassword(s), nil
	}
	if s, ok := asStep[step.AddContact](present); ok {
		return b.addContact(s), nil
	}
	if s, ok := asStep[step.Confirm](present); ok {
		return b.confirm(s), nil
	}
	if s, ok := asStep[step.Wait](present); ok {
		return b.wait(s), nil
	}
	if s, ok := asStep[step.DevicePrompt](present); ok {
		return b.devicePrompt(s), nil
	}
	if s, ok := asStep[step.Redirect](present); ok {
		return b.redirect(s), nil
	}
	if s, ok := asStep[step.LinkOrCreate](present); ok {
		return b.linkOrCreate(s), nil
	}
	if v := b.secret(present); v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("pages: there is no page for the step %q", present.StepType())
}

// offers tells whether the first step takes an input here.
func (b stepBuilder) offers(input string) bool {
	if s, ok := asStep[step.Identify](b.v.ticket.Step); ok {
		return slices.Contains(s.Inputs, input)
	}
	return slices.Contains(stepInputs(b.v.cfg.Opening(b.v.kind, b.v.region.Name, b.v.who.Surface)), input)
}

// typed gives back what the person typed, after a refusal. Secrets are never asked for here.
func (b stepBuilder) typed(field string) string {
	if b.v.form == nil {
		return ""
	}
	return b.v.form.Get(field)
}

// identifyPage is the first step, in one of its three forms.
type identifyPage struct {
	stepFrame
	Heading                string
	SignUp                 bool
	With                   string // phone, email or password
	ReturnTo               string
	Region                 string
	Countries              []CountryChoice
	Phone, Email, Username string
	Ways                   []Way
	Providers              []ProviderChoice // the first of them, as buttons
	MoreProviders          []ProviderChoice // the others, as a quiet row
	Lead                   string           // why it is asked; empty: it speaks for itself
	Linking                bool             // a third-party account is linked to what is opened here
}

func (identifyPage) file() string { return "step_identify" }

// CountryChoice is an option of the country picker.
type CountryChoice struct {
	ISO, Name string
	Code      int
	Selected  bool
}

func (b stepBuilder) identify(s step.Identify) view {
	v := b.v
	p := identifyPage{
		stepFrame: b.base(), SignUp: v.kind == "signup", With: v.with, ReturnTo: v.returnTo, Region: v.region.Name,
		Phone: b.typed("phone"), Email: b.typed("email"), Username: b.typed("username"),
	}
	forms := []struct{ with, input, way, icon string }{
		{"phone", "phone", "page.way_phone", "smartphone"},
		{"password", "username", "page.way_password", "key-round"},
		{"email", "email", "page.way_email", "mail"},
	}
	offered := func(with string) bool {
		for _, f := range forms {
			if f.with == with {
				return slices.Contains(s.Inputs, f.input)
			}
		}
		return false
	}
	if !offered(p.With) {
		for _, f := range slices.Backward(forms) {
			if offered(f.with) {
				p.With = f.with
			}
		}
	}
	for _, f := range forms {
		if f.with != p.With && offered(f.with) {
			p.Ways = append(p.Ways, Way{Href: b.wayHref(f.with), Text: b.T(f.way), Icon: f.icon})
		}
	}
	p.Providers, p.MoreProviders = b.providerChoices(s)
	p.Heading = b.T("step.identify.signin")
	if p.SignUp {
		p.Heading = b.T("step.identify.signup")
	}
	if s.Link != "" {
		b.linking(&p, s.Link)
	} else {
		p.OtherRegions = b.otherRegions()
	}
	p.Countries = b.countries(s.Country)
	p.Scripts = append(p.Scripts, "country.js")
	if p.Webauthn = slices.Contains(s.Inputs, "passkey"); p.Webauthn {
		p.Scripts = append(p.Scripts, "passkey.js")
	}
	p.titled(p.Heading)
	return p
}

// wayHref is this page in another form, with what the person came with.
func (b stepBuilder) wayHref(with string) string {
	start := b.v.start()
	if strings.Contains(start, "?") {
		return start + "&with=" + with
	}
	return start + "?with=" + with
}

func (b stepBuilder) otherRegions() []RegionChoice {
	var list []RegionChoice
	if b.v.ticket.Step != nil && b.v.ticket.Step.StepType() != step.TypeIdentify {
		return nil
	}
	for _, r := range b.v.cfg.Regions.All() {
		if r.Name != b.v.region.Name {
			list = append(list, RegionChoice{Title: b.T("page.region.use", "region", b.T("page.region."+r.Name)), Href: b.v.path + "?region=" + r.Name})
		}
	}
	return list
}

// countries are the options of the picker in the reader's alphabet, the default
// chosen: what was just picked, else what was picked before, else the step's.
func (b stepBuilder) countries(preset string) []CountryChoice {
	chosen := b.typed("country")
	if chosen == "" {
		chosen, _ = httpd.Cookie(b.v.r, httpd.CountryCookie)
	}
	known := func(iso string) bool {
		return slices.ContainsFunc(b.v.cfg.Countries, func(c Country) bool { return c.ISO == iso })
	}
	if !known(chosen) && !strings.EqualFold(b.v.region.Name, b.v.region.Country) { // not a country's own region, such as cn
		chosen = browserCountry(b.v.r.Header.Get("Accept-Language"))
	}
	if !known(chosen) {
		chosen = preset
	}
	return b.v.countryChoices(b.Frame, chosen)
}

// browserCountry is the country of the language that a browser asks for first:
// CN of "zh-Hans-CN, en;q=0.8". It is empty if that names none.
func browserCountry(accept string) string {
	first, _, _ := strings.Cut(accept, ",")
	first, _, _ = strings.Cut(strings.TrimSpace(first), ";")
	parts := strings.Split(first, "-")
	for _, part := range parts[1:] {
		if len(part) == 2 {
			return strings.ToUpper(part)
		}
	}
	return ""
}

// passwordPage asks for the password alone: the username was given before.
type passwordPage struct {
	stepFrame
	Username string
	OtherWay bool
}

func (passwordPage) file() string { return "step_password" }

func (b stepBuilder) password(s step.Password) view {
	if opening, ok := asStep[step.Identify](b.v.cfg.Opening(b.v.kind, b.v.region.Name, b.v.who.Surface)); ok && b.v.form != nil && b.v.form.Get("input") == "username" {
		// Both were typed together: they stay together, with what was typed.
		b.v.with = "password"
		return b.identify(opening)
	}
	p := passwordPage{stepFrame: b.base(), Username: s.Username, OtherWay: slices.Contains(s.Inputs, "other_way")}
	p.RestartText = b.T("step.password.restart")
	p.titled(b.T("step.password.title"))
	return p
}

// codePage asks for the code that was sent.
type codePage struct {
	stepFrame
	ByEmail       bool
	NewDevice     bool
	To            string
	Length        int
	Sends         int
	ExpiresAt     time.Time
	ResendAt      time.Time
	ResendLater   bool
	OtherWay      bool
	Skip          bool // the contact that is being added may be left for later
	DeliveryState string
	Delivery      string
	NoCode        string // the article for those who wait in vain
	Moving        bool   // the state may still change
}

func (codePage) file() string { return "step_code" }

func (b stepBuilder) code(s step.Code) view {
	p := codePage{
		stepFrame: b.base(), ByEmail: s.Channel == "email", NewDevice: s.Reason == "new_device",
		To: s.To, Length: s.Length, Sends: s.Sends, ExpiresAt: s.ExpiresAt, ResendAt: s.ResendAt,
		ResendLater: s.ResendAt.After(b.now), OtherWay: slices.Contains(s.Inputs, "other_way"),
		Skip: slices.Contains(s.Inputs, "skip"),
	}
	p.describe(s.Delivery, s.Channel)
	p.RestartText, p.NoCode = b.T("step.code.restart_phone"), "/help/verification-codes/why-dont-i-get-the-text-message"
	if p.ByEmail {
		p.NoCode = "/help/verification-codes/why-dont-i-get-the-e-mail"
		p.RestartText = b.T("step.code.restart_email")
	}
	p.Scripts = append(p.Scripts, "code.js")
	p.titled(b.T("step.code.title"))
	return p
}

// describe puts the delivery state into words.
func (p *codePage) describe(d step.Delivery, channel string) {
	p.DeliveryState = d.State
	key := "step.code." + channel + "_" + d.State
	switch d.State {
	case "delivered":
	case "failed":
		if special := "step.code.failed_" + d.Reason; p.has(special) {
			key = special
		} else {
			key = "step.code.failed"
		}
	default:
		p.Moving = true
		if !p.has(key) {
			key = "step.code.sms_queued"
		}
	}
	p.Delivery = p.T(key)
}

// captchaPage asks for work or for the characters of a picture.
type captchaPage struct {
	stepFrame
	Work         bool
	ForNetwork   bool
	Challenge    string // JSON
	Image, Audio string
	PictureFirst bool // the picture was tried: it stays open
}

func (captchaPage) file() string { return "step_captcha" }

func (b stepBuilder) captcha(s step.Captcha) (view, error) {
	p := captchaPage{stepFrame: b.base(), Work: s.Kind == "work", ForNetwork: s.Reason == "network", Image: s.Image, Audio: s.Audio}
	p.PictureFirst = b.Fault != nil && b.Fault.Field == "answer"
	if p.Work {
		challenge, err := json.Marshal(s.Challenge)
		if err != nil {
			return nil, err
		}
		p.Challenge = string(challenge)
		p.Scripts = append(p.Scripts, "captcha.js", "altcha/altcha.min.js")
		if b.Lang == "zh-Hans" {
			p.Scripts = append(p.Scripts, "altcha/zh-cn.js")
		}
		p.Scripts = append(p.Scripts, "altcha/start.js")
		p.Styles = append(p.Styles, "altcha/altcha.css")
	}
	p.titled(b.T("step.captcha.title"))
	return p, nil
}

// newPasswordPage asks for a new password.
type newPasswordPage struct {
	stepFrame
	MinLength, MaxLength int
	Username             string
	Skip                 bool
}

func (newPasswordPage) file() string { return "step_new_password" }

func (b stepBuilder) newPassword(s step.NewPassword) view {
	p := newPasswordPage{stepFrame: b.base(), MinLength: s.MinLength, MaxLength: s.MaxLength, Username: s.Username, Skip: slices.Contains(s.Inputs, "skip")}
	p.titled(b.T("step.new_password.title"))
	return p
}

// addContactPage asks for a contact that the region wants.
type addContactPage struct {
	stepFrame
	ByEmail      bool
	Countries    []CountryChoice
	Phone, Email string
	Skip         bool
	Heading      string
	Lead         string
	Dispute      bool // another account has it: ask for it
	Hint         bool // the address that stands there is what a provider told
}

func (addContactPage) file() string { return "step_add_contact" }

func (b stepBuilder) addContact(s step.AddContact) view {
	p := addContactPage{stepFrame: b.base(), ByEmail: s.Kind == "email", Phone: b.typed("phone"), Email: b.typed("email"), Skip: slices.Contains(s.Inputs, "skip")}
	p.Dispute = slices.Contains(s.Inputs, "dispute")
	if p.ByEmail && s.Hint != "" && b.v.form == nil {
		p.Email, p.Hint = s.Hint, true
	}
	p.Heading, p.Lead = b.addContactWords(s.Kind)
	if !p.ByEmail {
		p.Countries = b.countries(s.Country)
		p.Scripts = append(p.Scripts, "country.js")
	}
	p.titled(p.Heading)
	return p
}

// addContactWords are the heading and what it means: of the first contact of a
// kind, of another one in its place, or of one that another account has.
func (b stepBuilder) addContactWords(kind string) (heading, lead string) {
	what := kind
	switch at := b.v.path; {
	case strings.HasPrefix(at, contactsPath+"/change-"):
		what = "change_" + kind
	case strings.HasPrefix(at, contactsPath+"/dispute-"):
		what = "dispute_" + kind
	}
	return b.T("step.add_contact." + what + "_title"), b.T("step.add_contact." + what + "_lead")
}

// countryChoices lists the countries by their names in the reader's language,
// the chosen one first.
func (p *Pages) countryChoices(f *Frame, chosen string) []CountryChoice {
	sorted := p.countries[f.Lang]
	list := make([]CountryChoice, 0, len(sorted))
	for _, c := range sorted {
		if c.Selected = c.ISO == chosen; c.Selected {
			list = slices.Insert(list, 0, c)
		} else {
			list = append(list, c)
		}
	}
	return list
}

// sortCountries orders the countries once a language, as its readers expect
// (Chinese by pinyin).
func sortCountries(book *locale.Book, countries []Country) map[locale.Tag][]CountryChoice {
	sorted := map[locale.Tag][]CountryChoice{}
	for _, l := range book.Tags() {
		order := collate.New(language.Make(string(l)))
		for _, c := range countries {
			sorted[l] = append(sorted[l], CountryChoice{ISO: c.ISO, Name: book.Country(l, c.ISO), Code: c.Code})
		}
		slices.SortFunc(sorted[l], func(a, b CountryChoice) int { return order.CompareString(a.Name, b.Name) })
	}
	return sorted
}

// stepInputs are the inputs that a step offers.
func stepInputs(s step.Step) []string {
	switch x := s.(type) {
	case step.Identify:
		return x.Inputs
	case step.Password:
		return x.Inputs
	case step.Code:
		return x.Inputs
	case step.ChooseMethod:
		return x.Inputs
	case step.TOTP:
		return x.Inputs
	case step.RecoveryCode:
		return x.Inputs
	case step.Questions:
		return x.Inputs
	case step.Passkey:
		return x.Inputs
	case step.DevicePrompt:
		return x.Inputs
	case step.Captcha:
		return x.Inputs
	case step.NewPassword:
		return x.Inputs
	case step.AddContact:
		return x.Inputs
	case step.Confirm:
		return x.Inputs
	case step.Redirect:
		return x.Inputs
	case step.LinkOrCreate:
		return x.Inputs
	case step.Wait:
		return x.Inputs
	}
	return nil
}
