package pages

import (
	"context"
	"net/http"
	"slices"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Linked is what the page of linked accounts asks for and does: *linking.House.
type Linked interface {
	// List is what is linked to the account of a session, in the order of linking.
	List(ctx context.Context, me *session.Live) ([]link.Link, error)
	// Offered lists the providers that the account's region offers on a surface.
	Offered(me *session.Live, surface string) []string
	// Unlink removes one; its refusals are proof_required, last_way_in and not_found.
	Unlink(ctx context.Context, me *session.Live, provider string) error
	// Deletion is what became of a provider's request to delete data, by its code.
	Deletion(ctx context.Context, code string) (linking.Deletion, error)
}

var _ Linked = (*linking.House)(nil)

// The addresses of linked accounts, and of the journey that links one (the kind link).
const (
	linkedPath = "/account/linked"
	linkPath   = "/account/link"
	linkKind   = linking.Kind
)

func (p *Pages) mountLinked(rt *httpd.Router) {
	if p.cfg.Linked == nil {
		return
	}
	rt.Handle("GET "+linkedPath, p.signedIn(p.linked))
	rt.Handle("GET "+linkedPath+"/{provider}", p.signedIn(p.oneLinked))
	rt.Handle("POST "+linkedPath+"/{provider}", p.signedIn(p.unlink))
	j := &journeyPage{Pages: p, path: linkPath, kind: linkKind, home: linkedPath}
	rt.Handle("GET "+linkPath, p.signedIn(j.link))
	rt.Handle("POST "+linkPath, p.signedIn(j.linkAnswer))
	rt.Handle("GET "+linkPath+"/delivery", j.delivery)
	rt.Handle("POST "+linkPath+"/passkey", j.passkey)
	rt.Handle("GET "+linking.DeletionPath, p.deletion)
}

// linkedPage lists the linked accounts and adds one.
type linkedPage struct {
	accountFrame
	Linked []linkedRow
	Add    []ProviderChoice
	Help   []Way
}

func (linkedPage) file() string { return "account_linked" }

type linkedRow struct {
	link.Link
	Title, Icon, Href string
}

func (f *Frame) linkedRow(l link.Link) linkedRow {
	return linkedRow{Link: l, Title: f.providerName(l.Provider), Icon: f.providerIcon(l.Provider), Href: linkedPath + "/" + l.Provider}
}

// listLinked is what is linked; nothing where third-party accounts are not offered.
func (p *Pages) listLinked(ctx context.Context, me *session.Live) ([]link.Link, error) {
	if p.cfg.Linked == nil {
		return nil, nil
	}
	return p.cfg.Linked.List(ctx, me)
}

func (p *Pages) linked(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.showLinked(w, r, me, nil)
}

func (p *Pages) showLinked(w http.ResponseWriter, r *http.Request, me *session.Live, refused error) error {
	f, status := p.noticed(r, me), http.StatusOK
	if refused != nil {
		fail := p.cfg.Explain(r.Context(), refused)
		f.Fault, status = f.refusal(fail), fail.Status
	}
	list, err := p.cfg.Linked.List(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.linkedView(f, list, p.cfg.Linked.Offered(me, surface(r))))
}

// linkedHelp are the articles that answer what people ask here.
var linkedHelp = []Way{
	{Href: "/help/linked-accounts/why-cant-i-link-an-account", Text: "page.linked.help_add"},
	{Href: "/help/linked-accounts/how-do-i-remove-a-linked-account", Text: "page.linked.help_remove"},
}

func (p *Pages) linkedView(f *Frame, list []link.Link, offered []string) view {
	v := linkedPage{accountFrame: p.accountFrame(f, linkedPath)}
	for _, l := range list {
		v.Linked = append(v.Linked, f.linkedRow(l))
	}
	for _, name := range offered {
		if _, has := link.Of(list, name); !has {
			v.Add = append(v.Add, ProviderChoice{Name: name, Icon: f.providerIcon(name), Text: f.T("page.linked.add", "provider", f.providerName(name))})
		}
	}
	for _, one := range linkedHelp {
		if f.Article(one.Href) {
			v.Help = append(v.Help, Way{Href: one.Href, Text: f.T(one.Text), Icon: "circle-help"})
		}
	}
	return v
}

// oneLinkedPage tells what removing a linked account does, before the button.
type oneLinkedPage struct {
	accountFrame
	One    linkedRow
	Points []string
}

func (oneLinkedPage) file() string { return "account_linked_one" }

func (p *Pages) oneLinked(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.showOneLinked(w, r, me, nil)
}

func (p *Pages) showOneLinked(w http.ResponseWriter, r *http.Request, me *session.Live, refused error) error {
	list, err := p.cfg.Linked.List(r.Context(), me)
	if err != nil {
		return err
	}
	one, has := link.Of(list, r.PathValue("provider"))
	if !has {
		return seeOther(w, linkedPath)
	}
	f, status := p.frame(r, me), http.StatusOK
	if refused != nil {
		fail := p.cfg.Explain(r.Context(), refused)
		f.Fault, status = f.refusal(fail, f.unlinkWays(fail.Code)...), fail.Status
	}
	return p.write(w, status, p.oneLinkedView(f, one))
}

// unlinkWays are the ways on beside a refusal to remove.
func (f *Frame) unlinkWays(code string) []Way {
	if code != "last_way_in" {
		return nil
	}
	return []Way{{Href: contactsPath, Text: f.T("page.security.next.contact"), Icon: "smartphone"}, {Href: passkeysPath, Text: f.T("page.security.next.second"), Icon: "fingerprint"}}
}

func (p *Pages) oneLinkedView(f *Frame, one link.Link) view {
	v := oneLinkedPage{accountFrame: p.accountFrame(f, linkedPath), One: f.linkedRow(one)}
	for _, key := range []string{"page.linked.remove_1", "page.linked.remove_2", "page.linked.remove_3", "page.linked.remove_4"} {
		v.Points = append(v.Points, f.T(key, "provider", v.One.Title))
	}
	f.titled(f.T("page.linked.one", "provider", v.One.Title))
	return v
}

// unlink removes a linked account. One that is gone already is what was wanted.
func (p *Pages) unlink(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	if form.Get("input") != "remove" {
		return fault.InvalidInput
	}
	err = p.cfg.Linked.Unlink(r.Context(), me, r.PathValue("provider"))
	if err == nil || fault.NotFound.Is(err) {
		return seeOther(w, linkedPath+"?done=unlinked")
	}
	if led, gone := toProof(w, r, err); led {
		return gone
	}
	if fault.From(err) == nil || session.Required.Is(err) {
		return err
	}
	return p.showOneLinked(w, r, me, err)
}

// link shows the journey that links an account. It begins on the page of linked
// accounts only, where one is picked.
func (j *journeyPage) link(w http.ResponseWriter, r *http.Request, _ *session.Live) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if err := v.load(); err != nil {
		return err
	}
	if v.ticket.Step == nil {
		return seeOther(w, linkedPath)
	}
	if answered, err := v.comeBack(); answered {
		return err
	}
	return v.page(http.StatusOK, nil)
}

