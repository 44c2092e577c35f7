package pages

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// journeyPage is the one address of a kind of journey.
type journeyPage struct {
	*Pages
	path string
	kind string
	home string // where it leads if nothing else was asked for; empty: the account page
}

// visit is one request to a journey's address.
type visit struct {
	*journeyPage
	w        http.ResponseWriter
	r        *http.Request
	who      flow.Visitor
	me       *session.Live
	ticket   flow.Ticket // zero Step: no journey is under way
	handle   flow.Handle
	form     url.Values // nil on GET
	region   region.Region
	returnTo string
	with     string    // how to identify: phone, email, password
	action   string    // of a proof: what it is for
	opening  step.Step // of a proof that has not begun
}

func (j *journeyPage) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	me, err := j.cfg.Session(r)
	if err != nil {
		return nil, err
	}
	v := &visit{journeyPage: j, w: w, r: r, who: j.cfg.Visitor(r), me: me}
	v.who.Session, v.who.Surface = me, surface(r)
	if cookie, ok := httpd.Cookie(r, httpd.JourneyCookie); ok {
		v.handle.ID, v.handle.Key, _ = strings.Cut(cookie, ".")
	}
	query := r.URL.Query()
	get := query.Get
	if r.Method == http.MethodPost {
		if v.form, err = httpd.Form(r); err != nil {
			return nil, err
		}
		get = v.form.Get
	}
	var asked bool
	if v.returnTo, asked = httpd.ReturnPath(get("return")); !asked {
		v.returnTo = j.home
	}
	if !asked && v.form != nil {
		if back, ok := httpd.ReturnPath(query.Get("return")); ok {
			v.returnTo = back
		}
	}
	v.with, v.action = query.Get("with"), query.Get("for")
	v.setRegion(get("region"))
	return v, nil
}

// setRegion takes the region that was asked for, else that of the country that
// was picked before, else the default.
func (v *visit) setRegion(asked string) {
	all := v.cfg.Regions.All()
	v.region = all[0]
	country, _ := httpd.Cookie(v.r, httpd.CountryCookie)
	for _, r := range all {
		if asked == "" && country == r.Country {
			v.region = r
		}
	}
	for _, r := range all {
		if asked == r.Name {
			v.region = r
		}
	}
	if v.region.Zone != nil {
		httpd.From(v.r.Context()).Zone = v.region.Zone
	}
}

// load shows the journey of the cookie; one that is over or of another kind is none.
func (v *visit) load() error {
	if v.handle.ID == "" {
		return nil
	}
	t, err := v.cfg.Journeys.Show(v.r.Context(), v.who, v.handle)
	switch f := fault.From(err); {
	case err == nil && t.Kind == v.kind && t.Step.StepType() != step.TypeDone && (v.action == "" || t.For == v.action) && !v.elsewhere(t):
		v.take(t)
	case err == nil || f != nil && (f.Status == http.StatusNotFound || f.Status == http.StatusGone):
		v.handle = flow.Handle{}
	default:
		return err
	}
	return nil
}

// elsewhere tells whether the person has come by an address of another region, or
// for another page, than a journey that nothing was told to yet.
func (v *visit) elsewhere(t flow.Ticket) bool {
	if t.Step.StepType() != step.TypeIdentify {
		return false
	}
	region := v.r.URL.Query().Get("region")
	if v.form != nil {
		region = v.form.Get("region")
	}
	return region != "" && region != t.Region || v.returnTo != "" && v.returnTo != t.ReturnTo
}

func (v *visit) take(t flow.Ticket) {
	v.ticket = t
	if t.ReturnTo != "" {
		v.returnTo = t.ReturnTo
	}
	if t.For != "" {
		v.action = t.For
	}
	if t.Region != "" {
		v.setRegion(t.Region)
	}
}

// show answers GET.
func (j *journeyPage) show(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil {
		return err
	}
	if answered, err := v.comeBack(); answered {
		return err
	}
	if v.with != "" && v.mayIdentifyAnew() {
		v.ticket.Step = nil
	}
	return v.page(http.StatusOK, nil)
}

// mayIdentifyAnew tells whether a link to another way to say who one is ("with")
// may show the first step although a journey is under way: until something is
// proved that would be lost.
func (v *visit) mayIdentifyAnew() bool {
	if v.ticket.Step == nil {
		return false
	}
	switch v.ticket.Step.StepType() {
	case step.TypePassword, step.TypeCaptcha, step.TypeChooseMethod, step.TypeCode, step.TypeRedirect:
		return true
	}
	return false
}

// page renders the present step, with a refusal if there is one.
func (v *visit) page(status int, refused error) error {
	f := v.frame(v.r, v.me)
	f.Path = v.path
	var fail httpd.Failure
	if refused != nil {
		fail = v.cfg.Explain(v.r.Context(), refused)
		status = fail.Status
	}
	b := stepBuilder{Frame: f, v: v}
	if refused != nil {
		f.Fault = f.refusal(fail, b.waysOut(fail.Code)...)
		b.elsewhere(fail)
	}
	page, err := b.build()
	if err != nil {
		return err
	}
	return v.write(v.w, status, page)
}

