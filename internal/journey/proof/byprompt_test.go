package proof_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/session"
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

// doorFacts are those of a journey that does nothing but prove.
type doorFacts struct{ proof.Proving }

func (f *doorFacts) Path() (string, locale.Tag, string) { return "intl", "en", "" }

// node is one program on the store.
type node struct {
	db       *sqldb.DB
	runner   *flow.Runner
	prompts  *proof.Prompts
	prover   *proof.Prover
	sessions *session.Store
}

// hall is an account with devices, and two nodes.
type hall struct {
	t     *testing.T
	clock *clock.Clock
	node
	other node
	ada   account.ID
	phone *session.Live // steady
}

func newNode(t *testing.T, db *sqldb.DB, c *clock.Clock, ring *seal.Ring, ada *account.ID) node {
	accounts, devices := account.New(ring), device.New(ring)
	n := node{db: db, sessions: session.New(accounts, devices, session.Life{Idle: 14 * 24 * time.Hour, Absolute: 60 * 24 * time.Hour})}
	n.prover = &proof.Prover{Policy: policy.New(policy.Settings{}), Accounts: accounts, Contacts: contact.New(ring), Devices: devices, Audit: audit.New(ring), Book: quota.New(ring.Key("quota"))}
	letters := courier.New(db, c, job.New(db, c, slog.New(slog.DiscardHandler)), ring, courier.Options{})
	n.prompts = &proof.Prompts{
		Prover: n.prover, Store: prompt.New(ring), Sessions: n.sessions,
		Notices: proof.NewNotices(letters, words.Book(), "Selfsame", func(string) *time.Location { return time.UTC }),
		Asks:    quota.Limit{Name: "prompts.asks", Windows: []quota.Window{{Max: 3, Per: time.Hour}}},
		Denials: quota.Limit{Name: "prompts.denials", Windows: []quota.Window{{Max: 1, Per: time.Hour}}},
	}
	n.prover.Means = []proof.Means{proof.ByPrompt(n.prompts)}
	n.runner = flow.New(db, ring, func(string, string) {})
	steps := proof.Steps(n.prover, func(f *doorFacts) *proof.Proving { return &f.Proving }, func(context.Context, *sqldb.Tx, *flow.Call[doorFacts]) error { return nil })
	steps[step.TypeDone] = flow.Step[doorFacts]{Show: func(context.Context, sqldb.Querier, *flow.Call[doorFacts]) (step.Step, error) {
		return step.Done{Head: step.Head{Type: step.TypeDone}}, nil
	}}
	flow.Add(n.runner, &flow.Journey[doorFacts]{Kinds: []string{"door"}, Life: 15 * time.Minute,
		Begin: func(v flow.Visitor, b flow.Begin, now time.Time) (*doorFacts, error) {
			f := &doorFacts{proof.Proving{Action: policy.SignIn, Account: *ada, Device: proof.DeviceOf(v)}}
			if v.Session != nil {
				f.Action, f.Member = policy.Unlink, v.Session.ID
			} else if b.For != "blind" {
				f.Proved = []session.Proof{{Method: "password", At: now}}
			}
			return f, nil
		},
		Next: func(f *doorFacts) step.Type {
			if f.Ready || slices.ContainsFunc(f.Proved, func(p session.Proof) bool { return p.Method == "device_prompt" }) {
				return step.TypeDone
			}
			return f.Proving.Next()
		}, Steps: steps})
	return n
}

func eachHall(t *testing.T, f func(h *hall)) {
	build := func(t *testing.T, c *clock.Clock, first, second *sqldb.DB) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		h := &hall{t: t, clock: c, ada: account.NewID()}
		h.node, h.other = newNode(t, first, c, ring, &h.ada), newNode(t, second, c, ring, &h.ada)
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			if err := h.prover.Accounts.Create(ctx, tx, account.Account{ID: h.ada, Region: "intl", Locale: "en"}); err != nil {
				return err
			}
			if _, err := h.prover.Contacts.Claim(ctx, tx, contact.Phone, "+14155550123", h.ada); err != nil {
				return err
			}
			return h.prover.Contacts.Add(ctx, tx, h.ada, contact.Phone, "+14155550123")
		})
		h.phone = h.signIn("Ada's phone")
		c.Advance(10 * 24 * time.Hour)
		f(h)
	}
	t.Run("sqlite", func(t *testing.T) {
		c := clock.At(sqldbtest.Start)
		db := sqldbtest.SQLite(t, c)
		build(t, c, db, db)
	})
	t.Run("postgres", func(t *testing.T) {
		c, url := clock.At(sqldbtest.Start), sqldbtest.PostgresURL(t)
		first := sqldbtest.Open(t, url, c)
		sqldbtest.Migrate(t, first)
		build(t, c, first, sqldbtest.Open(t, url, c))
	})
}

