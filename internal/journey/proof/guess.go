package proof

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// PasswordRules are the numbers in force for tries of passwords.
type PasswordRules struct {
	Tries        quota.Limit // wrong passwords of one account, with growing delays
	TriesNetwork quota.Limit // tries from one address (IPv6: one /64)
	TriesWide    quota.Limit // tries from one /24 or /48
	CaptchaAfter int         // wrong passwords of one account before a captcha comes first
	PictureAfter int         // and before that captcha is a picture
}

// Passwords judges passwords at every entrance that takes one. All of them share
// one counter for each account, whatever name was typed (S-27).
type Passwords struct {
	Stored   *credential.Passwords
	Book     *quota.Book
	Captchas *Captchas
	Audit    *audit.Store
	Notices  *Notices // nil: nobody is told of failed tries and stolen passwords
	Rules    PasswordRules
}

// Guess is one try of a password.
type Guess struct {
	Account account.ID // 0: there is none, which nothing may tell
	Typed   string     // then this is counted: the way and the name, as they were read
	From    Source
	Where   map[string]string // device and place, for the owner's eyes
	AsOf    time.Time         // compared is the password of before then (Proving.AsOf); zero: the present one

	// Found out by Check.
	Verdict credential.Verdict
	// Replaced is when the typed password was replaced, if it is an earlier one and
	// the account knows the device (S-26).
	Replaced time.Time
	// Breached says that the right password is in a list of stolen ones.
	Breached bool

	stored credential.Stored
}

// subject names the counter: the account if there is one, else what was typed,
// so that both are counted alike. A known device has a lane of its own, which
// strangers cannot fill (S-154).
func (g *Guess) subject(known string) string {
	s := "typed\x00" + g.Typed
	if g.Account != 0 {
		s = "account\x00" + g.Account.String()
	}
	if known != "" {
		s += "\x00known\x00" + known
	}
	return s
}

// Challenge makes the captcha that has to come before the next try; nil: none.
// human says that one was solved and not yet spent.
func (p *Passwords) Challenge(ctx context.Context, q sqldb.Querier, g *Guess, human bool) (*Captcha, error) {
	if g.From.KnownAs != "" || human {
		return nil, nil
	}
	wrong, _, err := p.Book.Used(ctx, q, p.Rules.Tries, g.subject(""))
	if err != nil || wrong < p.Rules.CaptchaAfter {
		return nil, err
	}
	level := 1
	if wrong >= p.Rules.PictureAfter {
		level = 2
	}
	return p.Captchas.Ask("tries", level, q.Now())
}

// Reserve charges a try before it is compared (S-14) and reads what it will be
// compared with. It runs in Count. If other journeys' tries made a captcha
// necessary that this one has not met, it answers that with CaptchaRequired.
func (p *Passwords) Reserve(ctx context.Context, tx *sqldb.Tx, g *Guess, human bool) (*Captcha, error) {
	asked, err := p.Challenge(ctx, tx, g, human)
	if err != nil {
		return nil, err
	}
	if asked != nil {
		return asked, CaptchaRequired
	}
	narrow, wide := quota.Groups(g.From.Addr)
	refused, err := p.Book.Spend(ctx, tx,
		quota.Spend{Limit: p.Rules.Tries, Subject: g.subject(g.From.KnownAs)},
		quota.Spend{Limit: p.Rules.TriesNetwork, Subject: narrow},
		quota.Spend{Limit: p.Rules.TriesWide, Subject: wide})
	if err != nil {
		return nil, err
	}
	if refused != nil {
		limit := "network"
		if refused.Limit == p.Rules.Tries.Name {
			limit = "account"
			if err := AuditLimit(ctx, tx, p.Book, p.Audit, audit.Entry{AccountID: g.Account, Kind: audit.PasswordLimited, Details: g.Where}, g.subject("")); err != nil {
				return nil, err
			}
			if err := p.Notices.FailedAttempts(ctx, tx, g.Account); err != nil {
				return nil, err
			}
		}
		return nil, TooManyAttempts.With("limit", limit).Until(refused.RetryAt)
	}
	g.stored, err = p.load(ctx, tx, g)
	return nil, err
}

