package signin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// TestTopic_S01_Password: every spelling of a username, on a device that the
// account knows.
func TestTopic_S01_Password(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for _, name := range []string{o.phone, "(415) 555-0123", o.email, "Ada.Lovelace@EXAMPLE.com", " " + o.id + " ", o.id[:4] + " " + o.id[4:8] + " " + o.id[8:]} {
			d := w.begin("intl", on(o.device)).username(name).want(step.TypePassword, "").password(o.password).done()
			if d.Account.ID != o.id || d.Created || d.Session == nil || d.Device.Token != "" {
				w.t.Errorf("%s: ended in %+v", name, d)
			}
		}
		l, err := w.house.Sessions.Check(t.Context(), w.db, w.begin("intl", on(o.device)).username(o.email).password(o.password).done().Session.Token)
		if err != nil || len(l.Proved) != 1 || l.Proved[0].Method != "password" {
			w.t.Errorf("the session says %+v, %v", l, err)
		}
	})
}

// TestS023_SecondProof: a right password on an unknown device opens nothing
// without a code to a contact, and with it the owner is told.
func TestS023_SecondProof(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		before := w.sessions()
		v := w.begin("intl", on(strings.Repeat("n", 43))).username(o.id).password(o.password).want(step.TypeCode, "")
		c := v.step.(step.Code)
		if c.Reason != "new_device" || c.Channel != "sms" || c.To == "" {
			w.t.Errorf("the second proof is %+v", c)
		}
		if w.sessions() != before {
			w.t.Error("the password alone opened a session")
		}
		text := w.post.next(o.phone)
		if !strings.Contains(text, "new device") {
			w.t.Errorf("the text does not say what it is for: %s", text)
		}
		d := v.code(digits.FindString(text)).done()
		l, err := w.house.Sessions.Check(t.Context(), w.db, d.Session.Token)
		if err != nil || len(l.Proved) != 2 || l.Proved[0].Method != "password" || l.Proved[1].Method != "sms_code" {
			w.t.Errorf("the session says %+v, %v", l, err)
		}
		told := w.post.all(o.email)
		if len(told) != 1 || !strings.Contains(told[0], "Pixel 9") || !strings.Contains(told[0], "Place: unknown") {
			w.t.Errorf("the other contact heard %q", told)
		}
		if texts := w.post.all(o.phone); len(texts) != 0 {
			w.t.Errorf("the contact that was just proved is told too: %q", texts)
		}
		w.begin("intl", on(strings.Repeat("n", 43))).username(o.id).password(o.password).done() // known from now on
		if more := w.post.all(o.email); len(more) != 0 {
			w.t.Errorf("a known device is told: %q", more)
		}
	})
}

// TestNotice_NamelessDevice: a device without a name has words for it, in the
// language of the account.
func TestNotice_NamelessDevice(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		nameless := func(v *flow.Visitor) { v.DeviceName = "" }
		v := w.begin("intl", nameless).username(o.id).password(o.password)
		v.give(flow.Input{Input: "other_way"}).method("email_code").want(step.TypeCode, "")
		v.code(w.post.code(o.email)).done()
		if text := w.post.all(o.phone); len(text) != 2 || !strings.Contains(text[1], "unknown device") {
			w.t.Errorf("told %q", text)
		}
	})
}

// TestTopic_W02_ReplacedPassword: on a known device a right but replaced password
// says when it was replaced; elsewhere it is wrong like any other.
func TestTopic_W02_ReplacedPassword(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		replaced := w.clock.Now()
		w.setPassword(o.id, "another horse entirely")
		w.later(48 * time.Hour)
		known := w.begin("intl", on(o.device)).username(o.id).password(o.password).want(step.TypePassword, "credentials_invalid")
		if at, ok := known.arg("replaced_at").(time.Time); !ok || !at.Equal(replaced) {
			w.t.Errorf("replaced_at is %v; want %v", known.arg("replaced_at"), replaced)
		}
		strange := w.begin("intl").username(o.id).password(o.password).want(step.TypePassword, "credentials_invalid")
		if strange.arg("replaced_at") != nil {
			w.t.Error("a stranger is told that the password was once right")
		}
		known.password("never was any").want(step.TypePassword, "credentials_invalid")
		if known.arg("replaced_at") != nil {
			w.t.Error("a password that never was is said to be replaced")
		}
	})
}

