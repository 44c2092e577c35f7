package signin_test

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// solve does the work of the present captcha as the widget does (ALTCHA, version 2).
func (v *visit) solve() string {
	v.t.Helper()
	c, ok := v.step.(step.Captcha)
	if !ok || c.Kind != "work" {
		v.t.Fatalf("no work is asked: %+v", v.step)
	}
	challenge := c.Challenge.(captcha.Challenge)
	p := challenge.Parameters
	nonce, _ := hex.DecodeString(p.Nonce)
	salt, _ := hex.DecodeString(p.Salt)
	prefix, _ := hex.DecodeString(p.KeyPrefix)
	for counter := range uint32(1 << 16) {
		key, err := pbkdf2.Key(sha256.New, string(binary.BigEndian.AppendUint32(bytes.Clone(nonce), counter)), salt, p.Cost, p.KeyLength)
		if err != nil {
			v.t.Fatal(err)
		}
		if bytes.HasPrefix(key, prefix) {
			payload, err := json.Marshal(map[string]any{"challenge": challenge, "solution": map[string]any{"counter": counter, "derivedKey": hex.EncodeToString(key)}})
			if err != nil {
				v.t.Fatal(err)
			}
			return base64.StdEncoding.EncodeToString(payload)
		}
	}
	v.t.Fatal("the work has no solution")
	return ""
}

// challenged is a town where each code from an unknown device needs a captcha.
func challenged(t *testing.T, f func(w *town)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		f(newTown(t, db, c, func(_ *signin.House, l *proof.Limits) { l.ChallengeAfter = 0 }))
	})
}

// TestTopic_O01_CaptchaBeforeCode: nothing is sent before the work is done; then
// the code goes to where it was asked for.
func TestTopic_O01_CaptchaBeforeCode(t *testing.T) {
	challenged(t, func(w *town) {
		v := w.begin("intl").phone(ada).want(step.TypeCaptcha, "")
		if c := v.step.(step.Captcha); c.Kind != "work" || c.Reason != "network" {
			w.t.Errorf("asked %+v", c)
		}
		if n := w.rows()["courier_message"]; n != 0 {
			w.t.Errorf("%d messages before the captcha", n)
		}
		v.captcha(v.solve()).want(step.TypeCode, "")
		v.code(w.post.code(ada)).done()
	})
}

// TestS179_OneUse: an answer counts once, for its journey; a wrong one brings a
// fresh captcha.
func TestS179_OneUse(t *testing.T) {
	challenged(t, func(w *town) {
		v := w.begin("intl").phone(ada).want(step.TypeCaptcha, "")
		solved, text := v.solve(), v.picture()
		v.captcha("nonsense").want(step.TypeCaptcha, "captcha_wrong")
		v.captcha(solved).want(step.TypeCaptcha, "captcha_wrong") // of the one before
		v.captcha(text).want(step.TypeCaptcha, "captcha_wrong")
		stranger := w.begin("intl").phone(bob).want(step.TypeCaptcha, "")
		stranger.captcha(v.solve()).want(step.TypeCaptcha, "captcha_wrong")
		before := v.step.(step.Captcha).Image
		v.do("refresh").want(step.TypeCaptcha, "")
		after := v.step.(step.Captcha).Image
		if before == after {
			w.t.Error("refresh gave the same picture")
		}
		old := strings.TrimSuffix(before[strings.LastIndex(before, "/")+1:], ".png")
		if _, _, err := proof.Picture(w.t.Context(), w.runner, v.handle.ID, old); !fault.NotFound.Is(err) {
			w.t.Errorf("the old picture can still be looked at: %v", err)
		}
		v.captcha(v.picture()).want(step.TypeCode, "") // without a script
		w.later(time.Minute)
		v.do("resend").want(step.TypeCaptcha, "") // one captcha is one code
		v.captcha(v.solve()).want(step.TypeCode, "")
		if s := v.step.(step.Code); s.Sends != 2 {
			w.t.Errorf("%d sends", s.Sends)
		}
	})
}

