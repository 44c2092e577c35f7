package signin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// The thief of the model: has a phone and a mailbox of his own, an account, accounts
// at third-party providers that say her address, and knows the password of somebody
// else's account. What he sees of her phone, her mailbox and her account at Google,
// which opens hers here, is nothing.
const (
	thiefPhone = "+14155550666"
	thiefMail  = "thief@example.com"
)

// theft is a town with a victim and a thief, and what is known of what the thief
// has shown in his present journey.
type theft struct {
	*town
	victim owner
	own    string // the thief's account

	visit    *visit
	begun    time.Time
	twoSteps bool // the thief's own account wants two steps
	code     bool // a right code was taken since the last beginning
	password bool // a right password was taken
	foreign  bool // he was at a provider, as himself
	stories  []string
}

func newTheft(t testing.TB, db *sqldb.DB, c *clock.Clock) *theft {
	w := newTown(t, db, c, func(h *signin.House, l *proof.Limits) {
		l.Network, l.NetworkWide = many("codes.network"), many("codes.network_wide")
		l.Device, l.Country, l.Guesses = many("codes.device"), many("codes.country"), many("codes.guesses")
		h.Guesses.Rules.TriesNetwork, h.Guesses.Rules.TriesWide = many("password.network"), many("password.network_wide")
		h.Guesses.Rules.CaptchaAfter = 3
		l.ChallengeAfter = 6
	})
	x := &theft{town: w, victim: w.owner()}
	x.own = w.signUp(thiefPhone).Account.ID
	w.setPassword(x.own, good)
	w.linkTo(x.victim.id, w.google, adaThere)
	w.post.all(x.victim.phone)
	w.post.all(thiefPhone)
	return x
}

// thiefThere is the thief at a provider: her name, her address, his subject.
func thiefThere(at string) provider.Identity {
	return towntest.Somebody(at+"-thief", adaThere.Name, adaThere.Email)
}

func many(name string) quota.Limit { return quota.Limit{Name: name, Windows: hour(1_000_000)} }

// inputs are all moves of the thief, sensible and not, as one list.
func (x *theft) inputs() []flow.Input {
	in := []flow.Input{
		{Input: "phone", Phone: thiefPhone}, {Input: "phone", Phone: x.victim.phone}, {Input: "phone", Phone: "+14155550667"}, {Input: "phone", Phone: "12"},
		{Input: "phone", Phone: "4155550666", Country: "US"}, {Input: "phone", Phone: thiefPhone, Country: "\x00"}, {Input: "phone"},
		{Input: "email", Email: thiefMail}, {Input: "email", Email: x.victim.email}, {Input: "email", Email: "a@b@c"}, {Input: "email", Email: strings.Repeat("a", 5000)},
		{Input: "username", Username: x.victim.id}, {Input: "username", Username: x.victim.phone}, {Input: "username", Username: x.victim.email},
		{Input: "username", Username: x.own}, {Input: "username", Username: thiefPhone}, {Input: "username", Username: thiefMail},
		{Input: "username", Username: "nobody@example.com"}, {Input: "username", Username: "222222222222"}, {Input: "username", Username: "'; --"},
		{Input: "password", Password: x.victim.password}, {Input: "password", Password: good}, {Input: "password", Password: "wrong"}, {Input: "password", Password: strings.Repeat("x", 9999)}, {Input: "password"},
		{Input: "code", Code: "000000"}, {Input: "code", Code: "newest"}, {Input: "code", Code: "oldest"}, {Input: "code", Code: "newest letter"}, {Input: "code", Code: "12"}, {Input: "code", Code: "１２３４５６"},
		{Input: "resend"}, {Input: "resend", Phone: thiefPhone}, {Input: "other_way"}, {Input: "back"}, {Input: "skip"},
		{Input: "method", Method: "sms_code"}, {Input: "method", Method: "email_code"}, {Input: "method", Method: "password"}, {Input: "method", Method: "passkey"}, {Input: "method"},
		{Input: "new_password", Password: good}, {Input: "new_password", Password: "short"}, {Input: "new_password"},
		{Input: "captcha", Answer: "right"}, {Input: "captcha", Answer: "wrong"}, {Input: "refresh"},
		{Input: "passkey", Credential: json.RawMessage(`{"id":"AA","type":"public-key"}`)}, {Input: "passkey"}, {Input: "answers", Answers: []string{"a", "b", "c"}}, {Input: "answers"},
		{Input: "check"}, {Input: "wait"}, {Input: "confirm"}, {Input: "method", Method: "totp"}, {Input: "method", Method: "recovery_code"}, {Input: "method", Method: "device_prompt"},
		{Input: "code", Code: "newest", Password: good}, {Input: "wait", Method: "password"},
		{Input: "provider", Provider: "google"}, {Input: "provider", Provider: "wechat"}, {Input: "provider", Provider: "google", Token: "own"}, {Input: "provider", Provider: "wechat", Token: "own"},
		{Input: "provider", Provider: "google", Token: "hers"}, {Input: "provider", Provider: "google", Code: "hers"}, {Input: "provider", Provider: "google", Token: "eyJ"}, {Input: "provider"}, {Input: "provider", Provider: "apple"},
		{Input: "check", Answer: "comes back"}, {Input: "check", Answer: "comes back"}, {Input: "check", Answer: "says no"}, {Input: "check", Provider: "google"}, {Input: "link"}, {Input: "create"}, {Input: "link", Username: x.victim.id},
		{Input: ""}, {Input: "done"}, {Input: "identify"}, {Input: "account", Username: x.victim.id}, {Input: strings.Repeat("y", 5000)},
	}
	return in
}

