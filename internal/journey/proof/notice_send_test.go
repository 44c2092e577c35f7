package proof_test

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/courier/attempt"
	"github.com/selfsame-id/selfsame/internal/remote/mail"
	"github.com/selfsame-id/selfsame/internal/remote/sms"
	"github.com/selfsame-id/selfsame/internal/words"
)

// village is an owner, who is told things, and a post that delivers what has an
// address of its own and refuses the rest.
type village struct {
	t        *testing.T
	db       *sqldb.DB
	clock    *clock.Clock
	queue    *job.Queue
	notices  *proof.Notices
	accounts *account.Store
	contacts *contact.Store
	came     chan [2]string // to, text
	owner    account.Account
	has      []contact.Contact
}

type villageTexts struct{ came chan [2]string }

func (v villageTexts) Name() string       { return "texts" }
func (v villageTexts) SafeToRepeat() bool { return true }
func (v villageTexts) Send(_ context.Context, t sms.Text) (sms.Accepted, error) {
	v.came <- [2]string{t.To, t.Body}
	return sms.Accepted{ProviderID: t.ID}, nil
}
func (v villageTexts) Receive(map[string][]string, url.Values, []byte) ([]sms.Event, error) {
	return nil, sms.ErrForged
}

type villageLetters struct{ came chan [2]string }

func (v villageLetters) Name() string       { return "letters" }
func (v villageLetters) SafeToRepeat() bool { return true }
func (v villageLetters) Send(_ context.Context, l mail.Letter) (mail.Accepted, error) {
	v.came <- [2]string{l.To, l.Text}
	return mail.Accepted{}, attempt.Fail(attempt.Permanent, attempt.MailboxUnknown, nil)
}

func newVillage(t *testing.T, db *sqldb.DB, c *clock.Clock) *village {
	t.Helper()
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	v := &village{t: t, db: db, clock: c, accounts: account.New(ring), contacts: contact.New(ring), came: make(chan [2]string, 16),
		has: []contact.Contact{{Kind: contact.Phone, Address: "+8613800138000"}, {Kind: contact.Email, Address: "ada@example.com"}}}
	v.queue = job.New(db, c, slog.New(slog.DiscardHandler))
	post := courier.New(db, c, v.queue, ring, courier.Options{Texts: []courier.TextRoute{{Carrier: villageTexts{v.came}}}, Letters: []mail.Sender{villageLetters{v.came}}})
	v.notices = proof.NewNotices(post, words.Book(), "Selfsame", func(string) *time.Location { return time.UTC }).
		Keep(notice.New(ring), &url.URL{Scheme: "https", Host: "id.example.test", Path: "/base"})
	v.notices.Watch(v.queue, v.accounts, v.contacts)
	v.owner = account.Account{ID: account.NewID(), Region: "intl", Locale: "en"}
	v.do(func(tx *sqldb.Tx) error {
		if err := v.accounts.Create(t.Context(), tx, v.owner); err != nil {
			return err
		}
		for _, one := range v.has {
			if err := v.contacts.Add(t.Context(), tx, v.owner.ID, one.Kind, one.Address); err != nil {
				return err
			}
		}
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = v.queue.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-over })
	return v
}

func (v *village) do(f func(tx *sqldb.Tx) error) {
	v.t.Helper()
	if err := v.db.InTx(v.t.Context(), f); err != nil {
		v.t.Fatal(err)
	}
}

// post is the next n messages, by where they went.
func (v *village) post(n int) map[string]string {
	v.t.Helper()
	got := map[string]string{}
	for range n {
		one := <-v.came
		if got[one[0]] != "" {
			v.t.Errorf("%s was told twice", one[0])
		}
		got[one[0]] = one[1]
	}
	return got
}

