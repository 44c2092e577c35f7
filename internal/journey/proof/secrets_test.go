package proof_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/hotp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/words"
)

// vaultFacts are those of a journey that does nothing but prove.
type vaultFacts struct {
	proof.Proving
	Had int // proofs at the beginning
}

func (f *vaultFacts) Path() (string, locale.Tag, string) { return "intl", "en", "" }

// vault is two accounts and the secrets that one of them keeps.
type vault struct {
	t         testing.TB
	clock     *clock.Clock
	db        *sqldb.DB
	runner    *flow.Runner
	prover    *proof.Prover
	totp      *totp.Store
	codes     *recoverycode.Store
	questions *proof.Questions
	ada, bob  account.ID // bob has a phone and nothing else
	secret    string     // of ada's app
	list      []string   // her recovery codes
}

// reachable is a contact that every account has had from the beginning.
type reachable struct{ method policy.Method }

func (r reachable) Method() policy.Method { return r.method }
func (r reachable) Step() step.Type       { return step.TypeCode }
func (r reachable) Ways(context.Context, sqldb.Querier, account.ID) ([]policy.Way, error) {
	return []policy.Way{{Method: r.method, Since: sqldbtest.Start}}, nil
}
func (r reachable) Choose(context.Context, *sqldb.Tx, *proof.Turn) error { return nil }
func (r reachable) Begin(context.Context, *sqldb.Tx, *proof.Turn) error  { return nil }
func (r reachable) Moves() map[string]proof.Move                         { return nil }
func (r reachable) Show(context.Context, sqldb.Querier, *proof.Turn) (step.Step, error) {
	return step.Code{Head: step.Head{Type: step.TypeCode}}, nil
}

var adasAnswers = []string{"behind the coal shed", "Küchen Karl", "a tin whistle"}

const triesAnHour = 5

func newVault(t testing.TB, db *sqldb.DB, c *clock.Clock) *vault {
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	cheap := credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}
	passwords := credential.New(credential.NewGate(cheap, 2, 1000, c), ring, credential.Rules{})
	v := &vault{t: t, clock: c, db: db, totp: totp.New(ring), codes: recoverycode.New(ring, passwords), ada: account.NewID(), bob: account.NewID()}
	v.questions = &proof.Questions{Stored: question.New(ring, passwords), Words: words.Book(), Enabled: true, Tries: proof.QuestionTries()}
	v.prover = &proof.Prover{
		Policy: policy.New(policy.Settings{Questions: true}), Accounts: account.New(ring), Contacts: contact.New(ring), Devices: device.New(ring), Audit: audit.New(ring),
		Book: quota.New(ring.Key("quota")), Tries: quota.Limit{Name: "proof.tries", Windows: []quota.Window{{Max: triesAnHour, Per: time.Hour}, {Max: 1000, Per: 24 * time.Hour}}},
	}
	letters := courier.New(db, c, job.New(db, c, slog.New(slog.DiscardHandler)), ring, courier.Options{})
	notices := proof.NewNotices(letters, words.Book(), "Selfsame", func(string) *time.Location { return time.UTC })
	v.prover.Means = []proof.Means{proof.ByTOTP(v.prover, v.totp), proof.ByRecoveryCode(v.prover, v.codes, notices), proof.ByQuestions(v.prover, v.questions),
		reachable{policy.SMSCode}, reachable{policy.EmailCode}}
	v.journey(ring)
	v.move(v.ada, "+14155550123")
	v.move(v.bob, "+14155550124")
	v.fill()
	c.Advance(10 * 24 * time.Hour)
	return v
}

