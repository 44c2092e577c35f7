package signin

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

func (h *House) showPassword(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return step.Password{Head: step.Head{Type: step.TypePassword, Inputs: []string{"password", "other_way", "back"}}, Username: masked(c.Facts.Typed)}, nil
}

// masked shows a username back without telling more than was typed.
func masked(u directory.Username) string {
	switch u.Way {
	case directory.ByPhone:
		return numbers.Mask(u.Value)
	case directory.ByEmail:
		return email.Mask(u.Value)
	}
	id, _ := account.ReadID(u.Value)
	return id.Spaced()
}

// attempt is one try of a password.
type attempt struct {
	stored   credential.Stored
	verdict  credential.Verdict
	replaced time.Time // when the typed password was replaced, on a known device
	known    string    // ID of the device, if the account knows it
	subject  string    // of the account's counter
}

// subject names the counter of an account's passwords: the account if there is
// one, else what was typed, so that both are counted alike (S-27).
func subject(f *facts, known string) string {
	s := "typed\x00" + string(f.Typed.Way) + "\x00" + f.Typed.Value
	if f.Account != 0 {
		s = "account\x00" + f.Account.String()
	}
	if known != "" {
		s += "\x00known\x00" + known // a lane that strangers cannot fill (S-154)
	}
	return s
}

// challengePassword asks for a captcha before the next try where many were wrong.
func (h *House) challengePassword(ctx context.Context, tx *sqldb.Tx, c *call) error {
	from, err := h.source(ctx, tx, c, c.Facts.Account)
	if err != nil || from.KnownAs != "" || c.Facts.Human {
		return err
	}
	wrong, _, err := h.Book.Used(ctx, tx, h.Rules.Tries, subject(c.Facts, ""))
	if err != nil || wrong < h.Rules.CaptchaAfter {
		return err
	}
	level := 1
	if wrong >= h.Rules.PictureAfter {
		level = 2
	}
	c.Facts.Captcha, err = h.Captchas.Ask("tries", level, c.Now)
	return err
}

// answerPassword: count the try, hash outside any transaction, then either go
// in, or ask for a second proof, or refuse in words that fit every failure.
func (h *House) answerPassword() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"password"},
		Count: h.countPassword,
		Ask:   h.checkPassword,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			a := c.Answer.(*attempt)
			who, err := h.Accounts.Load(ctx, tx, c.Facts.Account)
			there := err == nil
			if err != nil && !errors.Is(err, sqldb.ErrNone) {
				return err
			}
			now, err := h.Passwords.Load(ctx, tx, c.Facts.Account)
			if err != nil {
				return err
			}
			// What was right a moment ago may have been replaced while it was hashed (S-28).
			if !a.verdict.Right || !there || who.State == account.Gone || !now.IsSet() || !now.SetAt().Equal(a.stored.SetAt()) {
				return h.wrongPassword(ctx, tx, c, a)
			}
			return h.rightPassword(ctx, tx, c, a, who)
		},
	}
}

func (h *House) countPassword(ctx context.Context, tx *sqldb.Tx, c *call) error {
	f := c.Facts
	from, err := h.source(ctx, tx, c, f.Account)
	if err != nil {
		return err
	}
	a := &attempt{known: from.KnownAs, subject: subject(f, from.KnownAs)}
	if a.known == "" && !f.Human {
		wrong, _, err := h.Book.Used(ctx, tx, h.Rules.Tries, a.subject)
		if err != nil {
			return err
		}
		if wrong >= h.Rules.CaptchaAfter { // another journey's tries: this one has not met the captcha yet
			if err := h.challengePassword(ctx, tx, c); err != nil {
				return err
			}
			return CaptchaRequired
		}
	}
	narrow, wide := quota.Groups(c.Visitor.Addr)
	refused, err := h.Book.Spend(ctx, tx,
		quota.Spend{Limit: h.Rules.Tries, Subject: a.subject},
		quota.Spend{Limit: h.Rules.TriesNetwork, Subject: narrow},
		quota.Spend{Limit: h.Rules.TriesWide, Subject: wide})
	if err != nil {
		return err
	}
	if refused != nil {
		if refused.Limit == h.Rules.Tries.Name {
			if err := h.auditLimit(ctx, tx, c, f.Account, audit.PasswordLimited, subject(f, "")); err != nil {
				return err
			}
		}
		return proof.TooManyAttempts.With("limit", h.limitName(refused.Limit)).Until(refused.RetryAt)
	}
	f.Human = false // one captcha buys one try
	a.stored, err = h.Passwords.Load(ctx, tx, f.Account)
	c.Answer = a
	return err
}

func (h *House) limitName(limit string) string {
	if limit == h.Rules.Tries.Name {
		return "account"
	}
	return "network"
}

// checkPassword does the slow hashing, the same work whether or not there is
// an account or a password.
func (h *House) checkPassword(ctx context.Context, c *call) (err error) {
	a := c.Answer.(*attempt)
	if a.verdict, err = h.Passwords.Check(ctx, a.stored, c.Input.Password); err != nil || a.verdict.Right || a.known == "" {
		return err
	}
	a.replaced, _, err = h.Passwords.CheckEarlier(ctx, a.stored, c.Input.Password)
	return err
}

func (h *House) wrongPassword(ctx context.Context, tx *sqldb.Tx, c *call, a *attempt) error {
	refusal := CredentialsInvalid.On("password").With("username", string(c.Facts.Typed.Way))
	if !a.replaced.IsZero() {
		refusal = refusal.With("replaced_at", a.replaced)
	}
	c.Refuse(refusal)
	if err := h.Audit.Write(ctx, tx, audit.Entry{AccountID: c.Facts.Account, Kind: audit.PasswordWrong, DeviceID: a.known, Details: h.where(c)}); err != nil {
		return err
	}
	return h.challengePassword(ctx, tx, c)
}

func (h *House) rightPassword(ctx context.Context, tx *sqldb.Tx, c *call, a *attempt, who account.Account) error {
	f := c.Facts
	if err := h.Book.Clear(ctx, tx, h.Rules.Tries, a.subject); err != nil {
		return err
	}
	if a.verdict.Upgrade != nil {
		if err := h.Passwords.Upgrade(ctx, tx, f.Account, *a.verdict.Upgrade); err != nil {
			return err
		}
	}
	f.Proved = []session.Proof{{Method: byPassword, At: tx.Now()}}
	if a.known != "" || h.Rules.Alone {
		return h.enter(ctx, tx, c, who)
	}
	return h.askSecond(ctx, tx, c)
}

// askSecond asks for a code to a contact, because a password alone does not
// open a session on a device that the account does not know (S-23). Until the
// code is out, other ways can be chosen.
func (h *House) askSecond(ctx context.Context, tx *sqldb.Tx, c *call) error {
	contacts, err := h.Contacts.List(ctx, tx, c.Facts.Account)
	if err != nil {
		return err
	}
	method := bySMS
	if _, ok := contact.Of(contacts, contact.Phone); !ok {
		method = byEmail
	}
	c.Facts.Choosing = true
	return h.sendOrChoose(ctx, tx, c, method)
}
