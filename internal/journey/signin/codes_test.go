package signin_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

const (
	ada = "+14155550123"
	bob = "+8613800138000"
)

// TestTopic_S01_TextMessage: a number without an account gets one, a number
// with one gets into it.
func TestTopic_S01_TextMessage(t *testing.T) {
	each(t, func(w *town) {
		first := w.signUp(ada)
		if !first.Created || first.Session == nil || first.Device.Token == "" || len(first.Account.ID) != 12 {
			t.Fatalf("sign-up ended in %+v", first)
		}
		w.later(time.Minute)
		again := w.begin("intl").phone("(415) 555-0123") // the same number, as it is dialed at home
		second := again.code(w.post.code(ada)).done()
		if second.Created || second.Account.ID != first.Account.ID {
			t.Errorf("signing in again ended in %+v; want the account %s", second, first.Account.ID)
		}
		for _, token := range []string{first.Session.Token, second.Session.Token} {
			if l, err := w.house.Sessions.Check(t.Context(), w.db, token); err != nil || l.AccountID.String() != first.Account.ID {
				t.Errorf("the session does not open the account: %v", err)
			}
		}
	})
}

// TestTopic_V05_EachReason: every reason of an unusable code is told apart, and
// only to the journey that the code was sent for (S-10, S-11).
func TestTopic_V05_EachReason(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").phone(ada)
		old := w.post.code(ada)
		v.code(other(old)).want(step.TypeCode, "code_wrong")
		if left := fault.From(v.err).Args["tries_left"]; left != 4 {
			t.Errorf("tries_left = %v; want 4", left)
		}
		w.later(time.Minute)
		v.give(flow.Input{Input: "resend"}).want(step.TypeCode, "")
		v.code(old).want(step.TypeCode, "code_replaced")
		if left := v.step.(step.Code).TriesLeft; left != 5 {
			t.Errorf("the code that was still on its way cost a try: %d left; want 5", left)
		}
		late := w.post.code(ada)
		w.later(5 * time.Minute)
		v.code(late).want(step.TypeCode, "code_expired")

		w.later(time.Minute)
		fresh := w.begin("intl").phone(ada)
		used := w.post.code(ada)
		fresh.code(used).done()
		fresh.code(used).want(step.TypeDone, "code_used")
		fresh.code(old).want(step.TypeDone, "code_wrong") // another journey's code

		tired := w.begin("intl").phone(ada)
		right := w.post.code(ada)
		for range 5 {
			tired.code(other(right)).want(step.TypeCode, "code_wrong")
		}
		tired.code(right).want(step.TypeCode, "code_tries_exceeded")
		tired.code("12345").want(step.TypeCode, "invalid_input")
	})
}