// TestS026_OneAnswer: unknown, without a password, wrong, frozen, blocked, gone:
// the same answer, step for step, and the same rows written.
func TestS026_OneAnswer(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		type class struct {
			name, username string
			prepare        func()
		}
		state := func(s account.State) func() { return func() { w.setState(o.id, s) } }
		phones := []class{
			{"wrong", o.phone, func() {}},
			{"frozen", o.phone, state(account.IsFrozen)},
			{"blocked", o.phone, state(account.IsBlocked)},
			{"leaving", o.phone, state(account.IsLeaving)},
			{"gone", o.phone, state(account.Gone)},
			{"no password", o.phone, func() { w.exec(`DELETE FROM credential_password`); w.setState(o.id, account.Active) }},
			{"unknown", "+14155559123", func() {}}, // the same mask as the owner's
		}
		ids := []class{{"wrong ID", o.id, func() {}}, {"unknown ID", account.NewID().String(), func() {}}}
		emails := []class{{"wrong e-mail", o.email, func() {}}, {"unknown e-mail", "alan@example.com", func() {}}}
		for _, classes := range [][]class{phones, ids, emails} {
			var first, firstRows string
			for _, c := range classes {
				c.prepare()
				w.exec(`DELETE FROM quota`)
				before := w.rows()
				v := w.begin("intl", on(strings.Repeat("s", 43))).username(c.username).want(step.TypePassword, "")
				said := v.said()
				for range 6 {
					said += "\n" + v.password("wrong guess of mine").said()
				}
				if id, ok := account.ReadID(c.username); ok {
					said = strings.ReplaceAll(said, id.Spaced(), "NAME")
				}
				written := delta(before, w.rows())
				if first == "" {
					first, firstRows = said, written
					if !strings.Contains(said, "credentials_invalid") || !strings.Contains(said, "too_many_attempts") {
						w.t.Fatalf("%s: the story is not the one that was meant: %s", c.name, said)
					}
				}
				if diff := cmp.Diff(first, said); diff != "" {
					w.t.Errorf("%s can be told from %s: %s", c.name, classes[0].name, diff)
				}
				if written != firstRows {
					w.t.Errorf("%s writes %s; %s writes %s", c.name, written, classes[0].name, firstRows)
				}
			}
		}
	})
}

// delta tells which tables grew, and by how much.
func delta(before, after map[string]int) string {
	grown := map[string]int{}
	for table, n := range after {
		if n != before[table] {
			grown[table] = n - before[table]
		}
	}
	return fmt.Sprint(grown)
}

// TestS026_NobodyIsCountedAlike: many guesses at nobody lead to the same captcha
// and the same waits as guesses at somebody.
func TestS026_NobodyIsCountedAlike(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		story := func(username string) (codes []string) {
			v := w.begin("intl").username(username)
			for range 24 {
				if v.step.StepType() == step.TypeCaptcha {
					c := v.step.(step.Captcha)
					codes = append(codes, "captcha "+c.Kind+" "+c.Reason)
					v.captcha(v.picture()).want(step.TypePassword, "")
				}
				v.password("wrong guess of mine")
				f := fault.From(v.err)
				codes = append(codes, fmt.Sprint(f.Code, f.Args, !f.RetryAt.IsZero()))
				w.later(30 * time.Second)
			}
			return codes
		}
		somebody := story(o.phone)
		for _, nobody := range []string{"+14155559123", "nobody@example.com", account.NewID().String()} {
			got := strings.NewReplacer("account_id", "phone", "email", "phone").Replace(strings.Join(story(nobody), "\n"))
			if diff := cmp.Diff(strings.Join(somebody, "\n"), got); diff != "" {
				w.t.Errorf("%s: %s", nobody, diff)
			}
		}
		if !strings.Contains(strings.Join(somebody, "\n"), "captcha work tries") || !strings.Contains(strings.Join(somebody, "\n"), "captcha picture tries") {
			w.t.Errorf("no captcha was reached: %v", somebody)
		}
	})
}

// TestS027_OneCounter: the spellings of a username and fresh journeys share one
// count of wrong passwords.
func TestS027_OneCounter(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		names := []string{o.phone, "415-555-0123", o.email, o.id}
		for i := range 5 {
			w.begin("intl").username(names[i%len(names)]).password("wrong").want(step.TypePassword, "credentials_invalid")
		}
		for _, name := range names {
			v := w.begin("intl").username(name).password(o.password).want(step.TypePassword, "too_many_attempts")
			if at := fault.From(v.err).RetryAt; v.arg("limit") != "account" || at.Sub(w.clock.Now()) != time.Second {
				w.t.Errorf("%s: limit %v, retry in %v", name, v.arg("limit"), at.Sub(w.clock.Now()))
			}
		}
		w.later(time.Second)
		w.begin("intl").username(o.id).password(o.password).want(step.TypeCode, "")
		hasAct(t, w.acts(o.id), audit.PasswordWrong, 5)
		hasAct(t, w.acts(o.id), audit.PasswordLimited, 1) // four refused tries are one line
	})
}