// answer answers POST: one input, then 303 to GET, or the same step with the refusal.
func (j *journeyPage) answer(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	return v.answer()
}

func (v *visit) answer() error {
	input := v.form.Get("input")
	if input == "restart" {
		return v.restart()
	}
	v.rememberCountry()
	v.with = map[string]string{"username": "password", "email": "email"}[input]
	err := v.give(v.input(input))
	if err == nil && input == "username" && v.form.Get("password") != "" && v.ticket.Step.StepType() == step.TypePassword {
		err = v.give(flow.Input{Input: "password", Password: v.form.Get("password")})
	}
	switch {
	case err == nil:
		return v.goOn()
	case fault.From(err) == nil:
		return err
	case v.done() || flow.JourneyExpired.Is(err) && v.justSignedIn():
		return v.goOn() // the form was sent twice, or another tab was quicker
	}
	return v.page(0, err)
}

// done tells whether the journey has ended well.
func (v *visit) done() bool {
	_, ended := asStep[step.Done](v.ticket.Step)
	return ended
}

// justSignedIn tells whether this browser has no journey because one ended here
// a moment ago.
func (v *visit) justSignedIn() bool {
	return v.handle.ID == "" && v.me != nil && v.cfg.Clock.Now().Sub(v.me.CreatedAt) < signedInJust
}

// signedInJust is how long an answer to a journey of before still leads on: the
// life of a journey, by default.
const signedInJust = 15 * time.Minute

// restart goes back to the first step: inside the journey where it can, so that
// what was spent and what was sent stay known; else by leaving it.
func (v *visit) restart() error {
	if err := v.load(); err != nil {
		return err
	}
	if v.takes("back") {
		if err := v.give(flow.Input{Input: "back"}); err == nil {
			return seeOther(v.w, v.path)
		} else if fault.From(err) == nil {
			return err
		}
	}
	httpd.ClearCookie(v.r, httpd.JourneyCookie)
	if v.kind == proveKind { // whoever leaves it does without
		return seeOther(v.w, "/account")
	}
	return seeOther(v.w, v.start())
}

// takes tells whether the present step takes an input.
func (v *visit) takes(input string) bool { return slices.Contains(stepInputs(v.ticket.Step), input) }

// start is the address of the first step, with what the person came with.
func (v *visit) start() string {
	q := url.Values{}
	if v.returnTo != "" {
		q.Set("return", v.returnTo)
	}
	if v.region.Name != v.cfg.Regions.All()[0].Name {
		q.Set("region", v.region.Name)
	}
	if len(q) == 0 {
		return v.path
	}
	return v.path + "?" + q.Encode()
}

// identifying are the inputs that a journey begins with.
var identifying = []string{"phone", "email", "username", "provider", "passkey"}

// give gives an input to the journey, beginning one if it must. Who says anew
// who they are while a proof is asked for begins anew.
func (v *visit) give(in flow.Input) error {
	ctx, first := v.r.Context(), v.beginning(in)
	if v.handle.ID != "" {
		t, err := v.cfg.Journeys.Answer(ctx, v.who, v.handle, in)
		again := first && (t.Step == nil || t.Kind != v.kind || flow.JourneyStep.Is(err))
		if !again {
			if t.Step != nil {
				v.take(t)
			} else if f := fault.From(err); f != nil && (f.Status == http.StatusNotFound || f.Status == http.StatusGone) {
				httpd.ClearCookie(v.r, httpd.JourneyCookie)
				return flow.JourneyExpired
			}
			return err
		}
	}
	if !first {
		return flow.JourneyExpired
	}
	if err := v.begin(); err != nil || v.done() { // done: nothing more is asked for
		return err
	}
	t, err := v.cfg.Journeys.Answer(ctx, v.who, v.handle, in)
	if t.Step != nil {
		v.take(t)
	}
	return err
}

// begin begins a journey in this browser.
func (v *visit) begin() error {
	t, err := v.cfg.Journeys.Begin(v.r.Context(), v.who, flow.Begin{Kind: v.kind, For: v.action, Region: v.region.Name, Country: v.form.Get("country"), ReturnTo: v.returnTo})
	if err != nil {
		return err
	}
	v.handle = flow.Handle{ID: t.ID, Key: t.Key}
	httpd.SetCookie(v.r, httpd.JourneyCookie, t.ID+"."+t.Key, t.ExpiresAt.Sub(v.cfg.Clock.Now()))
	v.take(t)
	return nil
}

