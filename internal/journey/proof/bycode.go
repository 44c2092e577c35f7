package proof

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// byCode proves a contact of the account by a code that is sent to it.
type byCode struct {
	p       *Prover
	method  policy.Method
	kind    contact.Kind
	channel courier.Channel
}

// BySMS proves the recovery phone.
func BySMS(p *Prover) Means { return byCode{p, policy.SMSCode, contact.Phone, courier.SMS} }

// ByEmail proves the recovery e-mail.
func ByEmail(p *Prover) Means { return byCode{p, policy.EmailCode, contact.Email, courier.Email} }

func (b byCode) Method() policy.Method { return b.method }
func (b byCode) Step() step.Type       { return step.TypeCode }

func (b byCode) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	contacts, err := b.p.Contacts.List(ctx, q, id)
	if err != nil {
		return nil, err
	}
	have, ok := contact.Of(contacts, b.kind)
	if !ok {
		return nil, nil
	}
	return []policy.Way{{Method: b.method, Since: have.VerifiedAt, Replaced: have.Replaced}}, nil
}

// purposes of codes, by what they are for; each has its own message and its own
// MAC. What is not here is "prove".
var purposes = map[policy.Action]string{
	policy.SignIn: "device", policy.Recover: "recover", policy.Freeze: "freeze", policy.Unfreeze: "unfreeze",
}

func purpose(a policy.Action) string {
	if p, ok := purposes[a]; ok {
		return p
	}
	return "prove"
}

// sending is a code that Choose has paid for, or that is out already.
type sending struct {
	code Code
	out  bool
}

// Choose spends the limits of a code to the contact, or, while nothing is proved,
// to nobody if there is none: it costs the same.
func (b byCode) Choose(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	contacts, err := b.p.contacts(ctx, tx, t)
	if err != nil {
		return err
	}
	have, ok := contact.Of(contacts, b.kind)
	if !ok && !t.Blind() {
		return MethodUnavailable.On("method").With("reason", "not_set")
	}
	code := Code{Purpose: purpose(t.Action), Channel: b.channel, Address: have.Address, Subject: have.Address, Shown: to(b.method, contacts)}
	if ok && b.kind == contact.Phone {
		code.Country = numbers.Known(have.Address).Country
	}
	if t.Blind() {
		code.Hidden, code.Shown, code.Subject = true, "", "username\x00"+t.Subject
	}
	return b.spend(ctx, tx, t, code)
}

func (b byCode) spend(ctx context.Context, tx *sqldb.Tx, t *Turn, code Code) error {
	s := &sending{code: code, out: b.p.Codes.Out(&t.Sent, code, t.Now)}
	t.Answer = s
	if s.out {
		return nil
	}
	from, err := b.p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	if !t.Human {
		asked, err := b.p.Codes.Challenged(ctx, tx, from)
		if err != nil {
			return err
		}
		if asked {
			t.Wanted = b.method
			t.Captcha, err = b.p.Captchas.Ask("network", 1, t.Now)
			return err
		}
	}
	err = b.p.Codes.Spend(ctx, tx, &t.Sent, &s.code, from)
	if f := fault.From(err); CodesLimited.Is(err) && f.Args["limit"] == "destination" && !t.Now.Before(b.p.Codes.ResendAt(&t.Sent, s.code.Channel, s.code.Subject)) {
		if err := AuditLimit(ctx, tx, b.p.Book, b.p.Audit, audit.Entry{AccountID: t.Account, Kind: audit.CodesLimited, Details: t.Where()}, s.code.Subject); err != nil {
			return err
		}
	}
	return err
}

func (b byCode) Begin(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	s := t.Answer.(*sending)
	if s.out {
		return nil
	}
	t.Human = false
	return b.p.Codes.Send(ctx, tx, t.ID, &t.Sent, s.code, t.Locale, int64(t.Account))
}

func (b byCode) Show(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	s, err := b.p.Codes.Show(ctx, q, &t.Sent, t.Now)
	s.Inputs = []string{"code", "resend", "other_way"}
	s.Why, s.Reason = t.Why(), t.reason()
	return s, err
}

func (b byCode) Moves() map[string]Move {
	return map[string]Move{
		"code": {Takes: []string{"code"}, Count: b.try, Apply: b.burn,
			NeedsAsk: func(t *Turn) bool { return b.p.AsksHistory(&t.Sent) },
			Ask: func(ctx context.Context, t *Turn) error {
				b.p.AskHistory(ctx, &t.Sent, t.Answer.(*Taken))
				return nil
			}},
		"resend": {Count: b.resend, Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
			if t.Captcha != nil {
				return nil
			}
			return b.Begin(ctx, tx, t)
		}},
	}
}

func (b byCode) try(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	from, err := b.p.Source(ctx, tx, t)
	if err != nil {
		return err
	}
	t.Answer = &Taken{From: from}
	err = b.p.Codes.Try(ctx, tx, t.ID, &t.Sent, t.Input.Code, from)
	if CodeWrong.Is(err) && t.Sent.Newest().Tries >= b.p.Codes.Limits().Tries {
		if err := b.p.Audit.Write(ctx, tx, audit.Entry{AccountID: t.Account, Kind: audit.CodesExhausted, Details: t.Where()}); err != nil {
			return err
		}
		if err := b.p.Notices.FailedAttempts(ctx, tx, t.Account); err != nil {
			return err
		}
	}
	return err
}

// burn uses the code up. A contact that changed hands meanwhile proves nothing.
func (b byCode) burn(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	address := t.Sent.Newest().Address
	contacts, err := b.p.contacts(ctx, tx, t)
	if err != nil {
		return err
	}
	have, _ := contact.Of(contacts, b.kind)
	taken := t.Answer.(*Taken)
	t.History = taken.History
	if err := b.p.notice(ctx, tx, t); err != nil { // before this code makes the number look alive
		return err
	}
	if err := b.p.Codes.Burn(ctx, tx, &t.Sent, taken.From); err != nil {
		return err
	}
	if have.Address != address {
		t.Method = ""
		t.Refuse(MethodUnavailable.With("reason", "changed"))
		return nil
	}
	if t.AsOf.IsZero() && !slices.Contains(t.Risk.Doubted, b.method) { // what is doubted does not end the doubt (S-80)
		err = b.p.Contacts.Proved(ctx, tx, t.Account, b.kind)
	}
	if err != nil {
		return err
	}
	t.Prove(b.method, false)
	return nil
}

// resend sends another code to where the last one went.
func (b byCode) resend(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	last := t.Sent.Newest()
	if at := b.p.Codes.ResendAt(&t.Sent, last.Channel, last.Subject); t.Now.Before(at) {
		return CodesLimited.With("limit", "destination").Until(at)
	}
	return b.spend(ctx, tx, t, Code{Purpose: last.Purpose, Channel: last.Channel, Address: last.Address,
		Country: last.Country, Subject: last.Subject, Shown: last.Shown, Hidden: last.Hidden})
}