func (h *hall) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	h.t.Helper()
	if err := h.db.InTx(h.t.Context(), func(tx *sqldb.Tx) error { return f(h.t.Context(), tx) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) signIn(name string) *session.Live {
	h.t.Helper()
	token := ""
	h.do(func(ctx context.Context, tx *sqldb.Tx) error {
		who, err := h.prover.Accounts.Load(ctx, tx, h.ada)
		if err != nil {
			return err
		}
		d, err := h.prover.Devices.Remember(ctx, tx, h.ada, name, device.Device{Name: name, Kind: "phone", Place: "Oslo"})
		if err != nil {
			return err
		}
		token, _, _, err = h.sessions.Open(ctx, tx, who, d.ID, []session.Proof{{Method: "password", At: tx.Now()}})
		return err
	})
	l, err := h.sessions.Check(h.t.Context(), h.db, token)
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

// stranger is a browser that the account does not know.
var stranger = flow.Visitor{Addr: netip.MustParseAddr("203.0.113.7"), DeviceSecret: "laptop", DeviceName: "Firefox on Linux", DeviceKind: "browser", Place: "Bergen"}

// begin begins a journey, a little after whatever was before.
func (h *hall) begin(v flow.Visitor) (flow.Handle, flow.Ticket) {
	h.t.Helper()
	h.clock.Advance(time.Second)
	t, err := h.runner.Begin(h.t.Context(), v, flow.Begin{Kind: "door"})
	if err != nil {
		h.t.Fatal(err)
	}
	return flow.Handle{ID: t.ID, Key: t.Key}, t
}

func (n node) answer(t *testing.T, v flow.Visitor, at flow.Handle, in flow.Input) (flow.Ticket, error) {
	return n.runner.Answer(t.Context(), v, at, in)
}

// ask begins a journey and chooses the prompt.
func (h *hall) ask(v flow.Visitor) (flow.Handle, step.DevicePrompt, error) {
	h.t.Helper()
	at, _ := h.begin(v)
	got, err := h.answer(h.t, v, at, flow.Input{Input: "method", Method: "device_prompt"})
	s, _ := got.Step.(step.DevicePrompt)
	return at, s, err
}

// mustAsk is ask where nothing is in the way.
func (h *hall) mustAsk(v flow.Visitor) (flow.Handle, step.DevicePrompt) {
	h.t.Helper()
	at, s, err := h.ask(v)
	if err != nil || s.State != "waiting" {
		h.t.Fatalf("asking: %+v, %v", s, err)
	}
	return at, s
}

// pending is the question that a session sees; nil if none.
func (h *hall) pending(l *session.Live) *prompt.Prompt {
	h.t.Helper()
	p, there, err := h.prompts.Pending(h.t.Context(), h.db, l)
	if err != nil {
		h.t.Fatal(err)
	}
	if !there {
		return nil
	}
	return &p
}

// reply answers a question from a session, on a node.
func (n node) reply(t *testing.T, l *session.Live, id, number string, approve bool) (state prompt.State, err error) {
	err = n.db.InTx(t.Context(), func(tx *sqldb.Tx) (err error) {
		state, err = n.prompts.Answer(t.Context(), tx, l, id, number, approve)
		return err
	})
	return state, err
}

func (h *hall) wantFault(what string, err error, code string) {
	h.t.Helper()
	got := ""
	if f := fault.From(err); f != nil {
		got = f.Code
	} else if err != nil {
		got = err.Error()
	}
	if got != code {
		h.t.Errorf("%s: %q; want %q", what, got, code)
	}
}

func (h *hall) wantReason(what string, err error, reason string) {
	h.t.Helper()
	h.wantFault(what, err, "method_unavailable")
	if f := fault.From(err); f != nil && f.Args["reason"] != reason {
		h.t.Errorf("%s: reason %v; want %s", what, f.Args["reason"], reason)
	}
}

// check asks again whether somebody has answered.
func (h *hall) check(v flow.Visitor, at flow.Handle) (string, error) {
	t, err := h.answer(h.t, v, at, flow.Input{Input: "check"})
	if s, ok := t.Step.(step.DevicePrompt); ok {
		return s.State, err
	}
	if t.Step == nil {
		return "", err
	}
	return string(t.Step.StepType()), err
}

// TestS171_Approve: the question names purpose, device and place; only the right
// number approves it, and what was approved proves the journey that asked, once.
func TestS171_Approve(t *testing.T) {
	eachHall(t, func(h *hall) {
		at, s := h.mustAsk(stranger)
		if diff := cmp.Diff([]string{"Ada's phone"}, s.Devices); diff != "" || len(s.Number) != 2 || !s.ExpiresAt.Equal(h.clock.Now().Add(2*time.Minute)) {
			h.t.Errorf("the step is %+v", s)
		}
		p := h.pending(h.phone)
		if p == nil || p.Purpose != "sign_in" || p.Device != "Firefox on Linux" || p.Kind != "browser" || p.Place != "Bergen" || len(p.Choices) != 3 || !slices.Contains(p.Choices, s.Number) {
			h.t.Fatalf("the question is %+v", p)
		}
		for range 2 {
			if state, err := h.check(stranger, at); state != "waiting" || err != nil {
				h.t.Errorf("before the answer: %s, %v", state, err)
			}
		}
		state, err := h.other.reply(h.t, h.phone, p.ID, s.Number, true)
		if state != prompt.Approved || err != nil {
			h.t.Fatalf("the answer: %s, %v", state, err)
		}
		if h.pending(h.phone) != nil {
			h.t.Error("it is still asked")
		}
		shown, err := h.runner.Show(h.t.Context(), stranger, at)
		if s, ok := shown.Step.(step.DevicePrompt); err != nil || !ok || s.State != "approved" {
			h.t.Errorf("a look at it: %+v, %v", shown.Step, err)
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		done := 0
		for i := range 10 { // many looks at once, on both nodes
			all.Go(func() {
				n := []node{h.node, h.other}[i%2]
				got, err := n.answer(h.t, stranger, at, flow.Input{Input: "check"})
				mu.Lock()
				defer mu.Unlock()
				if err == nil && got.Step.StepType() == step.TypeDone {
					done++
				}
			})
		}
		all.Wait()
		if done != 1 {
			h.t.Errorf("it proved %d times", done)
		}
		acts, err := h.prover.Audit.List(h.t.Context(), h.db, h.ada, time.Time{}, 1)
		if err != nil || len(acts) != 1 || acts[0].Kind != audit.PromptApproved || acts[0].DeviceID != h.phone.DeviceID || acts[0].Details["device"] != "Firefox on Linux" {
			h.t.Errorf("the act is %+v, %v", acts, err)
		}
	})
}

// TestS171_Refuse: no, or a wrong number, ends the question; the asker is told and
// has to wait, every contact hears of it, and a device that the account knows is
// not slowed by it.
func TestS171_Refuse(t *testing.T) {
	for name, number := range map[string]func(right string, choices []string) (string, bool){
		"no": func(right string, _ []string) (string, bool) { return right, false },
		"a wrong number": func(right string, choices []string) (string, bool) {
			i := slices.IndexFunc(choices, func(c string) bool { return c != right })
			return choices[i], true
		},
		"no number": func(string, []string) (string, bool) { return "", true },
	} {
		t.Run(name, func(t *testing.T) {
			eachHall(t, func(h *hall) {
				known := h.signIn("Ada's desk")
				at, s := h.mustAsk(stranger)
				p := h.pending(h.phone)
				wrong, approve := number(s.Number, p.Choices)
				if state, err := h.reply(h.t, h.phone, p.ID, wrong, approve); state != prompt.Denied || err != nil {
					h.t.Fatalf("the answer: %s, %v", state, err)
				}
				_, err := h.reply(h.t, h.phone, p.ID, s.Number, true)
				h.wantFault("changing the answer", err, "prompt_answered")
				for range 2 {
					_, err = h.check(stranger, at)
					h.wantFault("going on", err, "prompt_denied")
				}
				shown, err := h.runner.Show(h.t.Context(), stranger, at)
				if got, ok := shown.Step.(step.DevicePrompt); err != nil || !ok || got.State != "denied" || slices.Contains(got.Inputs, "check") {
					h.t.Errorf("the step is %+v, %v", shown.Step, err)
				}
				var told int
				if err := h.db.QueryRow(h.t.Context(), `SELECT COUNT(*) FROM courier_message WHERE purpose = 'notice_prompt_denied'`).Scan(&told); err != nil || told != 1 {
					h.t.Errorf("%d contacts were told, %v", told, err)
				}
				if acts, err := h.prover.Audit.List(h.t.Context(), h.db, h.ada, time.Time{}, 1); err != nil || acts[0].Kind != audit.PromptDenied || acts[0].Details["place"] != "Bergen" {
					h.t.Errorf("the act is %+v, %v", acts, err)
				}
				elsewhere := stranger
				elsewhere.Addr, elsewhere.DeviceSecret = netip.MustParseAddr("198.51.100.9"), "another"
				_, _, err = h.ask(elsewhere)
				h.wantReason("asking again from elsewhere", err, "prompts_limited")
				if at := fault.From(err).RetryAt; at.Sub(h.clock.Now()) > time.Hour || at.Sub(h.clock.Now()) < 59*time.Minute {
					h.t.Errorf("again in %v", at.Sub(h.clock.Now()))
				}
				desk := flow.Visitor{Addr: stranger.Addr, DeviceSecret: "Ada's desk", Session: known}
				h.mustAsk(desk)
				h.clock.Advance(time.Hour)
				h.mustAsk(stranger)
			})
		})
	}
}

// TestS171_WhoMayAnswer: nobody but a live session on another device that the
// account has long known and that was signed in before the journey began; for
// everybody else there is no such question.
func TestS171_WhoMayAnswer(t *testing.T) {
	for _, who := range []struct {
		name string
		l    func(h *hall) *session.Live
	}{
		{"signed in after the journey began", func(h *hall) *session.Live {
			h.clock.Advance(time.Second)
			return h.signIn("Ada's phone") // the steady device, by a session that is too young
		}},
		{"signed in a moment before, on a new device", func(h *hall) *session.Live { return h.signIn("thief's phone") }},
		{"of another account", func(h *hall) *session.Live {
			l := *h.phone
			l.AccountID = account.NewID()
			return &l
		}},
		{"ended", func(h *hall) *session.Live {
			h.do(func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := h.sessions.End(ctx, tx, h.ada, h.phone.ID)
				return err
			})
			return h.phone
		}},
		{"of an account that was frozen meanwhile", func(h *hall) *session.Live {
			h.do(func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE account SET state = 'frozen', epoch = epoch + 1`)
				return err
			})
			return h.phone
		}},
		{"expired", func(h *hall) *session.Live {
			h.do(func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE session SET used_at = $1`, sqldb.Micros(h.clock.Now().Add(-14*24*time.Hour)))
				return err
			})
			return h.phone
		}},
	} {
		t.Run(who.name, func(t *testing.T) {
			eachHall(t, func(h *hall) {
				_, s := h.mustAsk(stranger)
				id := h.pending(h.phone).ID
				l := who.l(h)
				if h.pending(l) != nil {
					h.t.Error("it is shown")
				}
				for _, approve := range []bool{true, false} {
					_, err := h.reply(h.t, l, id, s.Number, approve)
					h.wantFault(fmt.Sprint("answering ", approve), err, "not_found")
				}
			})
		})
	}
}

