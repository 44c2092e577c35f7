package proof

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/footprint"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/place"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// Proving is a proof in progress. It stands in the facts of the journey that asks
// for it; what is enough is the policy's to say.
type Proving struct {
	Action  policy.Action `json:"action"`
	Account account.ID    `json:"account,omitempty"` // 0: nobody; nothing may tell
	Locale  locale.Tag    `json:"locale"`
	// Subject is whom the person said to be, as the limits count it, where nothing
	// was proved before. Until the first proof the journey is blind: it behaves the
	// same whether there is such an account or not (S-17, S-77).
	Subject string `json:"subject,omitempty"`
	// AsOf makes the account be proved as it stood just before then, to undo what
	// somebody else changed since; zero: as it stands (earlier.go).
	AsOf time.Time `json:"as_of,omitzero"`
	// JustOne says that the journey wants no more than the first proof.
	JustOne bool `json:"just_one,omitempty"`
	// Waited says that a wait stands in for what is missing; who acts on it uses it
	// up with UseWait.
	Waited bool   `json:"waited,omitempty"`
	Device Device `json:"device,omitzero"`  // that began the journey; an app gives it only then
	Member string `json:"member,omitempty"` // the session that asks; empty: nobody is signed in
	// What was seen at the first proof, beside the risk: the account knows the device,
	// the password is in a list of stolen ones, from where it was signed in to before.
	Known    bool            `json:"known,omitempty"`
	Breached bool            `json:"breached,omitempty"`
	Past     footprint.Past  `json:"past,omitzero"`
	Risk     policy.Risk     `json:"risk,omitzero"`
	Reasons  []policy.Signal `json:"reasons,omitempty"` // why more is asked for, as the policy last said
	Method   policy.Method   `json:"method,omitempty"`  // in progress; empty: to be chosen
	Held     json.RawMessage `json:"held,omitempty"`    // what the method in progress keeps: a challenge, a prompt
	Sent     Sent            `json:"sent,omitzero"`
	Captcha  *Captcha        `json:"captcha,omitempty"`
	Wanted   policy.Method   `json:"wanted,omitempty"` // waits for the captcha
	Human    bool            `json:"human,omitempty"`  // a captcha was solved and not yet spent
	Proved   []session.Proof `json:"proved,omitempty"`
	Ready    bool            `json:"ready,omitempty"` // enough is proved
	WaitsTo  time.Time       `json:"waits_to,omitzero"`
	// DeviceSince is since when the account knows the device; zero: it does not.
	DeviceSince time.Time `json:"device_since,omitzero"`
}

// Blind tells whether nobody knows yet who is asking.
func (p *Proving) Blind() bool { return len(p.Proved) == 0 && p.Member == "" }

// Active tells whether a proof is to be given before the journey goes on.
func (p *Proving) Active() bool { return p.Action != "" && !p.Ready }

// Device is the device as the door saw it when the journey began.
type Device struct {
	Secret string `json:"secret,omitempty"`
	Name   string `json:"name,omitempty"`
	Kind   string `json:"kind,omitempty"`
}

// DeviceOf is the device of a visitor.
func DeviceOf(v flow.Visitor) Device { return Device{v.DeviceSecret, v.DeviceName, v.DeviceKind} }

// Why is what makes a proof necessary, as the steps tell it.
func (p *Proving) Why() []string {
	var why []string
	for _, s := range p.Reasons {
		why = append(why, string(s))
	}
	return why
}

// reason is the one of them that a single sentence tells: of a password on a new
// device, the device.
func (p *Proving) reason() string {
	if slices.Contains(p.Reasons, policy.PasswordFirst) && slices.Contains(p.Reasons, policy.NewDevice) {
		return string(policy.NewDevice)
	}
	if len(p.Reasons) == 0 {
		return ""
	}
	return string(p.Reasons[0])
}

// Turn is one input on its way through a proof, whatever journey it is part of.
type Turn struct {
	flow.Record
	*Proving
	Visitor flow.Visitor
	Input   flow.Input
	Now     time.Time
	Answer  any // what Count and Ask found, for Apply
	// History is what was found out of the phone that was just proved; zero: nothing.
	History numbers.History
	refuse  func(error)
	refused error
}

// Refuse makes the answer a refusal although Apply answers nil, and keeps what
// was written.
func (t *Turn) Refuse(f error) {
	t.refused = f
	t.refuse(f)
}

// Prove notes that a method proved the account.
func (t *Turn) Prove(m policy.Method, verified bool) {
	p := session.Proof{Method: string(m), At: t.Now, Verified: verified}
	if t.Member != "" {
		p.For = string(t.Action)
	}
	t.Proving.Proved = append(t.Proving.Proved, p)
	t.Method, t.Held = "", nil
}

// Move is what one input of a method does; see flow.Move.
type Move struct {
	Takes    []string
	Count    func(ctx context.Context, tx *sqldb.Tx, t *Turn) error
	Ask      func(ctx context.Context, t *Turn) error
	NeedsAsk func(t *Turn) bool
	Apply    func(ctx context.Context, tx *sqldb.Tx, t *Turn) error
}

