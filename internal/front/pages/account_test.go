package pages

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// house is an account page's house with fixed answers that notes what was done.
type house struct {
	me       session.Live
	contacts []contact.Contact
	devices  []settings.Device
	events   []audit.Entry
	told     []proof.Told
	refuse   error
	did      []string
	changes  changes
}

func (h *house) Overview(context.Context, *session.Live) (settings.Overview, error) {
	return settings.Overview{Account: h.me.Account, Contacts: h.contacts}, nil
}

func (h *house) FullContacts(context.Context, *session.Live) ([]contact.Contact, error) {
	h.did = append(h.did, "full contacts")
	return h.contacts, h.refuse
}

func (h *house) ListDevices(context.Context, *session.Live) ([]settings.Device, error) {
	return h.devices, nil
}

func (h *house) SignOut(context.Context, *session.Live) error { return h.note("sign out") }

func (h *house) RemoveDevice(_ context.Context, _ *session.Live, id string) error {
	return h.note("remove " + id)
}

func (h *house) SignOutOthers(context.Context, *session.Live) (int, error) {
	return 2, h.note("sign out others")
}

func (h *house) Allowed(_ context.Context, _ *session.Live, action policy.Action) (bool, error) {
	return len(h.me.Proved) > 0 && h.refuse == nil, nil
}

func (h *house) Activity(_ context.Context, _ *session.Live, before time.Time, n int) ([]audit.Entry, error) {
	h.did = append(h.did, fmt.Sprintf("activity %d %d", before.UnixMicro(), n))
	return h.events[:min(n, len(h.events))], nil
}

func (h *house) SetPassword(_ context.Context, _ *session.Live, password string, keep bool) error {
	return h.note(fmt.Sprint("password ", password, " ", keep))
}

func (h *house) ChangeProfile(_ context.Context, _ *session.Live, nickname, language *string) error {
	if nickname != nil {
		return h.note("nickname " + *nickname)
	}
	return h.note("language " + *language)
}

func (h *house) Told(_ context.Context, _ *session.Live, before time.Time, n int) ([]proof.Told, error) {
	h.did = append(h.did, fmt.Sprintf("told %d %d", before.UnixMicro(), n))
	return h.told[:min(n, len(h.told))], nil
}

func (h *house) SetAvatar(_ context.Context, _ *session.Live, picture []byte) error {
	return h.note(fmt.Sprintf("avatar %d bytes", len(picture)))
}

func (h *house) Avatar(context.Context, *session.Live) ([]byte, error) {
	return []byte("\x89PNG\r\n\x1a\n"), nil
}

func (h *house) note(what string) error { h.did = append(h.did, what); return h.refuse }

// signedInAs opens a browser in which somebody is signed in.
func signedInAs(t *testing.T, h *house) *browser {
	t.Helper()
	h.me.AccountID, h.me.Account.ID = 482109375564, 482109375564
	if h.me.Proved == nil {
		h.me.Proved = []session.Proof{{Method: "sms_code", At: testNow.Add(-time.Minute)}}
	}
	b := open(t, &script{}, func(cfg *Config) {
		cfg.Accounts, cfg.Changes = h, &h.changes
		cfg.Session = func(r *http.Request) (*session.Live, error) {
			if c, err := r.Cookie("session"); err != nil || c.Value != "sst_1" {
				return nil, nil
			}
			return &h.me, nil
		}
	})
	b.cookies["session"] = "sst_1"
	return b
}

var accountPaths = []string{"/account", "/account/contacts", "/account/security", "/account/password", "/account/devices", "/account/activity", "/account/notices", "/account/profile", "/signout"}

