package signin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
)

// hiddenStory asks for a code to whatever the account of a username has, and
// answers all that the person sees meanwhile.
func hiddenStory(w *town, region, username, method string) string {
	w.t.Helper()
	w.exec(`DELETE FROM quota`)
	v := w.begin(region).username(username).want(step.TypePassword, "")
	said := v.do("other_way").want(step.TypeChooseMethod, "").said()
	said += "\n" + v.method(method).want(step.TypeCode, "").said()
	w.post.settle() // the carrier has answered
	w.later(time.Second)
	said += "\n" + v.do("resend").want(step.TypeCode, "codes_limited").said()
	for range 3 {
		said += "\n" + v.code("000000").said()
	}
	w.later(time.Minute)
	said += "\n" + v.do("resend").want(step.TypeCode, "").said()
	for range 6 {
		said += "\n" + v.code("000001").said()
	}
	said += "\n" + v.do("other_way").method("password").want(step.TypePassword, "").said()
	w.post.settle()
	w.later(-time.Minute - time.Second) // the next one meets the same hour
	if id, ok := account.ReadID(username); ok {
		said = strings.ReplaceAll(said, id.Spaced(), "NAME")
	}
	return said
}

// TestS017_HiddenCode: a code to a contact that the person did not type looks the
// same whether the account exists and has such a contact or not: every field, the
// delivery state over time, the waits, the tries, and what is written.
func TestS017_HiddenCode(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		bare := w.signUp(bob).Account.ID // has no e-mail
		names := map[string][]string{
			"by ID":     {o.id, bare, account.NewID().String()},
			"by e-mail": {o.email, "alan@example.com"},
			"by phone":  {o.phone, "+14155559123"},
		}
		for _, region := range []string{"intl", "cn"} {
			for way, list := range names {
				for _, method := range []string{"sms_code", "email_code"} {
					if way == "by phone" && method == "sms_code" {
						continue // typed: it is sent whoever has the number
					}
					var first, rows string
					for _, name := range list {
						before := w.rows()
						said := hiddenStory(w, region, name, method)
						written := delta(before, w.rows())
						if first == "" {
							first, rows = said, written
							if !strings.Contains(said, "code_tries_exceeded") || !strings.Contains(said, `"state":"sent"`) {
								w.t.Fatalf("the story is not the one that was meant: %.300s", said)
							}
						}
						if diff := cmp.Diff(first, said); diff != "" {
							w.t.Errorf("%s, %s in %s: %s can be told from %s: %s", way, method, region, name, list[0], diff)
						}
						// A code to a real contact is also counted at the country; quota rows
						// hold hashes and no statement is added by it.
						if trim(written) != trim(rows) {
							w.t.Errorf("%s, %s in %s: %s writes %s; %s writes %s", way, method, region, name, written, list[0], rows)
						}
					}
				}
			}
		}
	})
}

func trim(written string) string {
	fields := strings.Fields(strings.Trim(written, "map[]"))
	var kept []string
	for _, f := range fields {
		if !strings.HasPrefix(f, "quota:") {
			kept = append(kept, f)
		}
	}
	return strings.Join(kept, " ")
}

// TestS077_DeliveryIsNoOracle: a carrier that refuses the account's number shows
// nowhere until something was proved.
func TestS077_DeliveryIsNoOracle(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.post.refuse = attempt.Fail(attempt.Permanent, attempt.NumberUnknown, nil)
		for _, name := range []string{o.id, o.email, account.NewID().String(), "alan@example.com"} {
			v := w.begin("intl").username(name).do("other_way").method("sms_code")
			w.post.settle()
			w.later(time.Second)
			if _, err := w.runner.Show(t.Context(), v.visitor, v.handle); err != nil {
				w.t.Fatal(err)
			}
			if said := v.said(); !strings.Contains(said, `"state":"sent"`) || strings.Contains(said, "number_unknown") {
				w.t.Errorf("%s: %s", name, said)
			}
		}
		v := w.begin("intl").phone(o.phone)
		w.post.settle()
		w.later(time.Second)
		if said := v.said(); !strings.Contains(said, `"state":"failed","reason":"number_unknown"`) {
			w.t.Errorf("a number that the person typed: %s", said)
		}
	})
}