// journey makes one that ends with any of the proofs. Begin.For is who: "ada" and
// "bob" have given their password, "codes ada" a code by text and one by e-mail where
// that is not enough; "blind ada", "blind bob" and "blind nobody" have given
// nothing and are known by the name that follows.
func (v *vault) journey(ring *seal.Ring) {
	v.runner = flow.New(v.db, ring, func(string, string) {})
	steps := proof.Steps(v.prover, func(f *vaultFacts) *proof.Proving { return &f.Proving }, func(context.Context, *sqldb.Tx, *flow.Call[vaultFacts]) error { return nil })
	steps[step.TypeDone] = flow.Step[vaultFacts]{Show: func(context.Context, sqldb.Querier, *flow.Call[vaultFacts]) (step.Step, error) {
		return step.Done{Head: step.Head{Type: step.TypeDone}}, nil
	}}
	flow.Add(v.runner, &flow.Journey[vaultFacts]{Kinds: []string{"vault"}, Life: 15 * time.Minute,
		Begin: func(from flow.Visitor, b flow.Begin, now time.Time) (*vaultFacts, error) {
			who := strings.Fields(b.For)
			f := &vaultFacts{Proving: proof.Proving{Action: policy.SignIn, Device: proof.DeviceOf(from), Locale: b.Locale}}
			switch who[0] {
			case "blind":
				f.Subject, who = "email\x00"+who[2], who[1:]
			case "codes":
				f.Action, f.Proved, who = policy.ViewContacts, []session.Proof{{Method: "sms_code", At: now}, {Method: "email_code", At: now}}, who[1:]
			default:
				f.Proved = []session.Proof{{Method: "password", At: now}}
			}
			f.Had = len(f.Proved)
			f.Account = map[string]account.ID{"ada": v.ada, "bob": v.bob}[who[0]]
			return f, nil
		},
		Next: func(f *vaultFacts) step.Type {
			if len(f.Proved) > f.Had {
				return step.TypeDone
			}
			return f.Proving.Next()
		}, Steps: steps})
}

func (v *vault) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	v.t.Helper()
	if err := v.db.InTx(v.t.Context(), func(tx *sqldb.Tx) error { return f(v.t.Context(), tx) }); err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) move(id account.ID, phone string) {
	v.t.Helper()
	v.do(func(ctx context.Context, tx *sqldb.Tx) error {
		if err := v.prover.Accounts.Create(ctx, tx, account.Account{ID: id, Region: "intl", Locale: "en"}); err != nil {
			return err
		}
		if _, err := v.prover.Contacts.Claim(ctx, tx, contact.Phone, phone, id); err != nil {
			return err
		}
		return v.prover.Contacts.Add(ctx, tx, id, contact.Phone, phone)
	})
}