// linkAnswer answers POST: the provider that was picked begins the journey.
func (j *journeyPage) linkAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	v, err := j.visit(w, r)
	if err != nil {
		return err
	}
	if v.form.Get("input") != "add" {
		if err := v.load(); err != nil { // a journey of another kind is not moved from here
			return err
		}
		if v.ticket.Step == nil {
			return seeOther(w, linkedPath)
		}
		return v.answer()
	}
	v.handle, v.action = flow.Handle{}, v.form.Get("provider")
	if err := v.begin(); err != nil {
		if fault.From(err) == nil || session.Required.Is(err) {
			return err
		}
		return j.showLinked(w, r, me, err)
	}
	return v.goOn()
}

// linkedState is the linked accounts in one line.
func (f *Frame) linkedState(list []link.Link) string {
	var names []string
	for _, l := range list {
		names = append(names, f.providerName(l.Provider))
	}
	if names == nil {
		return f.T("page.linked.none")
	}
	return f.book.List(f.Lang, slices.Compact(names)...)
}

// linkDone is where the journey ends: the list, with what was done.
func (v *visit) linkDone(done step.Done) error {
	return seeOther(v.w, linkedPath+"?done=link_"+done.Result)
}

// deletion says what became of a provider's request to delete data, to whoever has
// its code. It tells nothing of an account (S-17).
func (p *Pages) deletion(w http.ResponseWriter, r *http.Request) error {
	d, err := p.cfg.Linked.Deletion(r.Context(), r.URL.Query().Get("c"))
	if err != nil {
		return err
	}
	return p.write(w, http.StatusOK, p.deletionView(p.frame(r, nil), d))
}

// deletionView is a result: page.federation.deletion.<result> says what it means.
func (p *Pages) deletionView(f *Frame, d linking.Deletion) view {
	v := resultPage{Frame: f, Icon: "circle-check", Heading: f.T("page.federation.deletion_title", "provider", f.providerName(d.Provider)),
		Primary: Way{Href: linkedPath, Text: f.T("page.linked.title")}, Rows: []Way{{Href: "/", Text: f.T("page.home"), Icon: "house"}}}
	key := "page.federation.deletion." + d.Result
	if !f.has(key) {
		key = "page.federation.deletion.nothing"
	}
	v.Lead = f.T(key, "provider", f.providerName(d.Provider))
	v.When = f.H("page.federation.deletion_at", "time", f.At(d.At))
	return v.named()
}