// TestS171_NotTheAsker: the device and session that ask for a step-up are not asked
// themselves, and with no other there is no prompt at all.
func TestS171_NotTheAsker(t *testing.T) {
	eachHall(t, func(h *hall) {
		own := flow.Visitor{Addr: stranger.Addr, DeviceSecret: "Ada's phone", Session: h.phone}
		_, _, err := h.ask(own)
		h.wantReason("asking oneself", err, "not_set")
		app := own
		app.DeviceSecret = "" // an app names its session only
		_, _, err = h.ask(app)
		h.wantReason("asking oneself from an app", err, "not_set")

		desk := h.signIn("Ada's desk")
		h.clock.Advance(72 * time.Hour)
		_, s := h.mustAsk(own)
		if diff := cmp.Diff([]string{"Ada's desk"}, s.Devices); diff != "" {
			h.t.Error(diff)
		}
		p := h.pending(desk)
		if p == nil || p.Purpose != "unlink" || h.pending(h.phone) != nil {
			h.t.Fatal("asked of the wrong one")
		}
		_, err = h.reply(h.t, h.phone, p.ID, s.Number, true)
		h.wantFault("answering oneself", err, "not_found")
		ways := func(device string) int {
			list, err := proof.ByPrompt(h.prompts).(interface {
				WaysFrom(ctx context.Context, q sqldb.Querier, id account.ID, deviceID string) ([]policy.Way, error)
			}).WaysFrom(h.t.Context(), h.db, h.ada, device)
			if err != nil {
				h.t.Fatal(err)
			}
			return len(list)
		}
		if got := []int{ways(""), ways(desk.DeviceID), ways(h.phone.DeviceID)}; !slices.Equal(got, []int{1, 1, 1}) {
			h.t.Errorf("ways %v", got)
		}
		h.do(func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := h.sessions.End(ctx, tx, h.ada, h.phone.ID)
			return err
		})
		if got := []int{ways(""), ways(desk.DeviceID)}; !slices.Equal(got, []int{1, 0}) {
			h.t.Errorf("ways %v once the other is signed out", got)
		}
	})
}

