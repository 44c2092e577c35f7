package pages

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Passkeys is what the pages about passkeys ask for and do: *settings.House.
type Passkeys interface {
	ListPasskeys(ctx context.Context, me *session.Live) ([]passkey.Key, error)
	BeginPasskey(ctx context.Context, me *session.Live) (passkey.CreationOptions, error)
	AddPasskey(ctx context.Context, me *session.Live, credential []byte, name string) (passkey.Key, error)
	RenamePasskey(ctx context.Context, me *session.Live, passkeyID, name string) error
	RemovePasskey(ctx context.Context, me *session.Live, passkeyID string) error
}

var _ Passkeys = (*settings.House)(nil)

const passkeysPath = "/account/security/passkeys"

// passkeysPage lists the passkeys and adds one.
type passkeysPage struct {
	accountFrame
	Keys    []passkeyRow
	Most    int
	Full    bool
	Allowed bool   // enough is proved to add one
	Prove   string // where to prove more
	Name    string // suggested for a new one
}

func (passkeysPage) file() string { return "security_passkeys" }

type passkeyRow struct {
	passkey.Key
	Name, Kind, Icon, Href string
	Suspect                bool
}

func (f *Frame) passkeyRow(k passkey.Key) passkeyRow {
	row := passkeyRow{Key: k, Name: cmp.Or(k.Name, f.T("page.passkeys.unnamed")), Kind: f.T("page.passkeys.device"), Icon: "fingerprint", Href: passkeysPath + "/" + k.ID}
	if k.Synced() {
		row.Kind = f.T("page.passkeys.synced")
	}
	if !k.Works() {
		row.Suspect, row.Icon = true, "triangle-alert"
	}
	return row
}

func (p *Pages) mountPasskeys(rt *httpd.Router) {
	rt.Handle("GET "+passkeysPath, p.signedIn(p.passkeys))
	rt.Handle("POST "+passkeysPath, p.signedIn(p.passkeysAnswer))
	rt.Handle("POST "+passkeysPath+"/options", p.signedIn(p.passkeyOptions))
	rt.Handle("GET "+passkeysPath+"/{id}", p.signedIn(p.onePasskey))
	rt.Handle("POST "+passkeysPath+"/{id}", p.signedIn(p.onePasskeyAnswer))
	rt.Handle("GET /.well-known/passkey-endpoints", p.passkeyEndpoints)
	rt.Handle("GET /.well-known/webauthn", p.relatedOrigins)
}

func (p *Pages) passkeys(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.passkeysPage(w, r, me, http.StatusOK, p.noticed(r, me), passkey.SuggestName(me.Device.Name))
}

func (p *Pages) passkeysPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame, name string) error {
	list, err := p.cfg.Passkeys.ListPasskeys(r.Context(), me)
	if err != nil {
		return err
	}
	allowed, err := p.cfg.Accounts.Allowed(r.Context(), me, policy.AddMethod)
	if err != nil {
		return err
	}
	return p.write(w, status, p.passkeysView(f, list, allowed, name))
}

func (p *Pages) passkeysView(f *Frame, list []passkey.Key, allowed bool, name string) view {
	v := passkeysPage{accountFrame: p.accountFrame(f, "/account/security"), Most: passkey.Most, Full: len(list) >= passkey.Most,
		Allowed: allowed, Prove: proveAddress(string(policy.AddMethod), passkeysPath), Name: name}
	for _, k := range list {
		v.Keys = append(v.Keys, f.passkeyRow(k))
	}
	v.Scripts = append(v.Scripts, "passkey.js")
	f.titled(f.T("page.passkeys.title"))
	return v
}

// passkeysAnswer adds the passkey that the browser made.
func (p *Pages) passkeysAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	if form.Get("input") != "add" {
		return fault.InvalidInput
	}
	_, err = p.cfg.Passkeys.AddPasskey(r.Context(), me, []byte(form.Get("credential")), form.Get("name"))
	if err == nil {
		return seeOther(w, passkeysPath+"?done=passkey_added")
	}
	if led, gone := toProof(w, r, err); led {
		return gone
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	f.Fault = f.refusal(fail)
	return p.passkeysPage(w, r, me, fail.Status, f, form.Get("name"))
}

// passkeyOptions begins a registration, for the script.
func (p *Pages) passkeyOptions(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	o, err := p.cfg.Passkeys.BeginPasskey(r.Context(), me)
	if err != nil {
		return err
	}
	return writeOptions(w, o)
}

// writeOptions answers the script with options for the browser; nil: none are
// offered now.
func writeOptions(w http.ResponseWriter, options any) error {
	return writeJSON(w, map[string]any{"options": options})
}

func writeJSON(w http.ResponseWriter, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return httpd.WriteBuffer(w, "application/json", bytes.NewBuffer(text))
}

// onePasskeyPage is one passkey: its name, and at the end its removal.
type onePasskeyPage struct {
	accountFrame
	Key  passkeyRow
	Name string
}

func (onePasskeyPage) file() string { return "security_passkey" }

func (p *Pages) onePasskey(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.onePasskeyPage(w, r, me, http.StatusOK, p.frame(r, me))
}