// Check does the slow hashing, the same work whether or not there is an account
// or a password. It runs in Ask.
func (p *Passwords) Check(ctx context.Context, g *Guess, password string) (err error) {
	if g.Verdict, err = p.Stored.Check(ctx, g.stored, password); err != nil {
		return err
	}
	if g.Verdict.Right {
		g.Breached = p.Stored.IsBreached(ctx, g.stored, password)
	}
	if g.Verdict.Right || g.From.KnownAs == "" {
		return nil
	}
	g.Replaced, _, err = p.Stored.CheckEarlier(ctx, g.stored, password)
	return err
}

// load reads what a guess is compared with.
func (p *Passwords) load(ctx context.Context, q sqldb.Querier, g *Guess) (credential.Stored, error) {
	s, err := p.Stored.Load(ctx, q, g.Account)
	if err != nil || g.AsOf.IsZero() {
		return s, err
	}
	return p.Stored.StoodAt(s, g.AsOf, policy.Young)
}

// Right tells, inside the transaction of the effect, whether the password is
// still the one that was compared (S-28). If so it forgets the wrong tries, and
// stores it anew where its hash is out of date.
func (p *Passwords) Right(ctx context.Context, tx *sqldb.Tx, g *Guess) (bool, error) {
	now, err := p.load(ctx, tx, g)
	if err != nil || !g.Verdict.Right || !now.IsSet() || !now.SetAt().Equal(g.stored.SetAt()) {
		return false, err
	}
	if err := p.Book.Clear(ctx, tx, p.Rules.Tries, g.subject(g.From.KnownAs)); err != nil {
		return false, err
	}
	if g.Verdict.Upgrade != nil {
		if err := p.Stored.Upgrade(ctx, tx, g.Account, *g.Verdict.Upgrade); err != nil {
			return false, err
		}
	}
	return true, p.breached(ctx, tx, g)
}

// breached remembers, and tells the owner once, that the password is in a list of
// stolen ones.
func (p *Passwords) breached(ctx context.Context, tx *sqldb.Tx, g *Guess) error {
	if !g.Breached || !g.AsOf.IsZero() {
		return nil
	}
	first, err := p.Stored.MarkBreached(ctx, tx, g.Account)
	if err != nil || !first {
		return err
	}
	if err := p.Audit.Write(ctx, tx, audit.Entry{AccountID: g.Account, Kind: audit.PasswordBreached}); err != nil {
		return err
	}
	return p.Notices.Breached(ctx, tx, g.Account)
}

// Wrong audits a wrong try and makes the captcha that comes before the next; nil: none.
func (p *Passwords) Wrong(ctx context.Context, tx *sqldb.Tx, g *Guess) (*Captcha, error) {
	err := p.Audit.Write(ctx, tx, audit.Entry{AccountID: g.Account, Kind: audit.PasswordWrong, DeviceID: g.From.KnownAs, Details: g.Where})
	if err != nil {
		return nil, err
	}
	return p.Challenge(ctx, tx, g, false)
}

// Refusal is the one message for every failure of a password; way is how the
// person was named: phone, email, account_id, or mine for who is signed in.
func (g *Guess) Refusal(way string) error {
	f := CredentialsInvalid.On("password").With("username", way)
	if !g.Replaced.IsZero() {
		f = f.With("replaced_at", g.Replaced)
	}
	return f
}

// AuditLimit notes once an hour that a limit of an account was hit: a refused try
// must not be a way to fill its history. subject stands in where there is nobody,
// so that the work is the same.
func AuditLimit(ctx context.Context, tx *sqldb.Tx, book *quota.Book, store *audit.Store, e audit.Entry, subject string) error {
	if e.AccountID != 0 {
		subject = e.AccountID.String()
	}
	limit := quota.Limit{Name: "audit." + string(e.Kind), Windows: []quota.Window{{Max: 1, Per: time.Hour}}}
	refused, err := book.Spend(ctx, tx, quota.Spend{Limit: limit, Subject: subject})
	if err != nil || refused != nil {
		return err
	}
	return store.Write(ctx, tx, e)
}
