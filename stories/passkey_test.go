package stories

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// openForPasskeys is a house under a name: passkeys belong to a domain, and an
// address of numbers is none.
func openForPasskeys(t *testing.T) *house {
	t.Helper()
	if findChromium() == "" {
		t.Skip("passkeys are stories of a browser")
	}
	return openAs(t, program, "--listen", "localhost:0")
}

// keyring is a virtual authenticator of the browser, which verifies its owner and
// keeps synced passkeys.
type keyring struct {
	v  *visitor
	id webauthn.AuthenticatorID
}

func ask[P, R any](v *visitor, command cdp.Command[P, R], params P) (out R) {
	v.t.Helper()
	v.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) (err error) {
		out, err = cdp.Call(ctx, tab, command, params)
		return err
	}))
	return out
}

// keyring gives the visitor's tab an authenticator. One whose owner is there
// answers at once.
func (v *visitor) keyring(there bool) *keyring {
	v.t.Helper()
	ask(v, webauthn.Enable, webauthn.EnableParams{})
	added := ask(v, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		AutomaticPresenceSimulation: there, IsUserVerified: true, DefaultBackupEligibility: true, DefaultBackupState: true,
	}})
	return &keyring{v, added.AuthenticatorID}
}

// there makes the owner come or go.
func (k *keyring) there(yes bool) {
	ask(k.v, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: k.id, Enabled: yes})
}

// refused lets its owner answer what the sign-in page offers, and waits until that
// is refused. An authenticator of this kind answers each page again, so there may
// be too many tries before anybody looks; a question from before its owner came it
// never answers.
func (k *keyring) refused() {
	k.v.t.Helper()
	k.there(true)
	k.v.opens("/signin")
	until(k.v.t, "a refusal", func() bool {
		text, err := chromedp.Run(k.v.ctx, chromedp.Evaluate[string](`document.querySelector(".fault")?.innerText ?? ""`))
		return err == nil && (strings.Contains(text, "That passkey didn't work") || strings.Contains(text, "Too many tries"))
	})
	k.there(false)
}

// keys are the passkeys in it.
func (k *keyring) keys() []*webauthn.Credential {
	k.v.t.Helper()
	return ask(k.v, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: k.id}).Credentials
}

// addCredential is webauthn.AddCredential with those fields only that every
// authenticator takes.
var addCredential = cdp.Command[addedCredential, cdp.Empty]{Method: webauthn.CommandAddCredential}

type addedCredential struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      map[string]any           `json:"credential"`
}

// put copies a passkey into it, with a count.
func (k *keyring) put(c *webauthn.Credential, count float64) {
	k.v.t.Helper()
	ask(k.v, addCredential, addedCredential{AuthenticatorID: k.id, Credential: map[string]any{"credentialId": c.CredentialID, "isResidentCredential": true,
		"rpId": c.RpID, "privateKey": c.PrivateKey, "userHandle": c.UserHandle, "signCount": count, "backupEligibility": true, "backupState": true}})
}

func (k *keyring) drop(c *webauthn.Credential) {
	k.v.t.Helper()
	ask(k.v, webauthn.RemoveCredential, webauthn.RemoveCredentialParams{AuthenticatorID: k.id, CredentialID: c.CredentialID})
}

// addPasskey adds one on the account page.
func (v *visitor) addPasskey(name string) {
	v.t.Helper()
	v.visit("/account/security/passkeys")
	v.waits("So that you know it again")
	v.fill("Name", name)
	v.press("Add a passkey")
	v.sees("Your passkey is added.", name, "Synced", "not used yet")
}

