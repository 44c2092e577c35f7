package proof

import (
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/words"
)

func day(n int) []quota.Window { return []quota.Window{{Max: n, Per: 24 * time.Hour}} }

// codes judges and counts, and has no courier.
func codes(t *testing.T) *Codes {
	t.Helper()
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	return NewCodes(ring, quota.New(ring.Key("quota")), nil, words.Book(), "Selfsame", "id.example.test", Limits{
		Length: 6, Life: 5 * time.Minute, Tries: 5, ResendAfter: []time.Duration{time.Minute},
		Destination:      quota.Limit{Name: "codes.destination", Windows: day(10)},
		DestinationTries: quota.Limit{Name: "codes.tries", Windows: day(10)},
		Device:           quota.Limit{Name: "codes.device", Windows: day(10)},
		Network:          quota.Limit{Name: "codes.network", Windows: day(10)},
		NetworkWide:      quota.Limit{Name: "codes.network_wide", Windows: day(10)},
		Country:          quota.Limit{Name: "codes.country", Windows: day(10)},
		Guesses:          quota.Limit{Name: "codes.guesses", Windows: day(3)},
	})
}

// out is a code that was sent, without a courier.
func (c *Codes) out(journey string, now time.Time, change func(*Code)) *Sent {
	code := Code{Purpose: "signin", Channel: courier.SMS, Address: "+14155550123", Subject: "+14155550123", MessageID: "m", SentAt: now, ExpiresAt: now.Add(c.limits.Life)}
	if change != nil {
		change(&code)
	}
	code.MAC = c.mac(journey, &code, "482913")
	return &Sent{Codes: []Code{code}}
}

// TestS010_Bound: a code is right for its journey, purpose, channel, destination
// and message, and for nothing that differs in one of them. Only the diagonal
// succeeds.
func TestS010_Bound(t *testing.T) {
	c := codes(t)
	variants := map[string]func(*Code){
		"itself": nil, "another purpose": func(x *Code) { x.Purpose = "device" }, "another channel": func(x *Code) { x.Channel = courier.Email },
		"another destination": func(x *Code) { x.Address = "+14155550124" }, "another message": func(x *Code) { x.MessageID = "n" },
		"joined otherwise": func(x *Code) { x.Purpose, x.Channel = "signi", "nsms" },
	}
	for made, a := range variants {
		sent := c.out("journey", sqldbtest.Start, a).Codes[0]
		for read, b := range variants {
			now := c.out("journey", sqldbtest.Start, b).Codes[0]
			now.MAC = sent.MAC
			if got := c.matches("journey", &now, "482913"); got != (made == read) {
				t.Errorf("sent for %s, offered for %s: %v", made, read, got)
			}
		}
		if c.matches("journez", &sent, "482913") || c.matches("journey", &sent, "482914") || c.matches("journey", &sent, "") {
			t.Errorf("%s: another journey or other digits are right", made)
		}
	}
}

// TestS009_NoCodeInFacts: what stands in the facts of a journey does not hold the
// code, and the same code is never stored the same twice.
func TestS009_NoCodeInFacts(t *testing.T) {
	c := codes(t)
	a := c.out("journey", sqldbtest.Start, nil).Codes[0]
	b := c.out("journey", sqldbtest.Start, func(x *Code) { x.MessageID = "other" }).Codes[0]
	if string(a.MAC) == string(b.MAC) || len(a.MAC) != 32 {
		t.Errorf("MACs %x and %x", a.MAC, b.MAC)
	}
}

