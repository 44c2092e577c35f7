package pages

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
)

// TestOneThingToDo: the security page says how somebody gets in now, and one
// thing that would help most, until there is none.
func TestOneThingToDo(t *testing.T) {
	p, _ := site(t, testConfig(t))
	f := p.newFrame("en", nil)
	phone := contact.Contact{Kind: contact.Phone, Address: "+8613800138000"}
	mail := contact.Contact{Kind: contact.Email, Address: "a@example.com"}
	ways := func(all ...policy.Method) (out []policy.Way) {
		for _, m := range all {
			out = append(out, policy.Way{Method: m})
		}
		return out
	}
	tests := []struct {
		name       string
		o          settings.Overview
		safe, next string // a piece of the sentence; the address
	}{
		{"a phone only", settings.Overview{Contacts: []contact.Contact{phone}, Ways: ways(policy.SMSCode), Offered: everyMethod}, "Whoever holds your phone number", "/account/security/passkeys"},
		{"a phone only, no passkeys here", settings.Overview{Contacts: []contact.Contact{phone}, Ways: ways(policy.SMSCode)}, "Whoever holds your phone number", addEmail},
		{"a mailbox only, no passkeys here", settings.Overview{Contacts: []contact.Contact{mail}, Ways: ways(policy.EmailCode)}, "Whoever reads your mailbox", addPhone},
		{"nothing to be reached by", settings.Overview{Ways: ways(policy.Passkey), Offered: everyMethod}, "Only your passkey", "/account/contacts"},
		{"several, a text is enough", settings.Overview{Contacts: []contact.Contact{phone, mail}, Ways: ways(policy.SMSCode, policy.EmailCode), Offered: everyMethod}, "A single text message is enough", "/account/security/two-step"},
		{"several, no phone", settings.Overview{Contacts: []contact.Contact{mail}, Ways: ways(policy.EmailCode, policy.Password), Offered: everyMethod}, "losing one does not lock you out", "/account/security/two-step"},
		{"two steps", settings.Overview{Contacts: []contact.Contact{phone}, Ways: ways(policy.SMSCode, policy.TOTP, policy.RecoveryCode), Offered: everyMethod, CodesLeft: 8}, "Getting in takes two proofs, and you have 3 ways", ""},
		{"two steps, hardly a code left", settings.Overview{Contacts: []contact.Contact{phone}, Ways: ways(policy.SMSCode, policy.TOTP, policy.RecoveryCode), Offered: everyMethod, CodesLeft: 2}, "takes two proofs", "/account/security/recovery-codes"},
	}
	for _, tt := range tests {
		tt.o.Account.TwoStep = strings.HasPrefix(tt.name, "two steps")
		safe, next, why := f.safety(tt.o)
		if !strings.Contains(safe, tt.safe) || next.Href != tt.next || (next.Href == "") != (why == "") {
			t.Errorf("%s: %q, then %q because %q; want %q and %q", tt.name, safe, next.Href, why, tt.safe, tt.next)
		}
	}
	protected := settings.Overview{Contacts: []contact.Contact{phone, mail}, Ways: ways(policy.SMSCode, policy.Password)}
	protected.Account.Protected = true
	if safe, _, _ := f.safety(protected); strings.Contains(safe, "single text message") {
		t.Errorf("S-81: a text alone is not enough, and the page says %q", safe)
	}
}

// TestS159_NoticesAreShown: what the owner was told, whether it arrived, and a
// concern on the account page where it did not.
func TestS159_NoticesAreShown(t *testing.T) {
	h := &house{}
	b := signedInAs(t, h)
	told := func(state, reason string, ago time.Duration) proof.Told {
		return proof.Told{Notice: notice.Notice{ID: state, At: testNow.Add(-ago), Purpose: "notice_device", Channel: "email", To: "a***@e***.com"}, State: state, Reason: reason}
	}
	h.told = []proof.Told{told("delivered", "", time.Hour), told("failed", "mailbox_full", 2*time.Hour)}
	body := b.get("/account/notices").Body.String()
	for _, want := range []string{"A sign-in on a new device", "Delivered", "the mailbox is full", "a***@e***.com", "can&#39;t be switched off"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if body := b.get("/account").Body.String(); !strings.Contains(body, "could not be delivered") || !strings.Contains(body, `href="/account/notices"`) {
		t.Error("the account page does not say that a notice did not arrive")
	}
	h.told = h.told[:1]
	if body := b.get("/account").Body.String(); strings.Contains(body, "could not be delivered") {
		t.Error("the account page worries although all arrived")
	}
	for range noticesAPage + 1 {
		h.told = append(h.told, told("sent", "", 3*time.Hour))
	}
	if body := b.get("/account/notices").Body.String(); strings.Count(body, "<li><div class=\"item\"") != noticesAPage || !strings.Contains(body, "before=") {
		t.Error("the page is not cut, or does not lead on")
	}
}

// TestEveryActHasAnIcon: an act of the history without one would be drawn as a
// piece of news.
func TestEveryActHasAnIcon(t *testing.T) {
	for _, k := range []audit.Kind{audit.Frozen, audit.Recovered, audit.TwoStepOff, audit.PasskeyAdded, audit.ContactChanged, audit.RecoveryCodeUsed} {
		if eventIcons[k] == "" {
			t.Errorf("%s has no icon", k)
		}
	}
}

func TestResultsStandByThemselves(t *testing.T) {
	_, rt := site(t, testConfig(t))
	for name := range results {
		w := get(rt, "/done/"+name+"?return=https://evil.example/")
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `href="https://evil`) {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
	if w := get(rt, "/done/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown result: status %d", w.Code)
	}
}