// TestS154_PasswordLane: a stranger's guesses neither delay the owner on a known
// device nor show a captcha there.
func TestS154_PasswordLane(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for range 10 {
			w.begin("intl").username(o.id).want(step.TypePassword, "").password("wrong")
			w.later(30 * time.Second)
		}
		w.begin("intl").username(o.id).want(step.TypeCaptcha, "")
		w.begin("intl", on(o.device)).username(o.id).password(o.password).done()
		w.begin("intl", on(strings.Repeat("x", 43))).username(o.id).want(step.TypeCaptcha, "") // being known is not for sale
	})
}

// TestS013_FirstFactorAgain: repeating the right password brings no fresh guesses
// at the code (AuthQuake, 2024).
func TestS013_FirstFactorAgain(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		judged := 0
		for range 8 {
			v := w.begin("intl").username(o.id).password(o.password)
			if v.step.StepType() != step.TypeCode {
				break
			}
			wrong := other(w.post.code(o.phone))
			for range 5 {
				v.code(wrong)
				if proof.CodeWrong.Is(v.err) {
					judged++
				}
			}
			v.do("back").username(o.id).password(o.password)
		}
		if judged != 10 {
			w.t.Errorf("%d guesses at the second proof within an hour; want 10", judged)
		}
	})
}

// TestS075_PasswordDoesNotTravel: a proved password is gone when somebody else is
// named, and a code of one's own phone does not complete another's password.
func TestS075_PasswordDoesNotTravel(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		mine := w.signUp(bob)
		w.later(time.Hour)
		v := w.begin("intl").phone(bob).want(step.TypeCode, "")
		own := w.post.code(bob)
		v.do("back").want(step.TypeIdentify, "")
		v.username(o.id).password(o.password).want(step.TypeCode, "") // the stranger knows the password
		v.code(own).want(step.TypeCode, "code_other_purpose")
		v.do("other_way").want(step.TypeChooseMethod, "")
		v.method("password").want(step.TypeChooseMethod, "method_unavailable")
		v.code(own).want(step.TypeChooseMethod, "journey_step")
		v.phone(bob).want(step.TypeChooseMethod, "journey_step")
		v.do("back").want(step.TypeIdentify, "")
		w.later(time.Minute)
		d := v.phone(bob).code(w.post.code(bob)).done()
		l, err := w.house.Sessions.Check(t.Context(), w.db, d.Session.Token)
		if err != nil || d.Account.ID != mine.Account.ID || len(l.Proved) != 1 || l.Proved[0].Method != "sms_code" {
			w.t.Errorf("the session is of %s and says %+v, %v", d.Account.ID, l, err)
		}
	})
}

// TestS086_StateAfterProof: what state an account is in is told to who has proved
// enough to get in, and to nobody else; the journey goes on at its beginning.
func TestS086_StateAfterProof(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		refused := 0
		for state, code := range map[account.State]string{account.IsFrozen: "account_frozen", account.IsBlocked: "account_blocked", account.IsLeaving: "account_leaving"} {
			w.later(25 * time.Hour)
			w.setState(o.id, state)
			before := w.sessions()
			v := w.begin("intl").phone(o.phone)
			right := w.post.code(o.phone)
			v.code(right).want(step.TypeIdentify, code)
			v.do("resend").want(step.TypeIdentify, "journey_step")
			w.begin("intl", on(o.device)).username(o.id).password(o.password).want(step.TypeIdentify, code)
			unknown := w.begin("intl").username(o.id).password(o.password).want(step.TypeCode, "") // the password alone tells nothing more
			unknown.code(w.post.code(o.phone)).want(step.TypeIdentify, code)
			if w.sessions() != before {
				w.t.Errorf("%s: a session began", state)
			}
			refused += 3
		}
		hasAct(t, w.acts(o.id), audit.SignInRefused, refused)
		w.setState(o.id, account.Gone)
		w.begin("intl", on(o.device)).username(o.id).password(o.password).want(step.TypePassword, "credentials_invalid")
		w.setState(o.id, account.Active)
		w.begin("intl", on(o.device)).username(o.id).password(o.password).done()
	})
}