// TestTry judges one code through its life, on both engines.
func TestTry(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, clk *clock.Clock) {
		c, from := codes(t), Source{}
		try := func(s *Sent, typed string) (err error) {
			t.Helper()
			if txErr := db.InTx(t.Context(), func(tx *sqldb.Tx) error {
				err = c.Try(t.Context(), tx, "journey", s, typed, from)
				return nil
			}); txErr != nil {
				t.Fatal(txErr)
			}
			return err
		}
		s := c.out("journey", clk.Now(), nil)
		if err := try(s, "482 913"); err != nil {
			t.Errorf("right: %v", err)
		}
		clk.Advance(5*time.Minute - time.Microsecond)
		if err := try(s, "482913"); err != nil {
			t.Errorf("right at the last moment: %v", err)
		}
		clk.Advance(time.Microsecond)
		if err := try(s, "482913"); !CodeExpired.Is(err) {
			t.Errorf("a moment later: %v", err)
		}
		s = c.out("journey", clk.Now(), nil)
		if err := try(s, "482"); err == nil || s.Codes[0].Tries != 0 {
			t.Errorf("three digits: %v, %d tries", err, s.Codes[0].Tries)
		}
		if c.guard.up(clk.Now()) {
			t.Error("the guard is up before anything was wrong")
		}
		for i := range 5 {
			if err := try(s, "111111"); !CodeWrong.Is(err) || s.Codes[0].Tries != i+1 {
				t.Errorf("wrong: %v, %d tries", err, s.Codes[0].Tries)
			}
		}
		if err := try(s, "482913"); !CodeTriesExceeded.Is(err) {
			t.Errorf("right after five wrong ones: %v", err)
		}
		if !c.guard.up(clk.Now()) || c.guard.up(clk.Now().Add(24*time.Hour)) {
			t.Error("the guard is not up for a day after the fourth wrong code")
		}
		nobody := c.out("journey", clk.Now(), func(x *Code) { x.Address, x.Hidden = "", true })
		if err := try(nobody, "482913"); !CodeWrong.Is(err) {
			t.Errorf("the digits of nobody's code: %v", err)
		}
	})
}

// TestOut: asking again goes on with the code only while it can be entered and
// no other could be sent.
func TestOut(t *testing.T) {
	c, now := codes(t), sqldbtest.Start
	to := Code{Purpose: "signin", Channel: courier.SMS, Subject: "+14155550123"}
	for name, tt := range map[string]struct {
		change func(*Code)
		at     time.Duration
		want   bool
	}{
		"just sent":           {nil, 0, true},
		"before the resend":   {nil, time.Minute - 1, true},
		"when resend is due":  {nil, time.Minute, false},
		"used":                {func(x *Code) { x.UsedAt = now }, 0, false},
		"guessed at too much": {func(x *Code) { x.Tries = 5 }, 0, false},
		"of another purpose":  {func(x *Code) { x.Purpose = "contact" }, 0, false},
		"of another subject":  {func(x *Code) { x.Subject = "+14155550124" }, 0, false},
		"of another channel":  {func(x *Code) { x.Channel = courier.Email }, 0, false},
	} {
		if got := c.Out(c.out("journey", now, tt.change), to, now.Add(tt.at)); got != tt.want {
			t.Errorf("%s: %v; want %v", name, got, tt.want)
		}
	}
	if c.Out(&Sent{}, to, now) {
		t.Error("a journey without codes has one out")
	}
}

// TestOnlyDigits: what people type and paste.
func TestOnlyDigits(t *testing.T) {
	for typed, want := range map[string]string{
		"482913": "482913", " 482 913 ": "482913", "482-913": "482913", "４８２９１３": "482913", "482\u00a0913": "482913",
		"Your code is 482913.": "482913", "【示例】482913 是你的登录验证码": "482913", "": "", "abc": "", "48291": "48291", "4829134": "4829134",
		"٤٨٢٩١٣": "", "482913\n\n@id.example.test #482913": "482913",
	} {
		if got := onlyDigits(typed); got != want {
			t.Errorf("%q reads as %q; want %q", typed, got, want)
		}
	}
}

func FuzzOnlyDigits(f *testing.F) {
	f.Add("482 913")
	f.Add("４８２９１３")
	f.Fuzz(func(t *testing.T, typed string) {
		got := onlyDigits(typed)
		for _, r := range got {
			if r < '0' || r > '9' {
				t.Fatalf("%q reads as %q", typed, got)
			}
		}
		if onlyDigits(got) != got {
			t.Fatalf("%q reads as %q and then otherwise", typed, got)
		}
	})
}

// TestPurposesHaveWords: the messages of every purpose exist in every language,
// for the channels that they travel on.
func TestPurposesHaveWords(t *testing.T) {
	b := words.Book()
	for _, tag := range b.Tags() {
		for _, purpose := range []string{"signin", "device", "contact", "notice_device", "notice_password", "notice_contact"} {
			for _, key := range []string{"sms." + purpose, "mail." + purpose + ".subject", "mail." + purpose + ".text"} {
				if !b.Has(tag, key) {
					t.Errorf("%s lacks %s", tag, key)
				}
			}
		}
	}
}