// TestS077_LimitsAreNoOracle: codes and guesses spent on a phone do not show when
// its account is reached by another name, and cannot be got around that way.
func TestS077_LimitsAreNoOracle(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for range 10 { // a stranger spends what the phone may be sent
			v := w.begin("intl").phone(o.phone)
			if v.err == nil {
				wrong := other(w.post.code(o.phone))
				v.code(wrong)
			}
			w.later(time.Minute)
		}
		w.begin("intl").phone(o.phone).want(step.TypeIdentify, "codes_limited")
		w.post.all(o.phone)
		for _, name := range []string{o.email, o.id, "alan@example.com"} {
			v := w.begin("intl").username(name).do("other_way").method("sms_code").want(step.TypeCode, "")
			for range 5 {
				v.code("000000").want(step.TypeCode, "code_wrong")
			}
			v.code("000000").want(step.TypeCode, "code_tries_exceeded")
		}
		if texts := w.post.all(o.phone); len(texts) != 0 {
			w.t.Errorf("another name of the account sent %d more texts", len(texts))
		}
	})
}

// TestS013_HiddenGuesses: guesses at hidden codes count at the contact too, and
// beyond its limit not even the right code is judged.
func TestS013_HiddenGuesses(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for _, name := range []string{o.email, o.id} {
			v := w.begin("intl").username(name).do("other_way").method("sms_code")
			wrong := other(w.post.code(o.phone))
			for range 5 {
				v.code(wrong).want(step.TypeCode, "code_wrong")
			}
		}
		v := w.begin("intl").username(o.id).do("other_way").method("sms_code")
		if left := v.code(w.post.code(o.phone)).want(step.TypeCode, "code_wrong").arg("tries_left"); left != 4 {
			w.t.Errorf("tries_left %v", left)
		}
		w.begin("intl").phone(o.phone).code(w.post.code(o.phone)).want(step.TypeCode, "codes_limited")
	})
}

// TestHidden_Opens: who has the contact gets in by any name of the account.
func TestHidden_Opens(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for name, to := range map[string][2]string{o.id: {"sms_code", o.phone}, o.email: {"sms_code", o.phone}, o.phone: {"email_code", o.email}} {
			v := w.begin("intl").username(name).do("other_way").method(to[0]).want(step.TypeCode, "")
			if d := v.code(w.post.code(to[1])).done(); d.Account.ID != o.id || d.Created {
				w.t.Errorf("%s by %s: %+v", name, to[0], d)
			}
			w.later(time.Hour)
		}
		w.exec(`DELETE FROM quota`)
		cn := w.begin("cn").username(o.email).do("other_way").method("email_code").want(step.TypeCode, "") // no sign-up by e-mail there
		if d := cn.code(w.post.code(o.email)).done(); d.Account.ID != o.id {
			w.t.Errorf("in cn: %+v", d)
		}
	})
}

// TestHidden_ContactLeft: a hidden code whose contact left the account opens
// nothing, and makes no account.
func TestHidden_ContactLeft(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		v := w.begin("intl").username(o.id).do("other_way").method("sms_code")
		code := w.post.code(o.phone)
		w.dropContact(o.id, contact.Phone)
		before := w.rows()
		v.code(code).want(step.TypeIdentify, "credentials_invalid")
		if after := w.rows(); after["account"] != before["account"] || after["session"] != before["session"] {
			w.t.Error("something came of it")
		}
	})
}

// TestCode_AskedAgain: who goes back or elsewhere and asks for the same code
// again a moment later goes on with the one that is under way; its tries go on too.
func TestCode_AskedAgain(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").phone(ada)
		code := w.post.code(ada)
		v.code(other(code)).want(step.TypeCode, "code_wrong")
		v.do("back").want(step.TypeIdentify, "").phone("415 555 0123").want(step.TypeCode, "")
		v.do("other_way").method("sms_code").want(step.TypeCode, "")
		if c := v.step.(step.Code); c.Sends != 1 || c.TriesLeft != 4 {
			w.t.Errorf("%d sends, %d tries left; want 1 and 4", c.Sends, c.TriesLeft)
		}
		if more := w.post.all(ada); len(more) != 0 {
			w.t.Errorf("%d more texts", len(more))
		}
		v.code(code).done()

		tired := w.begin("intl").phone(bob)
		wrong := other(w.post.code(bob))
		for range 5 {
			tired.code(wrong)
		}
		tired.do("back").phone(bob).want(step.TypeIdentify, "codes_limited") // a dead code is not shown again
		w.later(time.Minute)
		tired.phone(bob).want(step.TypeCode, "")
		if c := tired.step.(step.Code); c.Sends != 2 || c.TriesLeft != 5 {
			w.t.Errorf("%d sends, %d tries left; want 2 and 5", c.Sends, c.TriesLeft)
		}
		if at := tired.step.(step.Code).ResendAt.Sub(w.clock.Now()); at != 2*time.Minute {
			w.t.Errorf("going back made the wait %v; want 2m", at)
		}
	})
}