// Means is one method as journeys meet it.
type Means interface {
	Method() policy.Method
	// Step is the step at which it is proved.
	Step() step.Type
	// Ways tells how the account stands with it: none if it has no such method.
	Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error)
	// Choose spends what choosing it costs; it runs in Count. For a blind turn it
	// must cost and answer the same whether the account exists.
	Choose(ctx context.Context, tx *sqldb.Tx, t *Turn) error
	// Begin makes what the method needs and keeps it in t.Held; it runs in Apply.
	Begin(ctx context.Context, tx *sqldb.Tx, t *Turn) error
	Show(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error)
	// Moves are its inputs, without other_way and back. A move that proves calls t.Prove.
	Moves() map[string]Move
}

// Waits keeps the waits that stand in for a second proof.
type Waits interface {
	// Waiting lists those that are under way, or over and not yet used up, and that
	// began with what the turn has proved too.
	Waiting(ctx context.Context, q sqldb.Querier, t *Turn) ([]policy.Wait, error)
	// Wait begins one, and tells every contact of the account, with a link to object
	// if objects says that an objection by such a contact counts.
	Wait(ctx context.Context, tx *sqldb.Tx, who account.Account, t *Turn, until time.Time, objects func(policy.Method) bool) error
	// Use uses up the one that is over; won is false if there is none any more.
	Use(ctx context.Context, tx *sqldb.Tx, t *Turn) (won bool, err error)
}

// Prover asks for proofs until the policy says that they are enough.
type Prover struct {
	Policy   *policy.Policy
	Accounts *account.Store
	Contacts *contact.Store
	Devices  *device.Store
	Audit    *audit.Store
	Book     *quota.Book
	Codes    *Codes
	Captchas *Captchas
	Waits    Waits
	Watch    Watch    // nil: nobody watches
	Notices  *Notices // nil: nobody is told of failed tries
	// What risk is read from; nil: that is not known.
	Footprints *footprint.Store
	Atlas      *place.Atlas
	Numbers    *numbers.Plan
	BadNetwork func(netip.Addr) bool // the operator's list
	Means      []Means               // in the order in which people see them
	Tries      quota.Limit           // wrong tries at one secret of an account, over all journeys (S-13, S-38)
}

// of finds the means of a method; nil if this server has none.
func (p *Prover) of(m policy.Method) Means {
	i := slices.IndexFunc(p.Means, func(x Means) bool { return x.Method() == m })
	if i < 0 {
		return nil
	}
	return p.Means[i]
}

// Source tells where a turn comes from. The device is known if the account that is
// meant knows it; looking costs the same whether there is one. Who is signed in is
// on a device that the account knows.
func (p *Prover) Source(ctx context.Context, q sqldb.Querier, t *Turn) (Source, error) {
	s := Source{Addr: t.Visitor.Addr, Device: t.secret()}
	if m := t.member(); m != nil {
		s.KnownAs = m.DeviceID
		return s, nil
	}
	if s.Device == "" {
		return s, nil
	}
	d, known, err := p.Devices.Known(ctx, q, t.Account, s.Device)
	if known {
		s.KnownAs = d.ID
	}
	return s, err
}

// secret is what the device keeps that began the journey; empty: nothing.
func (t *Turn) secret() string { return cmp.Or(t.Device.Secret, t.Visitor.DeviceSecret) }

// member is the session that asks for the proof; nil: nobody is signed in.
func (t *Turn) member() *session.Live {
	if s := t.Visitor.Session; t.Member != "" && s != nil && s.ID == t.Member && s.AccountID == t.Account {
		return s
	}
	return nil
}

// Where tells, for the owner's eyes, from which device and place something is done.
func (t *Turn) Where() map[string]string {
	out := map[string]string{}
	if name := cmp.Or(t.Device.Name, t.Visitor.DeviceName); name != "" {
		out["device"] = name
	}
	if t.Visitor.Place != "" {
		out["place"] = t.Visitor.Place
	}
	return out
}

// SpendTry charges one try at a secret of the account before it is compared
// (S-14); strangers' tries are counted apart from those on a device that the
// account knows (S-154). It runs in Count.
func (p *Prover) SpendTry(ctx context.Context, tx *sqldb.Tx, t *Turn, m policy.Method) error {
	from, err := p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	refused, err := p.Book.Spend(ctx, tx, quota.Spend{Limit: p.Tries, Subject: trySubject(t, m, from)})
	if err == nil && refused != nil {
		err = TooManyAttempts.With("limit", "account").Until(refused.RetryAt)
	}
	return err
}

// ClearTries forgets the wrong tries at a secret once it was right.
func (p *Prover) ClearTries(ctx context.Context, tx *sqldb.Tx, t *Turn, m policy.Method) error {
	from, err := p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	return p.Book.Clear(ctx, tx, p.Tries, trySubject(t, m, from))
}

func trySubject(t *Turn, m policy.Method, from Source) string {
	who := "account\x00" + t.Account.String()
	if t.Account == 0 {
		who = "typed\x00" + t.Subject
	}
	return from.lane(string(m) + "\x00" + who)
}