// onePasskeyPage shows a passkey of this account; a stranger's and a missing one
// are both not found (S-62).
func (p *Pages) onePasskeyPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
	list, err := p.cfg.Passkeys.ListPasskeys(r.Context(), me)
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.ID == r.PathValue("id") {
			return p.write(w, status, p.onePasskeyView(f, k))
		}
	}
	return fault.NotFound
}

func (p *Pages) onePasskeyView(f *Frame, k passkey.Key) view {
	v := onePasskeyPage{accountFrame: p.accountFrame(f, passkeysPath), Key: f.passkeyRow(k), Name: k.Name}
	f.titled(v.Key.Name)
	return v
}

func (p *Pages) onePasskeyAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	done := "passkey_renamed"
	switch form.Get("input") {
	case "rename":
		err = p.cfg.Passkeys.RenamePasskey(r.Context(), me, r.PathValue("id"), form.Get("name"))
	case "remove":
		done = "passkey_removed"
		err = p.cfg.Passkeys.RemovePasskey(r.Context(), me, r.PathValue("id"))
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, passkeysPath+"?done="+done)
	}
	if led, gone := toProof(w, r, err); led {
		return gone
	}
	if fault.From(err) == nil || fault.NotFound.Is(err) {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	f.Fault = f.refusal(fail)
	return p.onePasskeyPage(w, r, me, fail.Status, f)
}

// passkeyEndpoints tells password managers where passkeys are made and kept (W3C,
// A Well-Known URL for Relying Party Passkey Endpoints).
func (p *Pages) passkeyEndpoints(w http.ResponseWriter, _ *http.Request) error {
	at := p.cfg.PublicURL.JoinPath(passkeysPath).String()
	return writeJSON(w, map[string]string{"enroll": at, "manage": at})
}

// relatedOrigins tells browsers on which other sites our passkeys may be used
// (WebAuthn Level 3 section 5.11).
func (p *Pages) relatedOrigins(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string][]string{"origins": p.cfg.RelatedOrigins})
}

// passkeyPage is the step at which a passkey is asked for.
type passkeyPage struct {
	stepFrame
	Why      []string
	OtherWay bool
}

func (passkeyPage) file() string { return "step_passkey" }

func (b stepBuilder) passkey(s step.Passkey) view {
	p := passkeyPage{stepFrame: b.base(), Why: b.reasons(s.Why), OtherWay: true}
	p.Scripts = append(p.Scripts, "passkey.js")
	p.titled(b.T("step.passkey.title"))
	return p
}

// passkey gives the script the options of the present step. Where no journey is
// under way it begins one: a challenge belongs to a journey. A look at the page
// without a script still writes nothing.
func (j *journeyPage) passkey(w http.ResponseWriter, r *http.Request) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil {
		return err
	}
	if v.ticket.Step == nil && v.kind == "signin" {
		if err := v.begin(); err != nil {
			return err
		}
	}
	if s, ok := asStep[step.Passkey](v.ticket.Step); ok {
		return writeOptions(w, s.Options)
	}
	if s, ok := asStep[step.Identify](v.ticket.Step); ok {
		return writeOptions(w, s.Passkey)
	}
	return writeOptions(w, nil)
}

// passkeySamples are passkeys of every kind.
func passkeySamples(now time.Time) []passkey.Key {
	return []passkey.Key{
		{ID: "AZqfK2x0b1y5c7d9e1f3gA", Name: "Pixel 9", Flags: 0x5d, BackedUp: true, CreatedAt: now.AddDate(0, -3, 0), UsedAt: now.Add(-3 * time.Hour)},
		{ID: "AZqfK2x0b1y5c7d9e1f3gB", Flags: 0x45, CreatedAt: now.AddDate(0, -1, 0)},
		{ID: "AZqfK2x0b1y5c7d9e1f3gC", Name: "Pixel 9", Flags: 0x45, CreatedAt: now.AddDate(-1, 0, 0), UsedAt: now.AddDate(0, 0, -1), SuspectAt: now.AddDate(0, 0, -1)},
	}
}

func passkeyStories() []story {
	list := func(keys int, allowed bool, code string) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			s.signIn()
			if code != "" {
				s.refuse(s.declared(code))
			}
			return s.passkeysView(s.f, passkeySamples(s.f.now)[:keys], allowed, "Firefox on Linux"), nil
		}
	}
	one := func(which int) func(s *stage) (view, error) {
		return func(s *stage) (view, error) {
			s.signIn()
			return s.onePasskeyView(s.f, passkeySamples(s.f.now)[which]), nil
		}
	}
	ask := func(*stage) step.Step {
		return step.Passkey{Head: step.Head{Type: step.TypePasskey, Inputs: []string{"passkey", "other_way"}}, Why: []string{"new_device"}}
	}
	return []story{
		{name: "passkeys", make: list(3, true, "")},
		{name: "passkeys.none", make: list(0, true, "")},
		{name: "passkeys.prove", make: list(1, false, "")},
		{name: "passkeys.invalid", status: 422, make: list(1, true, "passkey_invalid")},
		{name: "passkeys.one", make: one(0)},
		{name: "passkeys.suspect", make: one(2)},
		{name: "prove.passkey", make: proving("signin", ask, "", "")},
		{name: "prove.passkey_invalid", status: 422, make: proving("signin", ask, "passkey_invalid", "")},
	}
}