func TestSignedOutIsLedToTheSignIn(t *testing.T) {
	b := signedInAs(t, &house{})
	delete(b.cookies, "session")
	for _, path := range accountPaths {
		if w := b.get(path); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/signin?return="+path {
			t.Errorf("%s answers %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	b.get("/signin")
	for _, path := range []string{"/account/devices", "/account/contacts", "/account/profile", "/account/password"} {
		b.get("/signin")
		if w := b.post(path, "input", "sign_out_others"); w.Code != http.StatusUnauthorized || !strings.Contains(b.page, `href="/signin?return=`) {
			t.Errorf("POST %s answers %d", path, w.Code)
		}
	}
}

func TestTopic_S04_Devices(t *testing.T) {
	h := &house{devices: []settings.Device{
		{Device: device.Device{ID: "d1", Name: "Firefox on Windows"}, Current: true, SignedIn: true},
		{Device: device.Device{ID: "d2", Name: "Pixel 9", Place: "Hangzhou"}, SignedIn: true},
		{Device: device.Device{ID: "d3", Name: "TV"}, SignedIn: true},
		{Device: device.Device{ID: "d4", Name: "Old"}},
	}}
	b := signedInAs(t, h)
	b.get("/account/devices")
	for _, want := range []string{"You are signed in on 3 devices.", "Sign out 2 devices", "This device", `value="d2"`, "Hangzhou", "Signed out, still known"} {
		if !strings.Contains(b.page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(b.page, `name="device" value="d1"`) {
		t.Error("the present device is offered among those to sign out")
	}
	if w := b.post("/account/devices", "input", "sign_out", "device", "d2"); w.Code != http.StatusSeeOther {
		t.Errorf("sign out answers %d", w.Code)
	}
	b.get("/account/devices?done=device")
	b.post("/account/devices", "input", "sign_out_others")
	h.refuse = fault.NotFound
	b.get("/account/devices")
	if w := b.post("/account/devices", "input", "sign_out", "device", "stranger"); w.Code != http.StatusNotFound {
		t.Errorf("S-62: a stranger's device answers %d", w.Code)
	}
	if d := cmp.Diff([]string{"remove d2", "sign out others", "remove stranger"}, h.did); d != "" {
		t.Error("did (-want +got)\n" + d)
	}
}

func TestTopic_R07_ContactsAreMasked(t *testing.T) {
	h := &house{contacts: []contact.Contact{{Kind: contact.Phone, Address: "+8613800138000", VerifiedAt: testNow}, {Kind: contact.Email, Address: "lin.yue@example.com", VerifiedAt: testNow}}}
	b := signedInAs(t, h)
	for _, path := range accountPaths {
		if b.get(path); strings.Contains(b.page, "lin.yue@example.com") || strings.Contains(b.page, "138 0013") {
			t.Errorf("%s shows a contact in full", path)
		}
	}
	b.get("/account/contacts")
	if b.post("/account/contacts", "input", "show"); !strings.Contains(b.page, "lin.yue@example.com") || !strings.Contains(b.page, "138 0013 8000") {
		t.Error("after a fresh proof they are not shown in full")
	}
	h.refuse = session.ProofRequired.With("for", "view_contacts")
	if w := b.post("/account/contacts", "input", "show"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/prove?for=view_contacts&return=%2Faccount%2Fcontacts" {
		t.Errorf("without one: status %d to %q; want the proof", w.Code, w.Header().Get("Location"))
	}
}

func TestTopic_O01_SignOut(t *testing.T) {
	h := &house{}
	b := signedInAs(t, h)
	b.get("/signout")
	if len(h.did) > 0 {
		t.Errorf("S-63: looking did %q", h.did)
	}
	w := b.post("/signout")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/?done=signed_out" || b.cookies["session"] != "" || w.Header().Get("Clear-Site-Data") == "" {
		t.Errorf("status %d, cookies %v", w.Code, b.cookies)
	}
	if d := cmp.Diff([]string{"sign out"}, h.did); d != "" {
		t.Error("did (-want +got)\n" + d)
	}
	if b.get("/?done=signed_out"); !strings.Contains(b.page, "You are signed out on this device.") {
		t.Error("nothing says so")
	}
}

func TestProfile(t *testing.T) {
	h := &house{}
	b := signedInAs(t, h)
	b.get("/account/profile")
	b.post("/account/profile", "input", "nickname", "nickname", "Lin")
	b.post("/account/profile", "input", "remove_avatar")
	b.post("/account/password", "password", "two words", "keep_others", "yes")
	h.refuse = account.NicknameInvalid.With("max", 40)
	if w := b.post("/account/profile", "input", "nickname", "nickname", `<b>`); w.Code != 422 || !strings.Contains(b.page, `value="&lt;b&gt;"`) {
		t.Errorf("status %d; what was typed has to stay", w.Code)
	}
	h.refuse = nil
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	_ = m.WriteField("form_token", b.token)
	_ = m.WriteField("input", "avatar")
	part, _ := m.CreateFormFile("avatar", "a.png")
	_, _ = part.Write(make([]byte, 1000))
	_ = m.Close()
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8080/account/profile", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.rt.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Errorf("an upload answers %d", w.Code)
	}
	if d := cmp.Diff([]string{"nickname Lin", "avatar 0 bytes", "password two words true", "nickname <b>", "avatar 1000 bytes"}, h.did); d != "" {
		t.Error("did (-want +got)\n" + d)
	}
}

func TestLanguageIsKept(t *testing.T) {
	h := &house{}
	b := signedInAs(t, h)
	b.get("/account")
	w := b.post("/language", "language", "zh-Hans", "back", "/account/devices")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/account/devices" || b.cookies["lang"] != "zh-Hans" {
		t.Errorf("status %d to %q, cookies %v", w.Code, w.Header().Get("Location"), b.cookies)
	}
	if b.get("/account"); !strings.Contains(b.page, `lang="zh-Hans"`) || !strings.Contains(b.page, "一切正常") {
		t.Error("the page is not Chinese")
	}
	if w := b.post("/language", "language", "en", "back", "//evil.example"); w.Header().Get("Location") != "/" {
		t.Errorf("S-121: goes back to %q", w.Header().Get("Location"))
	}
	if w := b.post("/language", "language", "xx"); w.Code != 422 {
		t.Errorf("an unknown language answers %d", w.Code)
	}
}

// TestS120_TextFromAnyone puts markup into every text that people or vendors
// choose and looks for it unescaped on every page.
func TestS120_TextFromAnyone(t *testing.T) {
	const evil = `"><script>alert(1)</script>{{.}}'`
	h := &house{
		devices: []settings.Device{{Device: device.Device{ID: evil, Name: evil, Place: evil, Kind: evil, CreatedAt: testNow}, SignedIn: true}},
		events:  []audit.Entry{{Kind: audit.SignedIn, At: testNow, Details: map[string]string{"device": evil, "place": evil, "method": evil, "contact": evil}}, {Kind: audit.Kind(evil), At: testNow}},
	}
	h.me.Account.Nickname, h.me.Account.Avatar = evil, evil
	b := signedInAs(t, h)
	b.rt = func() *browser { // keys made of data are missing here on purpose
		b2 := open(t, &script{}, func(cfg *Config) {
			cfg.Words.OnMissing = nil
			cfg.Accounts, cfg.Changes = h, &h.changes
			cfg.Session = func(*http.Request) (*session.Live, error) { return &h.me, nil }
		})
		return b2
	}().rt
	for _, path := range accountPaths {
		if w := b.get(path); w.Code != http.StatusOK || strings.Contains(b.page, "<script>alert") || strings.Contains(b.page, `""><`) {
			t.Errorf("%s: status %d, or markup from data is on the page", path, w.Code)
		}
	}
}

func TestS122_NothingOfTheAddressIsShown(t *testing.T) {
	b := signedInAs(t, &house{})
	const canary = "canary-7f3a"
	for _, path := range []string{"/signin?error=" + canary, "/?done=" + canary, "/account?done=" + canary, "/account/activity?before=" + canary, "/signin?with=" + canary + "&region=" + canary, "/" + canary, "/storybook/" + canary} {
		b.get(path)
		page := tokenField.ReplaceAllString(b.page, "")
		page = strings.ReplaceAll(page, `name="back" value="`, "")
		if i := strings.Index(page, canary); i >= 0 && !strings.Contains(page[max(0, i-60):i], "/") {
			t.Errorf("%s: the page repeats the address: %q", path, page[max(0, i-60):i+20])
		}
	}
}

func TestActivityIsPaged(t *testing.T) {
	h := &house{}
	for i := range 50 {
		h.events = append(h.events, audit.Entry{Kind: audit.SignedOut, At: testNow.Add(-time.Duration(i) * time.Hour)})
	}
	b := signedInAs(t, h)
	b.get("/account/activity")
	older := fmt.Sprintf("/account/activity?before=%d", testNow.Add(-29*time.Hour).UnixMicro())
	if !strings.Contains(b.page, older) || strings.Count(b.page, "Signed out") != eventsAPage {
		t.Errorf("%d entries; want %d and a link to %s", strings.Count(b.page, "Signed out"), eventsAPage, older)
	}
	b.get(older)
	if want := fmt.Sprintf("activity %d %d", testNow.Add(-29*time.Hour).UnixMicro(), eventsAPage+1); h.did[len(h.did)-1] != want {
		t.Errorf("asked for %q, want %q", h.did[len(h.did)-1], want)
	}
}