// TestS028_ChangedMeanwhile: a password that is replaced between its proof and
// the second proof proves nothing.
func TestS028_ChangedMeanwhile(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		v := w.begin("intl").username(o.id).password(o.password).want(step.TypeCode, "")
		code := w.post.code(o.phone)
		w.later(time.Minute)
		w.setPassword(o.id, "another horse entirely")
		before := w.sessions()
		v.code(code).want(step.TypeIdentify, "credentials_invalid")
		if w.sessions() != before {
			w.t.Error("a session began")
		}
	})
}

// TestSecondProof_ContactLeft: a contact that left the account between the proofs
// completes nothing, also if it is on another account by then.
func TestSecondProof_ContactLeft(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for _, elsewhere := range []bool{false, true} {
			w.later(time.Hour)
			v := w.begin("intl").username(o.email).password(o.password).want(step.TypeCode, "")
			code := w.post.code(o.phone)
			w.dropContact(o.id, contact.Phone)
			if elsewhere {
				w.addContact(w.signUp(bob).Account.ID, contact.Email, "bob@example.com")
				w.exec(`UPDATE contact_holder SET kind = kind`)
			}
			before := w.rows()
			v.code(code).want(step.TypeChooseMethod, "method_unavailable")
			if after := w.rows(); after["session"] != before["session"] || after["account"] != before["account"] {
				w.t.Error("it opened something")
			}
			w.addContact(o.id, contact.Phone, o.phone)
		}
	})
}

// TestSecondProof_NoContact: without a contact there is no second proof, and the
// person is told.
func TestSecondProof_NoContact(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		w.dropContact(o.id, contact.Phone)
		w.begin("intl").username(o.id).password(o.password).want(step.TypeCode, "")
		w.dropContact(o.id, contact.Email)
		v := w.begin("intl").username(o.id).password(o.password).want(step.TypeChooseMethod, "method_unavailable")
		if c := v.step.(step.ChooseMethod); len(c.Methods) != 0 || len(c.Unavailable) != 2 {
			w.t.Errorf("offered %+v", c)
		}
		v.method("sms_code").want(step.TypeChooseMethod, "method_unavailable")
		v.do("back").want(step.TypeIdentify, "")
	})
}

// TestSecondProof_Limited: where a limit stops the code the person keeps the
// password that was right, is told when, and may go another way.
func TestSecondProof_Limited(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for range 9 {
			w.begin("intl").phone(o.phone).want(step.TypeCode, "")
			w.later(time.Minute)
		}
		v := w.begin("intl").username(o.id).password(o.password).want(step.TypeChooseMethod, "codes_limited")
		if at := fault.From(v.err).RetryAt; !at.After(w.clock.Now()) {
			w.t.Errorf("retry_at %v", at)
		}
		c := v.step.(step.ChooseMethod)
		if len(c.Methods) != 2 || c.Methods[1].Method != "email_code" || c.Methods[1].To != "a***@e***.com" {
			w.t.Errorf("offered %+v", c)
		}
		v.method("email_code").want(step.TypeCode, "")
		v.code(w.post.code(o.email)).done()
		hasAct(t, w.acts(o.id), audit.CodesLimited, 1)
	})
}

// TestS021_ProofsAge: a proof waits ten minutes for the next one.
func TestS021_ProofsAge(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		v := w.begin("intl").username(o.id).password(o.password).want(step.TypeCode, "")
		w.later(8 * time.Minute)
		v.do("resend").want(step.TypeCode, "")
		code := w.post.code(o.phone)
		w.later(2*time.Minute + time.Microsecond)
		v.code(code).want(step.TypeIdentify, "journey_expired")
		again := w.begin("intl").username(o.id).password(o.password).want(step.TypeCode, "")
		code = w.post.code(o.phone)
		w.later(5*time.Minute - time.Microsecond)
		again.code(code).done()
	})
}

// TestS023_Alone: a house that lets a password open a session by itself tells the
// owner of new devices at every contact.
func TestS023_Alone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		w := newTown(t, db, c, func(h *signin.House, _ *proof.Limits) { h.Rules.Alone = true })
		o := w.owner()
		w.post.all(o.phone)
		w.begin("intl").username(o.id).password(o.password).done()
		if a, b := w.post.all(o.phone), w.post.all(o.email); len(a) != 1 || len(b) != 1 {
			w.t.Errorf("told %q and %q", a, b)
		}
	})
}