// TestTopic_V02_TextOfTheCode: a fixed text that names the service, says what it
// is for, and ends with the line that binds the code to our host (WICG
// origin-bound one-time codes); nothing that a person typed is in it (S-18).
func TestTopic_V02_TextOfTheCode(t *testing.T) {
	each(t, func(w *town) {
		evil := func(v *flow.Visitor) { v.DeviceName, v.Place = "Win at evil.example", "evil.example" }
		w.begin("intl", evil).phone(ada)
		text := w.post.next(ada)
		code := digits.FindString(text)
		want := "Selfsame: " + code + " is your sign-in code. We never ask for it.\n\n@id.example.test #" + code
		if text != want {
			w.t.Errorf("the text is %q; want %q", text, want)
		}
		zh := func(v *flow.Visitor) { v.Locale = "zh-Hans" }
		w.begin("cn", zh).phone("13800138000")
		if text := w.post.next(bob); !strings.Contains(text, "登录验证码") || !strings.HasSuffix(text, "\n\n@id.example.test #"+digits.FindString(text)) {
			w.t.Errorf("the text is %q", text)
		}
		w.begin("intl", evil).email("ada@example.com")
		letter := w.post.next("ada@example.com")
		if strings.Contains(letter, "evil") || !strings.Contains(letter, "Selfsame") || strings.Contains(letter, "http") {
			w.t.Errorf("the letter is %q", letter)
		}
	})
}

// TestS002_OneSpelling: every spelling of a number is one destination with one count.
func TestS002_OneSpelling(t *testing.T) {
	each(t, func(w *town) {
		spellings := []string{"+14155550123", "14155550123", "(415) 555-0123", "415.555.0123", "+1 415 555 0123", "００１４１５５５５０１２３", "+１４１５５５５０１２３"}
		sent := 0
		for i := 0; sent < 10 && i < 100; i++ {
			v := w.begin("intl").phone(spellings[i%len(spellings)])
			if v.err == nil {
				sent++
			} else if f := fault.From(v.err); f.Code != "phone_invalid" {
				w.t.Fatalf("%s: %v", spellings[i%len(spellings)], v.err)
			}
			w.later(time.Minute)
		}
		for _, s := range spellings {
			if v := w.begin("intl").phone(s); v.err == nil {
				w.t.Errorf("%s is sent an eleventh code", s)
			}
		}
		if n := len(w.post.all(ada)); n != 10 {
			w.t.Errorf("%d texts came to the number; want 10", n)
		}
	})
}

// TestS015_Guard: wrong codes at many numbers bring a captcha before further
// codes; a known device is not asked, and it passes when the guessing stops.
func TestS015_Guard(t *testing.T) {
	each(t, func(w *town) {
		w.signUp(ada, on(strings.Repeat("o", 43)))
		w.later(time.Hour)
		w.exec(`DELETE FROM quota`)
		for i := range 201 {
			v := w.begin("intl", from(fmt.Sprintf("203.0.%d.1", i%100))).phone(fmt.Sprintf("+1415555%04d", 1000+i))
			if i == 200 {
				v.want(step.TypeCaptcha, "")
				break
			}
			v.want(step.TypeCode, "")
			v.code("000000")
			if i == 199 {
				v.code("000001") // the 201st is the first beyond the threshold
			}
		}
		w.begin("intl").phone(bob).want(step.TypeCaptcha, "")
		w.begin("intl", on(strings.Repeat("o", 43))).phone(ada).want(step.TypeCode, "")
		w.later(time.Hour)
		w.begin("intl").phone(bob).want(step.TypeCode, "")
	})
}