// TestS171_OnePendingAndFew: one question at a time, three an hour; the time ends
// it; leaving withdraws it.
func TestS171_OnePendingAndFew(t *testing.T) {
	eachHall(t, func(h *hall) {
		at, s := h.mustAsk(stranger)
		_, _, err := h.ask(stranger)
		h.wantReason("a second question", err, "prompt_pending")
		if retry := fault.From(err).RetryAt; !retry.Equal(s.ExpiresAt) {
			h.t.Errorf("again at %v; want %v", retry, s.ExpiresAt)
		}
		p := h.pending(h.phone)
		if _, err := h.answer(h.t, stranger, at, flow.Input{Input: "other_way"}); err != nil {
			h.t.Fatal(err)
		}
		if h.pending(h.phone) != nil {
			h.t.Error("it is asked although the asker left")
		}
		_, err = h.reply(h.t, h.phone, p.ID, s.Number, true)
		h.wantFault("answering what was withdrawn", err, "prompt_answered")

		at, s = h.mustAsk(stranger)
		p = h.pending(h.phone)
		h.clock.Advance(2 * time.Minute)
		_, err = h.reply(h.t, h.phone, p.ID, s.Number, true)
		h.wantFault("answering after two minutes", err, "prompt_expired")
		_, err = h.check(stranger, at)
		h.wantFault("going on after two minutes", err, "prompt_expired")

		at, s = h.mustAsk(stranger)
		p = h.pending(h.phone)
		if _, err := h.reply(h.t, h.phone, p.ID, s.Number, true); err != nil {
			h.t.Fatal(err)
		}
		h.clock.Advance(2 * time.Minute)
		_, err = h.check(stranger, at)
		h.wantFault("an approval that was left lying", err, "prompt_expired")

		_, _, err = h.ask(stranger)
		h.wantReason("the fourth within an hour", err, "prompts_limited")
	})
}

