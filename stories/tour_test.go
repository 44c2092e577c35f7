package stories

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// stop is what is done at each page of a tour; name says where it is.
type stop func(v *visitor, name string)

// set writes into the field with an id, whatever the language.
func (v *visitor) set(id, text string) {
	v.t.Helper()
	eval[any](v, `(e => { e.focus(); e.select(); })(document.getElementById(`+quote(id)+`))`)
	v.do(insert(text))
}

// next presses the page's main button.
func (v *visitor) next() int64 {
	v.t.Helper()
	return v.arrive(chromedp.Click(chromedp.CSS("main form button.btn")))
}

// answer presses the button that gives an input.
func (v *visitor) answer(input string) int64 {
	v.t.Helper()
	return v.arrive(chromedp.Click(chromedp.CSS(`main button[value="` + input + `"]`)))
}

// tour walks through every page that a person can come to and stops at each.
func tour(v *visitor, language string, at stop) {
	v.t.Helper()
	h := v.house
	see := func(name, path string) {
		v.t.Helper()
		v.visit(path)
		at(v, name)
	}
	see("front", "/")
	see("help", "/help")
	see("article", "/help/verification-codes/why-is-my-code-unusable")
	see("article-list", "/help/creating-an-account/what-is-an-iot-sim?country=CN")
	see("search", "/help/search?q=code")
	see("search-nothing", "/help/search?q=xyzzyx")
	see("missing", "/nowhere")
	see("api", "/api/docs")
	see("signin-password", "/signin?with=password")
	see("signin-email", "/signin?with=email")
	see("signup", "/signup")
	see("signup-cn", "/signup?region=cn")
	see("signin", "/signin")
	v.set("phone", "12345")
	v.next()
	at(v, "phone-invalid")
	v.set("phone", ada)
	v.next()
	at(v, "code")
	v.enter(other(h.phone(ada).code()))
	at(v, "code-wrong")
	v.answer("other_way")
	at(v, "other-ways")
	h.pass(time.Minute)
	v.visit("/signin?with=phone")
	v.set("phone", ada)
	v.next()
	v.enter(h.phone(ada).code())
	at(v, "account")
	for _, place := range []string{"contacts", "security", "password", "devices", "activity", "profile"} {
		see("account-"+place, "/account/"+place)
	}
	v.visit("/account/contacts")
	v.answer("show")
	at(v, "contacts-shown")
	v.visit("/account/password")
	v.set("new-password", "short")
	v.next()
	at(v, "password-short")
	v.set("new-password", good)
	v.next()
	at(v, "password-set")
	h.pass(11 * time.Minute)
	see("password-proof", "/account/password")
	see("contacts-proof", "/account/contacts")
	see("signout", "/signout")
	tourOthers(h, language, at)
	tourElsewhere(h, language, at)
	v.visit("/account")
	at(v, "account-look")
	v.visit("/account/devices")
	at(v, "devices-two")
}

// tourOthers goes on in other browsers: a check, a new device, an account by e-mail.
func tourOthers(h *house, language string, at stop) {
	h.t.Helper()
	for range 10 {
		h.pass(time.Minute)
		h.person("").begin("signin", "intl").give("username", "username", ada).give("password", "password", "not it at all")
	}
	h.pass(time.Minute)
	guest := h.browser(false, language) // without scripts: with them the check solves itself and is gone
	guest.visit("/signin?with=password")
	guest.set("username", ada)
	guest.set("password", good)
	guest.next()
	at(guest, "check")
	guest.set("answer", "WRONG1")
	guest.arrive(chromedp.Click(chromedp.CSS("details form button.btn")))
	at(guest, "check-wrong")

	laptop := h.browser(true, language)
	laptop.visit("/signin?with=password")
	laptop.set("username", ada)
	laptop.set("password", good)
	laptop.next()
	until(h.t, "the check to solve itself", func() bool {
		there, err := chromedp.Run(laptop.ctx, chromedp.Evaluate[bool](`Boolean(document.querySelector("#password")) && !document.querySelector("#username")`))
		return err == nil && there
	})
	at(laptop, "password-alone")
	laptop.set("password", "not it at all")
	laptop.next()
	until(h.t, "the check to solve itself", func() bool {
		there, err := chromedp.Run(laptop.ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && Boolean(document.querySelector("#password, altcha-widget"))`))
		return err == nil && there
	})
	at(laptop, "credentials")

	fresh := h.browser(true, language)
	fresh.visit("/signup?with=email")
	fresh.set("email", "nobody")
	fresh.next()
	at(fresh, "email-invalid")
	fresh.set("email", mail1)
	fresh.next()
	at(fresh, "code-email")
	fresh.enter(h.mailbox(mail1).code())
	at(fresh, "new-password")
	fresh.set("new-password", good)
	fresh.next()
	at(fresh, "account-email")

	tablet := h.browser(true, language)
	tablet.visit("/signin")
	tablet.set("phone", ada)
	tablet.next()
	tablet.enter(h.phone(ada).code())
	at(tablet, "account-tablet")
}

// tourElsewhere comes by an account elsewhere.
func tourElsewhere(h *house, language string, at stop) {
	h.t.Helper()
	v := h.browser(true, language)
	there := func(what, js string) {
		v.t.Helper()
		until(v.t, what, func() bool {
			yes, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && Boolean(`+js+`)`))
			return err == nil && yes
		})
	}
	const atVendor = `document.querySelector("[name=person]")`
	who := h.someone("weibo", "李雷", "")
	v.visit("/signin?region=cn")
	v.answer("weibo")
	there("the provider's page", atVendor)
	v.visit("/signin")
	at(v, "away")
	v.do(chromedp.Click(chromedp.CSS("main a.btn")))
	there("the provider's page", atVendor)
	eval[any](v, `document.querySelector("[name=person][value=`+who+`]").click(), 0`)
	v.do(chromedp.Click(chromedp.CSS("button[value=allow]")))
	there("the first question", `document.querySelector("button[value=create]")`)
	at(v, "link-or-create")
	v.answer("create")
	at(v, "add-phone")
	v.set("phone", "+8613800138007")
	v.next()
	v.enter(h.phone("+8613800138007").code())
	for name, path := range map[string]string{"linked": "/account/linked", "linked-one": "/account/linked/weibo", "app": "/federation/back?provider=weibo"} {
		v.visit(path)
		at(v, name)
	}
}

// TestTour_Look takes the screenshots that people look at.
func TestTour_Look(t *testing.T) {
	if *lookInto == "" {
		t.Skip("nobody wants to look: -args -look DIR")
	}
	for _, language := range []string{"en", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			h := openForBrowsers(t)
			tour(h.browser(true, language), language, func(v *visitor, name string) { v.shoot(name + "." + language) })
		})
	}
}