// TestS022_Upgrade: a hash of an older profile is renewed at sign-in.
func TestS022_Upgrade(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		var ringed *signin.House
		w := newTown(t, db, c, func(h *signin.House, _ *proof.Limits) { ringed = h })
		o := w.owner()
		stronger := credential.NewGate(credential.Profile{MemoryKiB: 128, Time: 1, Threads: 1}, 2, 100, c)
		ringed.Passwords = credential.New(stronger, w.ring, credential.Rules{})
		ringed.Guesses.Stored = ringed.Passwords
		id, _ := account.ReadID(o.id)
		v := w.begin("intl", on(o.device)).username(o.id)
		v.password(o.password).done()
		stored, err := ringed.Passwords.Load(t.Context(), db, id)
		if err != nil {
			w.t.Fatal(err)
		}
		verdict, err := ringed.Passwords.Check(t.Context(), stored, o.password)
		if err != nil || !verdict.Right || verdict.Upgrade != nil {
			w.t.Errorf("after sign-in: %+v, %v; want a hash that is up to date", verdict, err)
		}
	})
}

// TestPassword_Bad: what can be no password is refused before hashing, the same
// for everybody.
func TestPassword_Bad(t *testing.T) {
	each(t, func(w *town) {
		o := w.owner()
		for _, name := range []string{o.id, account.NewID().String()} {
			v := w.begin("intl").username(name)
			v.password(strings.Repeat("x", 60_000)).want(step.TypePassword, "password_long")
			v.password(strings.Repeat("x", 257)).want(step.TypePassword, "password_long")
			v.password("a\x00b").want(step.TypePassword, "invalid_input")
			v.password("").want(step.TypePassword, "credentials_invalid")
		}
	})
}

// TestUsername_Bad: what is no username is refused with what it resembles.
func TestUsername_Bad(t *testing.T) {
	each(t, func(w *town) {
		typo := []byte(account.NewID().String())
		typo[11] = '0' + (typo[11]-'0'+1)%10
		for name, hint := range map[string]string{"": "none", "ada": "none", "ada@": "email", "a@b@c.com": "email", "+1": "phone", string(typo): "account_id", strings.Repeat("9", 3000): "none"} {
			v := w.begin("intl").username(name).want(step.TypeIdentify, "username_invalid")
			if v.arg("hint") != hint {
				w.t.Errorf("%.20q: hint %v; want %s", name, v.arg("hint"), hint)
			}
		}
	})
}

// TestS066_SessionsAndDevices: an account has at most 50 sessions and remembers
// 100 devices; the least used go first, and no session loses its device.
func TestS066_SessionsAndDevices(t *testing.T) {
	each(t, func(w *town) {
		if w.db.Engine() == sqldb.Postgres {
			w.t.Skip("the stores show it on both engines; this is their meeting")
		}
		o := w.owner()
		var first step.Done
		for i := range 120 {
			w.later(2 * time.Second)
			v := w.begin("intl", on(fmt.Sprintf("%043d", i)), from(fmt.Sprintf("10.0.%d.1", i))).username(o.id).password(o.password)
			if v.step.StepType() == step.TypeCode {
				v.exec(`DELETE FROM quota`)
				v.code(w.post.code(o.phone))
			} else {
				w.exec(`DELETE FROM quota`)
				v.method("sms_code").code(w.post.code(o.phone))
			}
			if d := v.done(); i == 0 {
				first = d
			}
		}
		ended := 0
		for _, text := range w.post.all(o.email) {
			if strings.Contains(text, "the sign-in that was least used has ended") {
				ended++
			}
		}
		if ended != 71 { // of 120, and the owner's own: that of whoever made room was told each time
			w.t.Errorf("the owner was told of %d sessions that ended; want 71", ended)
		}
		if rows := w.rows(); rows["session"] != 50 || rows["device"] != 100 {
			w.t.Errorf("%d sessions, %d devices; want 50 and 100", rows["session"], rows["device"])
		}
		if _, err := w.house.Sessions.Check(t.Context(), w.db, first.Session.Token); err != session.ErrNone {
			w.t.Errorf("the oldest session: %v", err)
		}
		var alone int
		if err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM session s WHERE NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = s.account_id AND d.id = s.device_id)`).Scan(&alone); err != nil || alone != 0 {
			w.t.Errorf("%d sessions without a device, %v", alone, err)
		}
	})
}