// TestS171_NeverFirst: a prompt is never the first proof of a journey.
func TestS171_NeverFirst(t *testing.T) {
	eachHall(t, func(h *hall) {
		b, err := h.runner.Begin(h.t.Context(), stranger, flow.Begin{Kind: "door", For: "blind"})
		if err != nil {
			h.t.Fatal(err)
		}
		_, err = h.answer(h.t, stranger, flow.Handle{ID: b.ID, Key: b.Key}, flow.Input{Input: "method", Method: "device_prompt"})
		h.wantFault("a prompt as the first proof", err, "method_unavailable")
		if s, ok := b.Step.(step.ChooseMethod); !ok || slices.ContainsFunc(s.Methods, func(m step.Method) bool { return m.Method == "device_prompt" }) {
			h.t.Errorf("the list is %+v", b.Step)
		}
		if h.pending(h.phone) != nil {
			h.t.Error("it was asked")
		}
	})
}

// TestS171_FloodOfAnswers: of many answers at once, from two nodes, one counts.
func TestS171_FloodOfAnswers(t *testing.T) {
	eachHall(t, func(h *hall) {
		_, s := h.mustAsk(stranger)
		p := h.pending(h.phone)
		var mu sync.Mutex
		var all sync.WaitGroup
		var got []string
		for i := range 20 {
			all.Go(func() {
				state, err := []node{h.node, h.other}[i%2].reply(h.t, h.phone, p.ID, s.Number, i%4 < 2)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					got = append(got, string(state))
				case !proof.PromptAnswered.Is(err) && !proof.PromptExpired.Is(err):
					h.t.Error(err)
				}
			})
		}
		all.Wait()
		if len(got) != 1 {
			h.t.Errorf("%d answers counted: %s", len(got), strings.Join(got, " "))
		}
	})
}