// TestCaptcha_SecondProof: a captcha between the two proofs loses nothing, and
// where a limit stops the code after it the person chooses another way.
func TestCaptcha_SecondProof(t *testing.T) {
	challenged(t, func(w *town) {
		id := signUpThroughCaptcha(w, ada, "owner")
		w.setPassword(id, good)
		w.later(time.Minute)
		v := w.begin("intl").username(id).password(good).want(step.TypeCaptcha, "")
		v.captcha(v.solve()).want(step.TypeCode, "")
		v.code(w.post.code(ada)).done()

		tired := w.begin("intl").username(id).password(good).want(step.TypeCaptcha, "")
		for range 10 { // somebody else spends the rest of the day meanwhile
			w.later(30 * time.Second)
			x := w.begin("intl").phone(ada).want(step.TypeCaptcha, "")
			x.captcha(x.solve())
		}
		tired.captcha(tired.solve()).want(step.TypeChooseMethod, "codes_limited")
		tired.password(good).want(step.TypeChooseMethod, "journey_step")
		tired.do("back").want(step.TypeIdentify, "")
	})
}

func signUpThroughCaptcha(w *town, phone, device string) string {
	w.t.Helper()
	v := w.begin("intl", on(device)).phone(phone).want(step.TypeCaptcha, "")
	v.captcha(v.solve()).want(step.TypeCode, "")
	return v.code(w.post.code(phone)).done().Account.ID
}

// TestCaptcha_AddContact: a captcha before the code to a new contact that is then
// refused by a limit leads back to the question, not to an old code.
func TestCaptcha_AddContact(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		w := newTown(t, db, c, func(h *signin.House, l *proof.Limits) { l.ChallengeAfter = 12 })
		v := w.byMail("must", "new@example.com").newPassword(good).want(step.TypeAddContact, "")
		for range 10 {
			w.begin("intl").phone(ada).want(step.TypeCode, "")
			w.later(30 * time.Second)
		}
		w.begin("intl").phone(bob).want(step.TypeCode, "")
		v.phone(ada).want(step.TypeCaptcha, "")
		v.captcha(v.picture()).want(step.TypeAddContact, "codes_limited")
		v.phone("+14155550777").want(step.TypeCode, "") // the captcha still counts
		v.code(w.post.code("+14155550777")).done()
	})
}

// TestTopic_O01_CaptchaBeforePassword: from the tenth wrong password work, from
// the twentieth a picture; one captcha buys one try.
func TestTopic_O01_CaptchaBeforePassword(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		v := w.begin("intl").username(o.id)
		late := w.begin("intl").username(o.id).want(step.TypePassword, "")
		for range 10 {
			v.want(step.TypePassword, "").password("wrong")
			v.err = nil
			w.later(30 * time.Second)
		}
		late.password(o.password).want(step.TypeCaptcha, "captcha_required") // it had not met the captcha
		hasAct(w.t, w.acts(o.id), "password_wrong", 10)
		v.captcha("wrong").want(step.TypeCaptcha, "captcha_wrong")
		v.captcha(v.picture()).want(step.TypePassword, "")
		for i := range 10 {
			v.password("wrong").want(step.TypeCaptcha, "credentials_invalid")
			c := v.step.(step.Captcha)
			if want := map[bool]string{true: "picture", false: "work"}[i == 9]; c.Kind != want || c.Reason != "tries" {
				w.t.Errorf("after %d wrong passwords: %+v", 11+i, c)
			}
			if i < 9 {
				v.captcha(v.picture())
			}
			w.later(30 * time.Second)
		}
		if c := v.step.(step.Captcha); c.Challenge != nil {
			w.t.Error("a picture comes with work")
		}
		v.captcha(v.picture()).want(step.TypePassword, "")
		v.password(o.password).want(step.TypeCode, "")
		v.do("back").username(o.id).want(step.TypePassword, "") // a right password clears the count
	})
}

// TestCaptcha_StaysWithItsJourney: going back keeps an asked captcha's cost: the
// next way in asks again.
func TestCaptcha_StaysWithItsJourney(t *testing.T) {
	challenged(t, func(w *town) {
		v := w.begin("intl").phone(ada).want(step.TypeCaptcha, "")
		for _, in := range []flow.Input{{Input: "back"}, {Input: "phone", Phone: bob}, {Input: "code", Code: "123456"}, {Input: "resend"}, {Input: "other_way"}} {
			v.give(in).want(step.TypeCaptcha, "journey_step")
		}
		for i := range 3 {
			w.begin("intl").phone(fmt.Sprintf("+1415555011%d", i)).want(step.TypeCaptcha, "")
		}
		if n := w.rows()["courier_message"]; n != 0 {
			w.t.Errorf("%d messages", n)
		}
	})
}