// fill gives ada her secrets.
func (v *vault) fill() {
	v.t.Helper()
	fresh, err := v.codes.Make(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	hashed, err := v.questions.Stored.Hash(v.t.Context(), []question.Answer{{Question: "hiding_place", Answer: adasAnswers[0]}, {Question: "neighbor_nickname", Answer: adasAnswers[1]}, {Question: "lost_thing", Answer: adasAnswers[2]}})
	if err != nil {
		v.t.Fatal(err)
	}
	v.list = fresh.Codes
	v.do(func(ctx context.Context, tx *sqldb.Tx) error {
		if v.secret, err = v.totp.Begin(ctx, tx, v.ada); err != nil {
			return err
		}
		if right, err := v.totp.Confirm(ctx, tx, v.ada, v.shows(0)); err != nil || !right {
			v.t.Errorf("enrolling: %v, %v", right, err)
		}
		if err := v.codes.Keep(ctx, tx, v.ada, fresh); err != nil {
			return err
		}
		return v.questions.Stored.Set(ctx, tx, v.ada, hashed)
	})
}

// shows is what ada's app shows so many steps from now.
func (v *vault) shows(steps int64) string {
	v.t.Helper()
	code, err := hotp.GenerateCode(v.secret, uint64(v.clock.Now().Unix()/30+steps))
	if err != nil {
		v.t.Fatal(err)
	}
	return code
}

// wrong is a code that ada's app does not show.
func (v *vault) wrong() string {
	for n := 0; ; n++ {
		code := fmt.Sprintf("%06d", n)
		if code != v.shows(-1) && code != v.shows(0) && code != v.shows(1) {
			return code
		}
	}
}

var visitor = flow.Visitor{Addr: netip.MustParseAddr("203.0.113.7"), Locale: "en", DeviceName: "Pixel 9", Place: "Oslo"}

// at begins a journey and chooses a method.
func (v *vault) at(who string, method policy.Method) flow.Ticket {
	v.t.Helper()
	ticket, err := v.runner.Begin(v.t.Context(), visitor, flow.Begin{Kind: "vault", For: who, Locale: "en"})
	if err != nil {
		v.t.Fatal(err)
	}
	answer, err := v.runner.Answer(v.t.Context(), visitor, flow.Handle{ID: ticket.ID, Key: ticket.Key}, flow.Input{Input: "method", Method: string(method)})
	if err != nil {
		v.t.Fatalf("%s at %s: %v", who, method, err)
	}
	ticket.Step = answer.Step
	return ticket
}

// enter answers with a code, or with answers if there are several, and says in
// short what came of it.
func (v *vault) enter(ticket flow.Ticket, typed ...string) string {
	v.t.Helper()
	in := flow.Input{Input: "code", Code: typed[0]}
	if len(typed) > 1 {
		in = flow.Input{Input: "answers", Answers: typed}
	}
	got, err := v.runner.Answer(v.t.Context(), visitor, flow.Handle{ID: ticket.ID, Key: ticket.Key}, in)
	if f := fault.From(err); f != nil {
		said := f.Code + " " + f.Field
		if left, ok := f.Args["tries_left"]; ok {
			said += fmt.Sprint(" ", left)
		}
		if !f.RetryAt.IsZero() {
			said += " in " + f.RetryAt.Sub(v.clock.Now()).String()
		}
		return said
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return string(got.Step.StepType())
}

func (v *vault) expect(what, got, want string) {
	v.t.Helper()
	if got != want {
		v.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func eachVault(t *testing.T, f func(v *vault)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) { f(newVault(t, db, c)) })
}

// TestS038_OneStepAcrossFlows: a right code opens once, whatever flow it comes to,
// and an older one not after a newer.
func TestS038_OneStepAcrossFlows(t *testing.T) {
	eachVault(t, func(v *vault) {
		first, second, third := v.at("ada", policy.TOTP), v.at("ada", policy.TOTP), v.at("ada", policy.TOTP)
		s, ok := first.Step.(step.TOTP)
		if diff := cmp.Diff([]string{"code", "other_way"}, s.Inputs); !ok || diff != "" || s.Length != 6 {
			v.t.Errorf("%T %s", first.Step, diff)
		}
		v.expect("the first", v.enter(first, v.shows(0)), "done")
		v.expect("the second", v.enter(second, v.shows(0)), "code_used code")
		v.expect("an older one", v.enter(second, v.shows(-1)), "code_used code")
		v.expect("the next", v.enter(second, " "+v.shows(1)[:3]+" "+v.shows(1)[3:]), "done")
		v.clock.Advance(-5 * time.Minute)
		v.expect("with the clock moved back", v.enter(third, v.shows(0)), "code_used code")
	})
}

// TestS038_Parallel: of 30 right answers at once one proves.
func TestS038_Parallel(t *testing.T) {
	eachVault(t, func(v *vault) {
		v.prover.Tries.Windows = []quota.Window{{Max: 1000, Per: time.Hour}}
		for method, code := range map[policy.Method]string{policy.TOTP: v.shows(0), policy.RecoveryCode: v.list[0]} {
			var tickets []flow.Ticket
			for range 30 {
				tickets = append(tickets, v.at("ada", method))
			}
			var mu sync.Mutex
			said := map[string]int{}
			var wg sync.WaitGroup
			for _, ticket := range tickets {
				wg.Go(func() {
					what := v.enter(ticket, code)
					mu.Lock()
					said[what]++
					mu.Unlock()
				})
			}
			wg.Wait()
			if diff := cmp.Diff(map[string]int{"done": 1, "code_used code": 29}, said); diff != "" {
				v.t.Errorf("%s: %s", method, diff)
			}
		}
	})
}

// TestS013_OneCounterForAllFlows: wrong tries add up over journeys, a new journey
// does not begin anew, and the limit holds for right codes too.
func TestS013_OneCounterForAllFlows(t *testing.T) {
	eachVault(t, func(v *vault) {
		for _, tt := range []struct {
			method       policy.Method
			wrong, right string
		}{{policy.TOTP, v.wrong(), v.shows(0)}, {policy.RecoveryCode, "AAAA-AAAA-AAAA-AAAA", v.list[0]}} {
			for left := triesAnHour - 1; left >= 0; left-- {
				v.expect("wrong", v.enter(v.at("ada", tt.method), tt.wrong), fmt.Sprint("code_wrong code ", left))
			}
			v.expect("no code at all", v.enter(v.at("ada", tt.method), "x"), "invalid_input code")
			v.expect("beyond", v.enter(v.at("ada", tt.method), tt.right), "too_many_attempts  in 1h0m0s")
		}
		v.clock.Advance(time.Hour)
		v.expect("an hour later", v.enter(v.at("ada", policy.TOTP), v.shows(0)), "done")
		v.expect("after a right one", v.enter(v.at("ada", policy.TOTP), v.wrong()), "code_wrong code 4")
		if n := v.audited(audit.CodesExhausted); n != 1 {
			v.t.Errorf("the history says %d times that codes ran out", n)
		}
	})
}

func (v *vault) audited(kind audit.Kind) (n int) {
	v.t.Helper()
	list, err := v.prover.Audit.List(v.t.Context(), v.db, v.ada, time.Time{}, 100)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, e := range list {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// TestS014_ReservedBeforeCompared: of 40 wrong guesses at once no more than the
// limit are compared.
func TestS014_ReservedBeforeCompared(t *testing.T) {
	eachVault(t, func(v *vault) {
		for method, code := range map[policy.Method]string{policy.TOTP: v.wrong(), policy.RecoveryCode: "AAAA-AAAA-AAAA-AAAA"} {
			var tickets []flow.Ticket
			for range 40 {
				tickets = append(tickets, v.at("ada", method))
			}
			var mu sync.Mutex
			compared := 0
			var wg sync.WaitGroup
			for _, ticket := range tickets {
				wg.Go(func() {
					if strings.HasPrefix(v.enter(ticket, code), "code_wrong") {
						mu.Lock()
						compared++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if compared != triesAnHour {
				v.t.Errorf("%s: %d compared, want %d", method, compared, triesAnHour)
			}
		}
	})
}

// TestS077_BlindTellsNothing: who has proved nothing hears the same of an account
// with the method, of one without it, and of nobody; and two names of one account
// do not tell by their counters that they are.
func TestS077_BlindTellsNothing(t *testing.T) {
	eachVault(t, func(v *vault) {
		for _, method := range []policy.Method{policy.TOTP, policy.RecoveryCode} {
			wrong := map[policy.Method]string{policy.TOTP: v.wrong(), policy.RecoveryCode: "AAAA-AAAA-AAAA-AAAA"}[method]
			heard := map[string][]string{}
			for _, who := range []string{"ada", "bob", "nobody"} {
				for range triesAnHour + 2 {
					heard[who] = append(heard[who], v.enter(v.at("blind "+who+" "+who+"@example.com", method), wrong))
				}
			}
			for _, who := range []string{"bob", "nobody"} {
				if diff := cmp.Diff(heard["ada"], heard[who]); diff != "" {
					v.t.Errorf("%s of %s: %s", method, who, diff)
				}
			}
			other := v.at("blind ada +14155550123", method)
			v.expect("by another name", v.enter(other, wrong), "code_wrong code 4")
			right := map[policy.Method]string{policy.TOTP: v.shows(0), policy.RecoveryCode: v.list[0]}[method]
			v.expect("by another name, once the account's counter is full", v.enter(other, right), "code_wrong code 3")
		}
		v.clock.Advance(time.Hour)
		v.expect("a used code is only wrong", v.enter(v.at("ada", policy.TOTP), v.shows(0)), "done")
		v.expect("a used code is only wrong", v.enter(v.at("blind ada a@example.com", policy.TOTP), v.shows(0)), "code_wrong code 4")
		v.expect("a right one", v.enter(v.at("blind ada a@example.com", policy.TOTP), v.shows(1)), "done")
		v.expect("a right one", v.enter(v.at("blind ada a@example.com", policy.RecoveryCode), strings.ToLower(v.list[1])), "done")
		v.expect("of nobody", v.enter(v.at("blind nobody a@example.com", policy.TOTP), v.shows(1)), "code_wrong code 4")
	})
}

// TestS039_UseIsToldAndOnce: a recovery code works once, its use is told to every
// contact and stands in the history, and a renewal between entering and judging ends it.
func TestS039_UseIsToldAndOnce(t *testing.T) {
	eachVault(t, func(v *vault) {
		told := func() (n int) {
			v.t.Helper()
			if err := v.db.QueryRow(v.t.Context(), `SELECT COUNT(*) FROM courier_message WHERE account_id = $1 AND purpose = 'notice_recovery_code'`, int64(v.ada)).Scan(&n); err != nil {
				v.t.Fatal(err)
			}
			return n
		}
		ticket := v.at("ada", policy.RecoveryCode)
		v.expect("wrong", v.enter(ticket, "AAAA-AAAA-AAAA-AAAA"), "code_wrong code 4")
		if told() != 0 {
			v.t.Error("a wrong code was told as a used one")
		}
		v.expect("right", v.enter(ticket, v.list[2]), "done")
		if told() != 1 || v.audited(audit.RecoveryCodeUsed) != 1 {
			v.t.Errorf("told %d times, %d in the history", told(), v.audited(audit.RecoveryCodeUsed))
		}
		v.expect("again", v.enter(v.at("ada", policy.RecoveryCode), v.list[2]), "code_used code")
		ways, err := v.prover.Means[1].Ways(v.t.Context(), v.db, v.ada)
		if err != nil || len(ways) != 1 || ways[0].Unavailable != "" {
			v.t.Errorf("%+v, %v", ways, err)
		}
		old := v.list
		v.fill()
		v.clock.Advance(4 * 24 * time.Hour)
		v.expect("of the old set", v.enter(v.at("ada", policy.RecoveryCode), old[3]), "code_wrong code 4")
		for i, code := range v.list {
			v.expect(fmt.Sprint("code ", i), v.enter(v.at("ada", policy.RecoveryCode), code), "done")
		}
		ways, err = v.prover.Means[1].Ways(v.t.Context(), v.db, v.ada)
		if err != nil || len(ways) != 1 || ways[0].Unavailable != "used_up" || !ways[0].Replaced {
			v.t.Errorf("when all are used: %+v, %v", ways, err)
		}
	})
}

// TestS079_Questions: three tries a day, no word on which answer was wrong, and
// nothing for those who have proved nothing.
func TestS079_Questions(t *testing.T) {
	eachVault(t, func(v *vault) {
		ticket := v.at("codes ada", policy.Questions)
		s, ok := ticket.Step.(step.Questions)
		if !ok || len(s.Questions) != 3 || s.Questions[1].Question != "neighbor_nickname" || !strings.Contains(s.Questions[1].Text, "neighbor") {
			v.t.Errorf("%+v", ticket.Step)
		}
		v.expect("two", v.enter(ticket, "a", "b"), "invalid_input answers")
		v.expect("one wrong", v.enter(ticket, adasAnswers[0], adasAnswers[1], "x"), "answers_wrong answers 2")
		v.expect("all wrong", v.enter(v.at("codes ada", policy.Questions), "x", "y", "z"), "answers_wrong answers 1")
		v.expect("right", v.enter(ticket, strings.ToUpper(adasAnswers[0]), "kuchen-karl", adasAnswers[2]), "answers_wrong answers 0")
		v.clock.Advance(23 * time.Hour)
		ways, err := v.prover.Means[2].Ways(v.t.Context(), v.db, v.ada)
		if err != nil || len(ways) != 1 || ways[0].Unavailable != "too_many_tries" || ways[0].RetryAt.Sub(v.clock.Now()) != time.Hour {
			v.t.Errorf("%+v, %v", ways, err)
		}
		if _, err := v.choose("codes ada", policy.Questions); !proof.MethodUnavailable.Is(err) || !fault.From(err).RetryAt.Equal(v.clock.Now().Add(time.Hour)) {
			v.t.Errorf("chosen after three tries: %v", err)
		}
		v.clock.Advance(time.Hour)
		v.expect("a day later", v.enter(v.at("codes ada", policy.Questions), strings.ToUpper(adasAnswers[0]), "KU\u0308CHEN-Karl", adasAnswers[2]), "done")
		if n := v.audited(audit.AnswersWrong); n != 3 {
			v.t.Errorf("%d wrong tries in the history", n)
		}
		if _, err := v.choose("blind ada a@example.com", policy.Questions); !proof.MethodUnavailable.Is(err) {
			v.t.Errorf("chosen by a stranger: %v", err)
		}
		v.questions.Enabled = false
		if _, err := v.choose("codes ada", policy.Questions); !proof.MethodUnavailable.Is(err) || fault.From(err).Args["reason"] != "policy" {
			v.t.Errorf("chosen where they are off: %v", err)
		}
	})
}

// TestS079_ParallelTries: of 20 at once three are compared.
func TestS079_ParallelTries(t *testing.T) {
	eachVault(t, func(v *vault) {
		var tickets []flow.Ticket
		for range 20 {
			tickets = append(tickets, v.at("codes ada", policy.Questions))
		}
		var mu sync.Mutex
		said := map[string]int{}
		var wg sync.WaitGroup
		for _, ticket := range tickets {
			wg.Go(func() {
				what, _, _ := strings.Cut(v.enter(ticket, "x", "y", "z"), " ")
				mu.Lock()
				said[what]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if diff := cmp.Diff(map[string]int{"answers_wrong": 3, "too_many_attempts": 17}, said); diff != "" {
			v.t.Error(diff)
		}
	})
}

func (v *vault) choose(who string, method policy.Method) (flow.Ticket, error) {
	v.t.Helper()
	ticket, err := v.runner.Begin(v.t.Context(), visitor, flow.Begin{Kind: "vault", For: who, Locale: "en"})
	if err != nil {
		v.t.Fatal(err)
	}
	return v.runner.Answer(v.t.Context(), visitor, flow.Handle{ID: ticket.ID, Key: ticket.Key}, flow.Input{Input: "method", Method: string(method)})
}

// BenchmarkProveByTOTP is one right code of an app through the runner, on SQLite:
// its durable commit is in it. "commits" is how many bare durable commits of one
// row the machine does in the same time.
func BenchmarkProveByTOTP(b *testing.B) {
	c := clock.At(sqldbtest.Start)
	db := sqldbtest.SQLite(b, c)
	v := newVault(b, db, c)
	elapsed := clock.Stopwatch()
	const bare = 500
	for i := range bare {
		err := db.InTx(b.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(b.Context(), `INSERT INTO quota (id, name, marks, ends_at) VALUES ($1, 'bare', $1, 0)`, binary.BigEndian.AppendUint64(nil, uint64(i)))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	commit := elapsed().Seconds() / bare
	defer func() { b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/commit, "commits") }()
	for b.Loop() {
		b.StopTimer()
		c.Advance(30 * time.Second)
		ticket, code := v.at("ada", policy.TOTP), v.shows(0)
		b.StartTimer()
		if said := v.enter(ticket, code); said != "done" {
			b.Fatal(said)
		}
	}
}