// input reads the fields that an input takes from the form.
func (v *visit) input(name string) flow.Input {
	in, get := flow.Input{Input: name}, v.form.Get
	switch name {
	case "phone":
		in.Phone, in.Country = strings.TrimSpace(get("phone")), get("country")
	case "email":
		in.Email = strings.TrimSpace(get("email"))
	case "username":
		in.Username, in.Country = strings.TrimSpace(get("username")), get("country")
	case "password", "new_password":
		in.Password = get("password")
	case "code":
		if in.Code = readCode(get("code")); v.kept() {
			in.Code = strings.TrimSpace(get("code")) // letters count
		}
	case "answers":
		in.Answers = answersOf(v.form)
	case "method":
		in.Method = get("method")
	case "provider":
		in.Provider = get("provider")
	case "captcha":
		in.Answer = strings.TrimSpace(get("answer"))
	case "passkey":
		in.Credential = json.RawMessage(get("credential"))
	case "refresh":
		// takes nothing
	}
	return in
}

// goOn redirects after an accepted input. At the end of the journey the session
// begins in this browser and the handle ends (S-56).
func (v *visit) goOn() error {
	if v.ticket.Step != nil && !v.done() {
		return seeOther(v.w, v.path+v.onTheWay())
	}
	if done, ok := asStep[step.Done](v.ticket.Step); ok && done.Session != nil && done.Session.Token != "" {
		httpd.SetCookie(v.r, httpd.SessionCookie, done.Session.Token, v.cfg.SessionLife)
		if err := v.trust(done.Session.Token); err != nil {
			return err
		}
	}
	httpd.ClearCookie(v.r, httpd.JourneyCookie)
	if done, ok := asStep[step.Done](v.ticket.Step); ok {
		if done.Result == "found" && done.Account != nil {
			id, _ := account.ReadID(done.Account.ID)
			return v.write(v.w, http.StatusOK, v.foundView(v.frame(v.r, v.me), id.Spaced()))
		}
		if v.kind == linkKind {
			return v.linkDone(done)
		}
		if page := resultPath(done.Result, v.returnTo); page != "" {
			return seeOther(v.w, page)
		}
	}
	if v.returnTo != "" {
		return seeOther(v.w, v.returnTo)
	}
	return seeOther(v.w, "/account")
}

// rememberCountry keeps the picked country for the next time.
func (v *visit) rememberCountry() {
	iso := v.form.Get("country")
	for _, c := range v.cfg.Countries {
		if c.ISO == iso {
			httpd.SetCookie(v.r, httpd.CountryCookie, iso, httpd.DeviceLife)
		}
	}
}

// delivery tells a script how far the message has come.
func (j *journeyPage) delivery(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil {
		return err
	}
	answer := struct {
		State string `json:"state"`
		Text  string `json:"text,omitempty"`
		Final bool   `json:"final"`
	}{State: "over", Final: true}
	if s, ok := asStep[step.DevicePrompt](v.ticket.Step); ok {
		answer.State, answer.Final = s.State, s.State != "waiting"
	}
	if c, ok := asStep[step.Code](v.ticket.Step); ok {
		page := codePage{stepFrame: stepFrame{Frame: v.frame(r, v.me)}}
		page.describe(c.Delivery, c.Channel)
		answer.State, answer.Text, answer.Final = page.DeliveryState, page.Delivery, !page.Moving
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	_, err = w.Write(body)
	return err
}

// asStep reads a step that a journey may hand out as a value or a pointer.
func asStep[S any](s step.Step) (S, bool) {
	switch x := any(s).(type) {
	case S:
		return x, true
	case *S:
		if x != nil {
			return *x, true
		}
	}
	var none S
	return none, false
}

// codeLength is the length of the codes that are looked for in pasted texts.
const codeLength = 6

// readCode finds the code in whatever was typed or pasted: digits with spaces,
// full-width digits, or the whole message.
func readCode(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= '０' && r <= '９' {
			return r - '０' + '0'
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n-.\u00a0\u200b\u2009\u202f", r) {
			return -1
		}
		return r
	}, s)
	if strings.Trim(bare, "0123456789") == "" {
		return bare
	}
	runs := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	for _, run := range runs {
		if len(run) == codeLength {
			return run
		}
	}
	return strings.TrimSpace(s)
}

// waysOut are the ways on beside a refusal.
func (b stepBuilder) waysOut(code string) []Way {
	if code == "account_frozen" && b.v.kind != "unfreeze" {
		return []Way{{Href: unfreezePath, Text: b.T("page.result.to_unfreeze"), Icon: "lock-open"}}
	}
	if b.v.kind == proveKind || b.v.isNamed() {
		return nil
	}
	phone := Way{Href: b.v.path + "?with=phone", Text: b.T("page.way_phone"), Icon: "smartphone"}
	password := Way{Href: b.v.path + "?with=password", Text: b.T("page.way_password"), Icon: "key-round"}
	here := b.v.ticket.Step == nil || b.v.ticket.Step.StepType() == step.TypeIdentify
	switch code {
	case "credentials_invalid", "username_invalid":
		if b.offers("phone") {
			return []Way{phone}
		}
	case "too_many_attempts":
		if b.v.with == "password" && b.offers("phone") {
			return []Way{phone}
		}
	case "codes_limited", "phone_not_mobile", "phone_not_personal", "country_not_served":
		if here && b.v.kind == "signin" && b.offers("username") {
			return []Way{password}
		}
	}
	return nil
}