// TestStory_Passkey: one is added, named anew, signs in by itself as the field of
// the sign-in page is filled, and is removed; the owner is told each time.
func TestStory_Passkey(t *testing.T) {
	h := openForPasskeys(t)
	v := h.browser(true, "en")
	own := h.phone(ada)
	v.signUp(ada)
	ring := v.keyring(true)
	v.addPasskey("Pixel 9")
	if text := own.next().Text; !strings.Contains(text, "a passkey was added") {
		t.Errorf("the owner is told: %q", text)
	}
	keys := ring.keys()
	if len(keys) != 1 || keys[0].RpID != "localhost" || !keys[0].IsResidentCredential || len(keys[0].UserHandle) < 20 {
		t.Fatalf("the authenticator holds %+v", keys)
	}
	v.press("Pixel 9")
	v.fill("Name", "My new phone")
	v.press("Save the name")
	v.sees("The new name is saved.", "My new phone")
	v.signOut()

	v.opens("/signin")
	v.waits("Everything is in order")
	v.visit("/account/security/passkeys")
	v.sees("last used")
	v.visit("/account/activity")
	v.sees("Signed in with a passkey", "A passkey was renamed", "A passkey was added")

	v.visit("/account/security/passkeys")
	v.press("My new phone")
	v.sees("Every contact of your account is told")
	v.press("Remove My new phone")
	v.sees("That passkey is removed.", "You have no passkey yet.")
	if text := own.next().Text; !strings.Contains(text, "a passkey was removed") {
		t.Errorf("the owner is told: %q", text)
	}
	v.signOut()
	ring.there(false)
	v.visit("/signin")
	v.waits("Sign in with a passkey")
	ring.refused() // the device still has it
}

// TestStory_PasskeyAsSecondStep: after the password on a browser that the account
// does not know, the passkey is the second proof.
func TestStory_PasskeyAsSecondStep(t *testing.T) {
	h := openForPasskeys(t)
	v := h.browser(true, "en")
	v.signUp(ada)
	v.visit("/account/password")
	v.fill("New password", "correct horse battery")
	v.press("Set this password")
	ring := v.keyring(true)
	v.addPasskey("Pixel 9")

	w := h.browser(true, "en")
	other := w.keyring(false)
	other.put(ring.keys()[0], 5)
	w.visit("/signin?with=password")
	w.fill("Phone, e-mail address or account ID", ada)
	w.fill("Password", "correct horse battery")
	w.press("Sign in")
	w.press("Try another way")
	w.sees("Your account does not know this device yet.")
	w.press("Use a passkey")
	w.waits("Continue with a passkey")
	other.there(true)
	w.press("Continue with a passkey")
	w.sees("Everything is in order")
}

// TestStory_CopiedPasskey: a passkey that counts backwards is refused and switched
// off, and its owner is told.
func TestStory_CopiedPasskey(t *testing.T) {
	h := openForPasskeys(t)
	v := h.browser(true, "en")
	own := h.phone(ada)
	v.signUp(ada)
	ring := v.keyring(false)
	ring.there(true)
	v.addPasskey("Security key")
	ring.there(false)
	v.signOut()
	key := ring.keys()[0]
	ring.drop(key)
	ring.put(key, 40)
	ring.there(true)
	v.opens("/signin")
	v.waits("Everything is in order")
	v.signOut()

	thief := h.browser(true, "en")
	copied := thief.keyring(false)
	copied.put(key, 7)
	thief.visit("/signin")
	thief.waits("Sign in with a passkey")
	copied.refused()
	for {
		if strings.Contains(own.next().Text, "may have been copied") {
			break
		}
	}
	ring.there(false)
	v.visit("/signin")
	v.askCode(ada)
	v.enter(own.code())
	v.visit("/account/security/passkeys")
	v.sees("Security key", "Switched off")
	v.visit("/account/activity")
	v.sees("A passkey was switched off")
}

// TestStory_PasskeyWithoutScripts: the page says what is missing, and the sign-in
// page has its other ways.
func TestStory_PasskeyWithoutScripts(t *testing.T) {
	h := openForPasskeys(t)
	v := h.browser(false, "en")
	v.signUp(ada)
	v.visit("/account/security/passkeys")
	v.sees("Adding a passkey needs JavaScript")
	v.signOut()
	v.visit("/signin")
	if text := v.reads(); strings.Contains(text, "passkey") {
		t.Errorf("the sign-in page offers what cannot work: %s", text)
	}
}