// wantTwo turns 2-step verification of the thief's own account on or off.
func (x *theft) wantTwo(on bool) {
	x.twoSteps = on
	n, _ := account.ReadID(x.own)
	x.exec(`UPDATE account SET two_step = $1 WHERE id = $2`, on, int64(n))
}

// start begins the thief's next journey.
func (x *theft) start(region string, device byte) {
	x.visit = x.begin(region, on(strings.Repeat(string([]byte{'t' + device%3}), 43)))
	x.code, x.password, x.foreign, x.stories, x.begun = false, false, false, nil, x.clock.Now()
}

// move gives one input and holds what comes back against the model.
func (x *theft) move(in flow.Input) {
	x.t.Helper()
	v := x.visit
	at := v.step.StepType()
	in = x.fill(in)
	ticket, err := v.runner.Answer(context.WithoutCancel(x.t.Context()), v.visitor, v.handle, in)
	x.stories = append(x.stories, fmt.Sprintf("%s at %s -> %v", in.Input, at, err))
	f := fault.From(err)
	switch {
	case err != nil && f == nil:
		x.fail("an internal error: %v", err)
	case f != nil && f.Status >= 500 && f.Code != "provider_failed": // which is the provider's
		x.fail("status %d", f.Status)
	case ticket.Step == nil && (f == nil || f.Code != "journey_expired"):
		x.fail("no step, %v", err)
	case ticket.Step == nil:
		x.visit = nil
		return
	}
	v.err, v.step = err, ticket.Step
	now := ticket.Step.StepType()
	if f == nil && at == step.TypeCode && in.Input == "code" {
		x.code = true
	}
	if f == nil && at == step.TypePassword && in.Input == "password" {
		x.password = true
	}
	if f == nil && (at == step.TypeIdentify && in.Token != "" || in.Input == "check" && at == step.TypeRedirect && now != at) {
		x.foreign = true
	}
	if s, is := ticket.Step.(step.Identify); is {
		x.code, x.password, x.foreign = false, false, s.Link != ""
	}
	if f != nil && f.Code == "journey_step" && at != now {
		x.fail("an input that does not fit moved the journey to %s", now)
	}
	x.check(at, now)
}

// fill puts in what the thief can know: his own codes, the captcha's answer.
func (x *theft) fill(in flow.Input) flow.Input {
	switch {
	case in.Code == "newest" || in.Code == "oldest" || in.Code == "newest letter":
		to := thiefPhone
		if in.Code == "newest letter" {
			to = thiefMail
		}
		x.post.settle()
		x.post.mu.Lock()
		defer x.post.mu.Unlock()
		list := x.post.got[to]
		which := len(list) - 1
		if in.Code == "oldest" {
			which = 0
		}
		in.Code = "999999"
		if len(list) > 0 {
			in.Code = digits.FindString(list[which])
		}
	case in.Token == "own":
		in.Token = x.google.Slip(thiefThere(in.Provider), x.shownNonce())
		if in.Provider == "wechat" {
			in.Token = x.wechat.Slip(thiefThere(in.Provider), "")
		}
	case in.Token == "hers": // which another app got for her
		in.Token = x.google.Slip(adaThere, "of another app")
	case in.Input == "check" && in.Answer != "":
		x.goesOut(in.Answer)
		in.Answer = ""
	case in.Answer == "right":
		if x.visit.step.StepType() == step.TypeCaptcha {
			in.Answer = x.visit.picture()
		}
	}
	return in
}