// TestS012_OneWinner: one code, many right answers at once, one success.
func TestS012_OneWinner(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").phone(ada)
		code := w.post.code(ada)
		var won, used, odd atomic.Int64
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				_, err := w.runner.Answer(t.Context(), v.visitor, v.handle, flow.Input{Input: "code", Code: code})
				switch {
				case err == nil:
					won.Add(1)
				case proof.CodeUsed.Is(err):
					used.Add(1)
				default:
					odd.Add(1)
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || used.Load() != 11 {
			t.Errorf("%d won, %d were told it was used; want 1 and 11", won.Load(), used.Load())
		}
		var sessions int
		if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM session`).Scan(&sessions); err != nil || sessions != 1 {
			t.Errorf("%d sessions, %v; want 1", sessions, err)
		}
	})
}

// TestS014_GuessesAtOnce: of many wrong guesses at once no more than five are judged.
func TestS014_GuessesAtOnce(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").phone(ada)
		wrong := other(w.post.code(ada))
		var judged, refused atomic.Int64
		var wg sync.WaitGroup
		for range 24 {
			wg.Go(func() {
				_, err := w.runner.Answer(t.Context(), v.visitor, v.handle, flow.Input{Input: "code", Code: wrong})
				switch {
				case proof.CodeWrong.Is(err):
					judged.Add(1)
				case proof.CodeTriesExceeded.Is(err):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if judged.Load() != 5 || refused.Load() != 19 {
			t.Errorf("%d judged, %d refused; want 5 and 19", judged.Load(), refused.Load())
		}
	})
}

// TestS013_OneCounter: fresh journeys bring no fresh guesses for a number.
func TestS013_OneCounter(t *testing.T) {
	each(t, func(w *town) {
		judged := 0
		for range 4 {
			v := w.begin("intl").phone(ada)
			wrong := other(w.post.code(ada))
			for range 5 {
				v.code(wrong)
				if proof.CodeWrong.Is(v.err) {
					judged++
				}
			}
		}
		if judged != 10 {
			t.Errorf("%d guesses were judged within an hour; want 10", judged)
		}
		v := w.begin("intl").phone(ada)
		v.code(w.post.code(ada)).want(step.TypeCode, "codes_limited")
		if at := fault.From(v.err).RetryAt; !at.After(w.clock.Now()) {
			t.Errorf("retry_at %v is not ahead of %v", at, w.clock.Now())
		} else {
			w.later(at.Sub(w.clock.Now()))
		}
		late := w.begin("intl").phone(ada)
		late.code(w.post.code(ada)).done()
	})
}

// TestTopic_V04_RetryAt: each wait is told, is right to the second, and no shorter.
func TestTopic_V04_RetryAt(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").phone(ada)
		for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
			if got := v.step.(step.Code).ResendAt.Sub(w.clock.Now()); got != wait {
				t.Errorf("resend_at is %v ahead; want %v", got, wait)
			}
			w.later(wait - time.Microsecond)
			v.give(flow.Input{Input: "resend"}).want(step.TypeCode, "codes_limited")
			if left := fault.From(v.err).RetryAt.Sub(w.clock.Now()); left != time.Microsecond {
				t.Errorf("retry_at is %v ahead; want 1µs", left)
			}
			w.later(time.Microsecond)
			v.give(flow.Input{Input: "resend"}).want(step.TypeCode, "")
		}
	})
}

// TestTopic_V03_TenADay: the eleventh code to a number within a day is refused
// with the limit's name, and goes out at retry_at.
func TestTopic_V03_TenADay(t *testing.T) {
	each(t, func(w *town) {
		for range 10 {
			w.begin("intl").phone(ada).want(step.TypeCode, "")
			w.later(time.Minute)
		}
		v := w.begin("intl").phone(ada).want(step.TypeIdentify, "codes_limited")
		f := fault.From(v.err)
		if f.Args["limit"] != "destination" || f.RetryAt.Sub(w.clock.Now()) != 24*time.Hour-10*time.Minute {
			t.Errorf("limit %v, retry in %v", f.Args["limit"], f.RetryAt.Sub(w.clock.Now()))
		}
		w.begin("intl").phone(bob).want(step.TypeCode, "")
		w.later(f.RetryAt.Sub(w.clock.Now()))
		w.begin("intl").phone(ada).want(step.TypeCode, "")
	})
}

// TestS154_KnownDeviceHasItsLane: a stranger who uses up a number's codes does
// not shut out its owner on a known device.
func TestS154_KnownDeviceHasItsLane(t *testing.T) {
	each(t, func(w *town) {
		w.signUp(ada, on("owner-secret"))
		for range 9 {
			w.begin("intl", on("stranger")).phone(ada).want(step.TypeCode, "")
			w.later(time.Minute)
		}
		w.begin("intl", on("stranger")).phone(ada).want(step.TypeIdentify, "codes_limited")
		w.signUp(ada, on("owner-secret"))
	})
}

// TestS016_CountryBudget: texts that nobody verifies use up their country's
// budget; verified ones give it back, so that honest traffic never trips it.
func TestS016_CountryBudget(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		w := newTown(t, db, c, func(_ *signin.House, l *proof.Limits) { l.Country.Windows = hour(5) })
		for i := range 8 { // one verified code makes up for four
			n := "+1415555" + string([]byte{'0', '1', '0' + byte(i), '0'})
			w.begin("intl").phone(n).code(w.post.code(n)).done()
		}
		for i := range 5 {
			w.begin("intl").phone("+1415555"+string([]byte{'0', '2', '0' + byte(i), '0'})).want(step.TypeCode, "")
		}
		v := w.begin("intl").phone(ada).want(step.TypeIdentify, "codes_limited")
		if f := fault.From(v.err); f.Args["limit"] != "country" || f.RetryAt.Sub(c.Now()) != time.Hour {
			t.Errorf("limit %v, retry in %v", f.Args["limit"], f.RetryAt.Sub(c.Now()))
		}
		w.begin("intl").phone(bob).want(step.TypeCode, "") // another country
	})
}

// TestTopic_C06_OneAccount: one number signing up many times at once makes one account.
func TestTopic_C06_OneAccount(t *testing.T) {
	each(t, func(w *town) {
		const n = 6
		visits := make([]*visit, n)
		codes := make([]string, n)
		for i := range visits {
			visits[i] = w.begin("intl").phone(ada)
			codes[i] = w.post.code(ada)
		}
		var created atomic.Int64
		ids := make([]string, n)
		var wg sync.WaitGroup
		for i, v := range visits {
			wg.Go(func() {
				ticket, err := w.runner.Answer(t.Context(), v.visitor, v.handle, flow.Input{Input: "code", Code: codes[i]})
				if err != nil {
					t.Error(err)
					return
				}
				d := ticket.Step.(step.Done)
				if d.Created {
					created.Add(1)
				}
				ids[i] = d.Account.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("accounts %v; want one", ids)
				break
			}
		}
		if created.Load() != 1 {
			t.Errorf("%d were told that they created the account; want 1", created.Load())
		}
	})
}

// TestTopic_C08_IoT: a machine's number is refused before anything is sent.
func TestTopic_C08_IoT(t *testing.T) {
	each(t, func(w *town) {
		w.begin("cn").phone("1064812345678").want(step.TypeIdentify, "phone_not_personal")
		w.begin("cn").phone("010 6552 9988").want(step.TypeIdentify, "phone_not_mobile")
		w.begin("cn").phone("1380013").want(step.TypeIdentify, "phone_invalid")
		if n := w.post.sent(); n != 0 {
			t.Errorf("%d texts were sent", n)
		}
	})
}

// TestR003_LostAnswer: who lost the answer asks again and has the session still;
// two minutes later the token is not repeated.
func TestR003_LostAnswer(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").phone(ada)
		d := v.code(w.post.code(ada)).done()
		again, err := w.runner.Show(t.Context(), v.visitor, v.handle)
		if err != nil || again.Step.(step.Done).Session.Token != d.Session.Token {
			t.Errorf("the end is not repeated: %+v, %v", again.Step, err)
		}
		w.later(2*time.Minute + time.Second)
		late, err := w.runner.Show(t.Context(), v.visitor, v.handle)
		if err != nil || late.Step.(step.Done).Session != nil {
			t.Errorf("the token is repeated for ever: %+v, %v", late.Step, err)
		}
	})
}

// TestS124_HandleNeedsKey: the id alone continues nothing.
func TestS124_HandleNeedsKey(t *testing.T) {
	each(t, func(w *town) {
		v := w.begin("intl").phone(ada)
		key := v.handle.Key
		for _, bad := range []string{"", "x", key[:42], w.begin("intl").handle.Key} {
			if _, err := w.runner.Show(t.Context(), v.visitor, flow.Handle{ID: v.handle.ID, Key: bad}); !fault.NotFound.Is(err) {
				t.Errorf("with key %q: %v; want not_found", bad, err)
			}
		}
		w.later(30 * time.Minute)
		if _, err := w.runner.Show(t.Context(), v.visitor, v.handle); !flow.JourneyExpired.Is(err) {
			t.Errorf("after its end: %v; want journey_expired", err)
		}
	})
}
