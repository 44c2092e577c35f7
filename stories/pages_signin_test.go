package stories

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// both tells a story twice: in a browser with scripts and in one without.
func both(t *testing.T, story func(t *testing.T, scripts bool)) {
	t.Parallel()
	t.Run("with scripts", func(t *testing.T) { story(t, true) })
	t.Run("without scripts", func(t *testing.T) { story(t, false) })
}

// signUp walks from the front page to the account page with a phone number.
func (v *visitor) signUp(number string) {
	v.t.Helper()
	v.visit("/")
	v.press("Sign in")
	v.askCode(number)
	v.enter(v.phone(number).code())
	v.sees("Everything is in order")
}

// askCode gives a number on the sign-in page, to the code page.
func (v *visitor) askCode(number string) {
	v.t.Helper()
	v.fill("Phone number", number)
	if status := v.press("Continue"); status != http.StatusOK {
		v.t.Fatalf("no code: %d %s", status, v.place())
	}
	v.sees("Enter the code")
}

// setPassword sets one on the account page.
func (v *visitor) setPassword(password string) {
	v.t.Helper()
	v.visit("/account/security")
	v.press("Password")
	v.fill("New password", password)
	v.press("Set this password")
	v.sees("Your new password is in force.")
}

// signOut signs out on the account page.
func (v *visitor) signOut() {
	v.t.Helper()
	v.visit("/account")
	v.press("Sign out")
	v.press("Sign out")
	v.sees("You are signed out on this device.")
}

// TestStory_SignUpByPhone: the main job. From the front page by a text message to
// the account page, past a wrong code.
func TestStory_SignUpByPhone(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/")
		v.press("Create an account")
		v.askCode("(415) 555-0123")
		v.sees("We texted a code of 6 digits to +1 41 **** 123")
		own := h.phone(ada)
		code := own.code()
		if status := v.enter(other(code)); status != http.StatusUnprocessableEntity {
			t.Errorf("a wrong code is answered by a page with status %d", status)
		}
		v.sees("That code isn't right", "You have 4 tries left")
		v.enter(code)
		v.sees("Everything is in order", "Account ID", "Signed in on this device only")
		if path := v.path(); path != "/account" {
			t.Errorf("the way ends at %s", path)
		}
		v.press("Phone number")
		v.sees("+1 41 **** 123", "Not added")
		v.press("Show in full")
		v.sees("+1 415-555-0123")
		v.visit("/account/activity")
		v.sees("Recent activity")
	})
}

// TestStory_Resend: the next code can be asked for when the page says so, and the
// page tells which one counts.
func TestStory_Resend(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		own := h.phone(ada)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		v.sees("Send another code", "Possible from")
		first := own.code()
		if !scripts { // with scripts the button waits with the person
			if status := v.press("Send another code"); status != http.StatusTooManyRequests {
				t.Errorf("too early is answered by a page with status %d", status)
			}
			v.sees("You can ask for another at")
		}
		h.pass(time.Minute)
		v.visit("/signin")
		v.press("Send another code")
		v.sees("We have sent 2 codes. Only the newest one works.")
		second := own.code()
		v.enter(first)
		v.sees("There is a newer code")
		v.enter(second)
		v.sees("Everything is in order")
	})
}

// TestStory_Paste: the whole message pasted into the field is enough.
func TestStory_Paste(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signin")
		v.askCode(ada)
		message := h.phone(ada).next().Text
		if scripts { // it goes on by itself
			paste := `((text) => { const data = new DataTransfer(); data.setData("text", text);
				document.getElementById("code").dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})); })`
			v.arrive(chromedp.Evaluate[chromedp.Void](paste + "(" + quote(message) + ")"))
		} else {
			v.fill("Code", strings.ReplaceAll(message, "\n", " "))
			v.press("Continue")
		}
		v.sees("Everything is in order")
	})
}

// TestStory_Password: set on the account page, used on the device that the
// account knows; elsewhere a code comes on top, and the page says why.
func TestStory_Password(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		own := h.phone(ada)
		home := h.browser(scripts, "en")
		home.signUp(ada)
		home.setPassword(good)
		if note := own.next(); !strings.Contains(note.Text, "your password was changed") {
			t.Errorf("the owner is told %q", note.Text)
		}
		home.signOut()

		byPassword := func(v *visitor) {
			t.Helper()
			v.visit("/signin")
			v.press("Use a password")
			v.fill("Phone, e-mail address or account ID", "415 555 0123")
			v.fill("Password", good)
			v.press("Sign in")
		}
		byPassword(home)
		home.sees("Everything is in order")

		h.pass(time.Hour)
		away := h.browser(scripts, "en")
		byPassword(away)
		away.sees("Your password is right. This device is new to your account")
		text := own.next()
		if !strings.Contains(text.Text, "sign in on a new device") {
			t.Errorf("the second step's text is %q", text.Text)
		}
		away.enter(text.Code)
		away.sees("Your account", "Signed in on 2 devices")

		// The owner sees the other device, and signs it out.
		home.visit("/account/devices")
		home.sees("You are signed in on 2 devices.", "This device")
		home.press("Sign out 1 device")
		home.sees("All other devices are signed out.")
		away.visit("/account")
		if path := away.path(); !strings.HasPrefix(path, "/signin") {
			t.Errorf("the other browser is still in: %s", away.place())
		}
	})
}

// TestStory_SignUpByEmail: where the region has it, with a new password.
func TestStory_SignUpByEmail(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		v := h.browser(scripts, "en")
		v.visit("/signup")
		v.press("Use an e-mail address")
		v.fill("E-mail address", mail1)
		v.press("Continue")
		v.sees("Enter the code", "We sent a code of 6 digits to")
		v.enter(h.mailbox(mail1).code())
		v.sees("Choose a password", "At least 8")
		v.fill("New password", "password1")
		if status := v.press("Save and continue"); status != http.StatusUnprocessableEntity {
			t.Errorf("a common password is answered with %d", status)
		}
		v.fill("New password", good)
		v.press("Save and continue")
		v.sees("Everything is in order")
		v.signOut()
		v.visit("/signin?with=password")
		v.fill("Phone, e-mail address or account ID", "ADA@Example.com")
		v.fill("Password", good)
		v.press("Sign in")
		v.sees("Everything is in order")
	})
}

// TestTopic_S04_NoticeOfADevice: the owner adds an e-mail address, and is told
// there when somebody comes in on another device.
func TestTopic_S04_NoticeOfADevice(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		h := openForBrowsers(t)
		home := h.browser(scripts, "en")
		home.signUp(ada)
		home.visit("/account/contacts")
		home.press("Add an e-mail address")
		home.fill("E-mail address", mail1)
		home.press("Continue")
		home.enter(h.mailbox(mail1).code())
		home.sees("Added", "You can sign in with it from now on")
		home.press("Check phone and e-mail")
		home.sees("a***@e***.com")
		h.pass(2 * time.Hour) // on the first hour's devices the owner is setting up
		away := h.browser(scripts, "en")
		away.visit("/signin")
		away.askCode(ada)
		away.enter(h.phone(ada).code())
		away.sees("Account ID")
		if !h.mailbox(mail1).gets("New sign-in") {
			t.Error("the owner is not told")
		}
		home.visit("/account")
		home.sees("signed in", "Was that you?")
	})
}