// shownNonce is the one of the present step.
func (x *theft) shownNonce() string {
	if s, is := x.visit.step.(step.Identify); is && len(s.Providers) > 0 {
		return s.Providers[0].Nonce
	}
	return "none"
}

// goesOut goes to the provider of the present step and comes back as himself, if the
// visit is not over.
func (x *theft) goesOut(how string) {
	away, is := x.visit.step.(step.Redirect)
	if !is || !x.clock.Now().Before(away.ExpiresAt) {
		return
	}
	vendor, answer := x.google, url.Values{"error": {"access_denied"}}
	if away.Provider == "wechat" {
		vendor = x.wechat
	}
	if how == "comes back" {
		answer = url.Values{"code": {vendor.Slip(thiefThere(away.Provider), "")}}
	}
	x.visit.comes(answer)
}

func (x *theft) fail(format string, args ...any) {
	x.t.Helper()
	x.t.Fatalf(format+"\nafter\n%s", append(args, strings.Join(x.stories, "\n"))...)
}

// check is the model: which steps there can be with what was shown, and whose
// account the end can be.
func (x *theft) check(before, now step.Type) {
	x.t.Helper()
	shown := x.visit.step
	if s, is := shown.(step.AddContact); is && s.Hint == x.victim.email {
		s.Hint = "" // he told it himself
		shown = s
	}
	said, err := json.Marshal(shown)
	if err != nil {
		x.fail("%v", err)
	}
	for _, secret := range []string{x.victim.phone, x.victim.email, x.victim.password, x.victim.phone[2:]} {
		if strings.Contains(string(said), secret) {
			x.fail("a step shows %q: %s", secret, said)
		}
	}
	if now == step.TypeNewPassword && !x.code || now == step.TypeAddContact && !x.code && !x.foreign || now == step.TypeLinkOrCreate && !x.foreign {
		x.fail("at %s without a proof", now)
	}
	if now != step.TypeDone {
		return
	}
	d := x.visit.step.(step.Done)
	if !x.code && !x.password && !x.foreign {
		x.fail("in without a proof")
	}
	if d.Account.ID == x.victim.id {
		x.fail("the thief is in the account of his victim")
	}
	if before == step.TypeDone {
		return
	}
	n, _ := account.ReadID(d.Account.ID)
	list, err := x.house.Contacts.List(x.t.Context(), x.db, n)
	if err != nil {
		x.fail("%v", err)
	}
	for _, c := range list {
		if c.Address != thiefPhone && c.Address != thiefMail {
			x.fail("the account has a contact that the thief never had: %v", c.Kind)
		}
	}
	if d.Session == nil {
		return // an end that was already told
	}
	l, err := x.house.Sessions.Check(x.t.Context(), x.db, d.Session.Token)
	if err != nil || l.AccountID != n || len(l.Proved) == 0 {
		x.fail("the session is of %v and says %v, %v", l, d.Account.ID, err)
	}
	if x.twoSteps && d.Account.ID == x.own && len(l.Proved) < 2 {
		x.fail("in by one step: %v", l.Proved)
	}
	for _, p := range l.Proved {
		if p.At.Before(x.begun) || p.Method == "password" && !x.password || p.Method == "linked" && !x.foreign || p.Method != "password" && p.Method != "linked" && !x.code {
			x.fail("the session claims %s at %v", p.Method, p.At)
		}
	}
}

