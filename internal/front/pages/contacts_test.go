package pages

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// changes are changes of contacts with fixed answers, that note what was done.
type changes struct {
	waiting   []contacts.Pending
	objection contacts.Objection
	refuse    error
	did       []string
}

func (c *changes) Waiting(context.Context, *session.Live) ([]contacts.Pending, error) {
	return c.waiting, nil
}
func (c *changes) Withdraw(_ context.Context, _ *session.Live, id string) error {
	c.did = append(c.did, "withdraw "+id)
	return c.refuse
}
func (c *changes) Look(_ context.Context, token string) (contacts.Objection, error) {
	c.did = append(c.did, "look "+token)
	return c.objection, c.refuse
}
func (c *changes) Object(_ context.Context, token string, _ flow.Visitor) (contacts.Objection, error) {
	c.did = append(c.did, "object "+token)
	return c.objection, c.refuse
}

// TestS069_WaitingChangesAreShown: what waits stands on the page with its time and
// the button that ends it; what is young says until when it proves nothing.
func TestS069_WaitingChangesAreShown(t *testing.T) {
	h := &house{contacts: []contact.Contact{{Kind: contact.Phone, Address: "+8613800138000", VerifiedAt: testNow.Add(-time.Hour)}}}
	h.changes.waiting = []contacts.Pending{{ID: "w1", Kind: change.ReplacePhone, Shown: "+86 139 **** 9000", ReadyAt: testNow.Add(time.Hour)},
		{ID: "w2", Kind: change.DisputePhone, Shown: "+86 138 **** 8000", ReadyAt: testNow.Add(time.Hour)}}
	b := signedInAs(t, h)
	b.get("/account/contacts")
	for _, want := range []string{"+86 139 **** 9000", `value="w1"`, `value="w2"`, "proves nothing by itself", "/account/contacts/change-phone", "/account/contacts/remove-phone", "/account/contacts/add-email", "/account/contacts/dispute-email"} {
		if !strings.Contains(b.page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if w := b.post("/account/contacts", "input", "withdraw", "change", "w1"); w.Code != http.StatusSeeOther || !slices.Contains(h.changes.did, "withdraw w1") {
		t.Errorf("withdrawing answers %d and did %q", w.Code, h.changes.did)
	}
	if b.get("/account/contacts?done=withdrawn"); !strings.Contains(b.page, "It will not happen") {
		t.Error("the page does not say that it was withdrawn")
	}
}

// TestS019_ObjectionPage: looking changes nothing, however often; the page sends
// no referrer and loads nothing foreign; the button posts the token.
func TestS019_ObjectionPage(t *testing.T) {
	h := &house{}
	h.changes.objection = contacts.Objection{Kind: change.ChangePhone, Contact: contact.Phone, Before: "+86 138 **** 8000", After: "+86 139 **** 9000", BegunAt: testNow, Freezes: true}
	b := signedInAs(t, h)
	for range 2 {
		w := b.get("/objection?token=sso_secret")
		if w.Code != http.StatusOK || w.Header().Get("Referrer-Policy") != "no-referrer" || strings.Contains(b.page, "//") && strings.Contains(b.page, `src="http`) {
			t.Errorf("status %d, referrer policy %q, or something foreign", w.Code, w.Header().Get("Referrer-Policy"))
		}
	}
	if slices.ContainsFunc(h.changes.did, func(s string) bool { return strings.HasPrefix(s, "object") }) || !strings.Contains(b.page, `value="sso_secret"`) {
		t.Errorf("looking did %q", h.changes.did)
	}
	if strings.Contains(b.page, "4821") {
		t.Error("the page tells whose account it is")
	}
	if w := b.post("/objection", "input", "object", "objection", "sso_secret"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/done/objected" {
		t.Errorf("the button answers %d to %q", w.Code, w.Header().Get("Location"))
	}
	h.changes.objection.Freezes = false
	if w := b.post("/objection", "input", "object", "objection", "sso_secret"); w.Header().Get("Location") != "/done/kept" {
		t.Errorf("of a dispute it leads to %q", w.Header().Get("Location"))
	}
	for _, c := range []struct {
		refuse error
		status int
	}{{contacts.ObjectionUsed, http.StatusConflict}, {contacts.ObjectionExpired, http.StatusGone}, {fault.NotFound, http.StatusGone}} {
		h.changes.refuse = c.refuse
		if w := b.post("/objection", "input", "object", "objection", "sso_secret"); w.Code != c.status || !strings.Contains(b.page, "/recover") || strings.Contains(b.page, `value="object"`) {
			t.Errorf("%v: status %d, or no way on, or the button again", c.refuse, w.Code)
		}
	}
	h.changes.refuse, h.changes.objection.Refused = nil, contacts.ObjectionUsed
	if w := b.get("/objection?token=sso_secret"); w.Code != http.StatusConflict || strings.Contains(b.page, `value="object"`) {
		t.Errorf("looking at a used one: status %d, or the button", w.Code)
	}
}