// settle waits until every notice and message that was asked for has gone out.
func (v *village) settle() {
	v.t.Helper()
	for range 6000 {
		var n int
		if err := v.db.QueryRow(v.t.Context(), `SELECT COUNT(*) FROM job WHERE kind IN ('notice.failed_attempts', 'courier.sms', 'courier.email')`).Scan(&n); err != nil {
			v.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	v.t.Fatal("the outbox does not come to rest")
}

func (v *village) send(x proof.Notice) {
	v.t.Helper()
	x.Who = v.owner
	v.do(func(tx *sqldb.Tx) error { return v.notices.Send(v.t.Context(), tx, x) })
}

// TestS072_TheContactsBeforeAndAfterAreTold: each once, with one link in mails and
// none in texts, and the owner sees later what was told and what became of it.
func TestS072_TheContactsBeforeAndAfterAreTold(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		v := newVillage(t, db, c)
		after := []contact.Contact{{Kind: contact.Phone, Address: "+8613900139000"}, v.has[1]}
		v.send(proof.Notice{To: append(v.has, after...), Purpose: "notice_password", Device: "Pixel 9", Token: "sso_a-b_c"})
		got := v.post(3)
		for _, phone := range []string{"+8613800138000", "+8613900139000"} {
			if text := got[phone]; !strings.Contains(text, "id.example.test/freeze") || strings.Contains(text, "://") || strings.Contains(text, "sso_") {
				t.Errorf("the text says %q", text)
			}
		}
		letter := got["ada@example.com"]
		for _, want := range []string{"\n\nhttps://id.example.test/objection?token=sso_a-b_c\n\n", "Pixel 9", "undo it here", "can't be switched off"} {
			if !strings.Contains(letter, want) {
				t.Errorf("the mail lacks %q:\n%s", want, letter)
			}
		}
		if strings.Count(letter, "://") != 1 {
			t.Errorf("the mail has more than one link:\n%s", letter)
		}

		v.send(proof.Notice{To: v.has, Except: []string{"+8613800138000"}, Purpose: "notice_device"})
		if letter := v.post(1)["ada@example.com"]; !strings.Contains(letter, "\n\nhttps://id.example.test/freeze\n\n") || !strings.Contains(letter, "freeze the account here") {
			t.Errorf("without a token the mail says:\n%s", letter)
		}

		v.settle()
		type told struct{ Purpose, Channel, To string }
		want := []told{{"notice_password", "sms", "+86 139 **** 9000"}, {"notice_password", "email", "a***@e***.com"}, {"notice_password", "sms", "+86 138 **** 8000"}}
		list, err := v.notices.List(t.Context(), db, v.owner.ID, time.Time{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		var have []told
		for _, one := range list {
			if one.Purpose == "notice_password" {
				have = append(have, told{one.Purpose, one.Channel, one.To})
			}
			arrived := map[string]courier.Delivery{"sms": {State: courier.Sent}, "email": {State: courier.Failed, Reason: attempt.MailboxUnknown}}[one.Channel]
			if one.State != arrived.State || one.Reason != arrived.Reason {
				t.Errorf("%s: the message is %s %s", one.To, one.State, one.Reason)
			}
		}
		if diff := cmp.Diff(want, have); diff != "" || len(list) != 4 {
			t.Errorf("%d notices are kept:\n%s", len(list), diff)
		}
	})
}

// TestS159_FailedTriesAreTold: once a day, and of nobody nothing.
func TestS159_FailedTriesAreTold(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		v := newVillage(t, db, c)
		for _, tt := range []struct {
			after time.Duration
			id    account.ID
			told  int
		}{{0, 0, 0}, {0, v.owner.ID, 2}, {0, account.NewID(), 0}, {23 * time.Hour, v.owner.ID, 0}, {2 * time.Hour, v.owner.ID, 2}} {
			c.Advance(tt.after)
			v.do(func(tx *sqldb.Tx) error { return v.notices.FailedAttempts(t.Context(), tx, tt.id) })
			v.settle()
			if len(v.came) != tt.told {
				t.Fatalf("%v later %d messages came; want %d", tt.after, len(v.came), tt.told)
			}
			got := v.post(tt.told)
			if tt.told > 0 && (!strings.Contains(got["+8613800138000"], "Nobody got in") || !strings.Contains(got["ada@example.com"], "/freeze")) {
				t.Errorf("%v", got)
			}
		}
	})
}