// aftermath holds what must be true of the store whatever the thief did.
func (x *theft) aftermath() {
	x.t.Helper()
	n, _ := account.ReadID(x.victim.id)
	for kind, want := range map[contact.Kind]string{contact.Phone: x.victim.phone, contact.Email: x.victim.email} {
		if id, err := x.house.Contacts.Holder(x.t.Context(), x.db, kind, want); err != nil || id != n {
			x.fail("the victim's %s is of %v now, %v", kind, id, err)
		}
	}
	var sessions int
	if err := x.db.QueryRow(x.t.Context(), `SELECT COUNT(*) FROM session WHERE account_id = $1`, int64(n)).Scan(&sessions); err != nil || sessions != 1 {
		x.fail("the victim has %d sessions, %v", sessions, err)
	}
	if got := x.linked(x.victim.id); !slices.Equal(got, []string{"google g-ada"}) {
		x.fail("to the victim's account is linked %v", got)
	}
	x.whole()
	rows := x.rows()
	if rows["contact"] != rows["contact_holder"] {
		x.fail("contacts and their holders differ: %v", rows)
	}
}

// run plays a story that is written in bytes: an input each, the clock now and
// then, another journey now and then.
func (x *theft) run(story []byte) {
	x.t.Helper()
	regions := []string{"intl", "cn", "both", "must", "closed"}
	inputs := x.inputs()
	x.start("intl", 0)
	for _, b := range story {
		switch {
		case x.visit == nil || b >= 250:
			x.start(regions[int(b)%len(regions)], b)
		case b >= 240:
			x.later([]time.Duration{time.Second, 20 * time.Second, time.Minute, 5 * time.Minute, 11 * time.Minute}[b%5])
		default:
			x.move(inputs[int(b)%len(inputs)])
		}
	}
	x.aftermath()
}

// TestS075_EveryStepInEveryState plays stories by chance, with fixed seeds, most
// of them steered towards inputs that the present step takes.
func TestS075_EveryStepInEveryState(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		x := newTheft(t, db, c)
		seen := map[string]bool{}
		stories := 60
		if testing.Short() || db.Engine() == sqldb.Postgres {
			stories = 15 // the story is the same; each input waits for a server
		}
		for seed := range uint64(stories) {
			dice := rand.New(rand.NewPCG(seed, 75))
			x.exec(`DELETE FROM quota`)
			x.wantTwo(seed%3 > 0)
			x.start([]string{"intl", "both", "must", "cn", "closed"}[seed%5], byte(seed))
			inputs := x.inputs()
			for range 40 {
				if x.visit == nil {
					x.start("intl", byte(seed))
				}
				if dice.IntN(8) == 0 {
					x.later(time.Duration(dice.IntN(90)) * time.Second)
				}
				in := inputs[dice.IntN(len(inputs))]
				at := x.visit.step.StepType()
				if dice.IntN(4) > 0 {
					for range 50 {
						if said, _ := json.Marshal(x.visit.step); strings.Contains(string(said), `"`+in.Input+`"`) && in.Input != "" {
							break
						}
						in = inputs[dice.IntN(len(inputs))]
					}
				}
				x.move(in)
				seen[string(at)+" "+in.Input] = true
			}
			x.aftermath()
		}
		for _, must := range []string{"identify phone", "identify email", "identify username", "code code", "code resend", "code back", "password password", "choose_method method", "choose_method back", "captcha captcha", "done code",
			"identify provider", "redirect check", "redirect back", "link_or_create link", "link_or_create create", "link_or_create back"} {
			if !seen[must] && stories > 15 {
				t.Errorf("no story came by %q", must)
			}
		}
	})
}

// FuzzSteps lets the fuzzer write the stories of TestS075.
func FuzzSteps(f *testing.F) {
	f.Add([]byte{11, 20, 32, 36, 26})
	f.Add([]byte{0, 26, 252, 7, 28, 41})
	f.Add([]byte{253, 7, 28, 41, 0, 26, 34})
	f.Add([]byte{0, 25, 25, 25, 25, 25, 26, 242, 31, 26})
	f.Add([]byte{59, 68, 74})
	f.Add([]byte{61, 73, 0, 26})
	f.Add([]byte{11, 20, 33, 0, 26, 35, 38, 36, 37, 44, 46})
	c := clock.At(sqldbtest.Start)
	x := newTheft(f, sqldbtest.SQLite(f, c), c)
	f.Fuzz(func(t *testing.T, story []byte) {
		if len(story) > 200 {
			t.Skip()
		}
		x.t, x.post.t = t, t
		x.exec(`DELETE FROM quota`)
		x.run(story)
	})
}
