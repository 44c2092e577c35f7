package proof

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Passkeys proves an account by one of its passkeys. As Means it is the step
// passkey, for an account that is known or was named. A journey that knows nobody
// yet takes a passkey as the answer to "which account?" with four calls:
//
//	Begin            facts.Proving.Held = keys.Fresh()
//	Show, identify   step.Passkey = keys.Options(c.ID, facts.Proving.Held, c.Now)
//	Count, passkey   found, err := keys.Discover(ctx, tx, proof.NewTurn(c, &facts.Proving)); c.Answer = found
//	Apply, passkey   begin the Proving for found.Account, then keys.Accept(ctx, tx, turn, found), then Prover.Continue
//
// The input takes the field credential. Discover puts a fresh challenge into
// Held, so a refusal can be answered with the step as it is; a journey that comes
// back to identify sets Held anew.
type Passkeys struct {
	p       *Prover
	stored  *passkey.Store
	party   *passkey.Party
	notices *Notices
}

// ByPasskey proves by a passkey.
func ByPasskey(p *Prover, stored *passkey.Store, party *passkey.Party, notices *Notices) *Passkeys {
	return &Passkeys{p, stored, party, notices}
}

// Method is passkey.
func (b *Passkeys) Method() policy.Method { return policy.Passkey }

// Step is passkey.
func (b *Passkeys) Step() step.Type { return step.TypePasskey }

// Ways tells of all passkeys as one way, as old as the oldest that works: the
// proof itself says how old the one is that was used. A passkey whose counter fell
// is none.
func (b *Passkeys) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	keys, err := b.working(ctx, q, id)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	return []policy.Way{{Method: policy.Passkey, Since: keys[0].CreatedAt}}, nil
}

// working lists the passkeys of an account that prove something, the oldest first.
func (b *Passkeys) working(ctx context.Context, q sqldb.Querier, id account.ID) ([]passkey.Key, error) {
	keys, err := b.stored.List(ctx, q, id)
	return slices.DeleteFunc(keys, func(k passkey.Key) bool { return !k.Works() }), err
}

// Choose costs nothing: there is nothing to guess, and nothing is sent.
func (b *Passkeys) Choose(context.Context, *sqldb.Tx, *Turn) error { return nil }

// Begin makes the challenge.
func (b *Passkeys) Begin(_ context.Context, _ *sqldb.Tx, t *Turn) error {
	t.Held = b.Fresh()
	return nil
}

// Fresh is what a journey keeps in its sealed facts to show challenges from.
func (b *Passkeys) Fresh() json.RawMessage {
	return json.RawMessage(`{"secret":"` + base64.StdEncoding.EncodeToString(passkey.NewChallenge().Secret) + `"}`)
}

// take takes what is held away, right or wrong, and leaves a fresh one (S-30).
func (b *Passkeys) take(t *Turn) (c passkey.Challenge) {
	if err := json.Unmarshal(t.Held, &c); err != nil {
		c = passkey.Challenge{} // nothing was shown: nothing is right
	}
	t.Held = b.Fresh()
	return c
}

// Options asks for any passkey of this site, for the journey with this id at a step
// where nobody is known (S-34); nil if nothing is held. The challenge lives five
// minutes; showing the step again makes another and writes nothing.
func (b *Passkeys) Options(journey string, held json.RawMessage, now time.Time) *passkey.RequestOptions {
	var c passkey.Challenge
	if json.Unmarshal(held, &c) != nil || len(c.Secret) == 0 {
		return nil
	}
	o := b.party.Request(c.At(passkey.SignIn, journey, now), nil)
	return &o
}

// Show asks for one of the account's passkeys; while the journey is blind for any,
// and nothing tells whether the account has one, or is there at all (S-34).
func (b *Passkeys) Show(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	var c passkey.Challenge
	if err := json.Unmarshal(t.Held, &c); err != nil {
		return nil, err
	}
	var keys []passkey.Key
	if !t.Blind() {
		var err error
		if keys, err = b.working(ctx, q, t.Account); err != nil {
			return nil, err
		}
	}
	return step.Passkey{
		Head:    step.Head{Type: step.TypePasskey, Inputs: []string{"passkey", "other_way"}},
		Options: b.party.Request(c.At(passkey.StepUp, bound(t), t.Now), keys), Why: t.Why(),
	}, nil
}

// bound is what the challenge of a turn is bound to, beside the purpose.
func bound(t *Turn) string { return t.ID + "\x00" + string(t.Action) + "\x00" + t.Account.String() }

// Moves are its inputs.
func (b *Passkeys) Moves() map[string]Move {
	return map[string]Move{"passkey": {Takes: []string{"credential"}, Count: b.try,
		Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error { return b.Accept(ctx, tx, t, t.Answer.(*Found)) }}}
}

// Found is a passkey that was right, before its use is written down.
type Found struct {
	Account account.ID
	key     passkey.Key
	use     passkey.Use
}

// try judges an answer. The challenge is gone and the try is charged whatever
// comes of it; that the account is another's, that there is none and that the
// signature is wrong read the same (S-33, S-34).
func (b *Passkeys) try(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	held := b.take(t)
	if err := b.p.SpendTry(ctx, tx, t, policy.Passkey); err != nil {
		return err
	}
	a, err := passkey.ReadAssertion(t.Input.Credential)
	if err != nil {
		return err
	}
	found, err := b.judge(ctx, tx, a, func(challenge []byte) bool { return held.Right(passkey.StepUp, bound(t), t.Now, challenge) })
	if err != nil {
		return err
	}
	if found.Account != t.Account {
		return passkey.Invalid
	}
	t.Answer = found
	return nil
}

// Discover finds the account that a passkey opens, for a journey that knows nobody
// yet. It runs in Count; the challenge is gone whatever comes of it. What it finds
// is for Accept.
func (b *Passkeys) Discover(ctx context.Context, tx *sqldb.Tx, t *Turn) (*Found, error) {
	held := b.take(t)
	a, err := passkey.ReadAssertion(t.Input.Credential)
	if err != nil {
		return nil, err
	}
	// Tries are counted by what is named, as everywhere; a credential id is 16
	// random bytes or more, so nobody fills another's counter by guessing.
	named := *t
	named.Proving = &Proving{Device: t.Device, Subject: "passkey\x00" + string(a.CredentialID)}
	if err := b.p.SpendTry(ctx, tx, &named, policy.Passkey); err != nil {
		return nil, err
	}
	found, err := b.judge(ctx, tx, a, func(challenge []byte) bool { return held.Right(passkey.SignIn, t.ID, t.Now, challenge) })
	if err != nil {
		return nil, err
	}
	if len(a.UserHandle) == 0 { // WebAuthn Level 3 section 7.2, step 6: nobody was known before
		return nil, passkey.Invalid
	}
	return found, b.p.ClearTries(ctx, tx, &named, policy.Passkey)
}

// judge finds the passkey of an assertion and checks it. It reads the same rows
// whether there is such a passkey or not.
func (b *Passkeys) judge(ctx context.Context, q sqldb.Querier, a *passkey.Assertion, right func([]byte) bool) (*Found, error) {
	id, key, err := b.stored.Find(ctx, q, a.CredentialID)
	if err != nil && !errors.Is(err, sqldb.ErrNone) {
		return nil, err
	}
	there := err == nil
	holder, err := b.stored.Holder(ctx, q, a.UserHandle)
	if err != nil {
		return nil, err
	}
	if !there || !key.Works() || len(a.UserHandle) > 0 && holder != id {
		return nil, passkey.Invalid
	}
	use, err := b.party.Judge(a, key, right)
	if err != nil {
		return nil, err
	}
	return &Found{id, key, use}, nil
}

// Accept writes the use of a passkey that was found right and proves the account
// of the turn with it. If its counter did not grow, a copy of the key may be about
// (S-33): the passkey proves nothing from then on, its owner is told by every
// contact, and the answer is a refusal like any other. It runs in Apply.
func (b *Passkeys) Accept(ctx context.Context, tx *sqldb.Tx, t *Turn, f *Found) error {
	if f.use.Fell {
		return b.suspect(ctx, tx, t, f)
	}
	won, err := b.stored.Used(ctx, tx, f.Account, f.key.ID, f.use)
	if err != nil {
		return err
	}
	if !won {
		now, err := b.stored.Load(ctx, tx, f.Account, f.key.ID)
		switch {
		case err == nil && now.Works():
			return b.suspect(ctx, tx, t, f) // another use with the same count was quicker
		case err == nil || errors.Is(err, sqldb.ErrNone):
			return passkey.Invalid
		}
		return err
	}
	if err := b.p.ClearTries(ctx, tx, t, policy.Passkey); err != nil {
		return err
	}
	t.Prove(policy.Passkey, f.use.Verified)
	last := &t.Proving.Proved[len(t.Proving.Proved)-1]
	last.Key, last.Since = f.key.ID, f.key.CreatedAt
	return nil
}

func (b *Passkeys) suspect(ctx context.Context, tx *sqldb.Tx, t *Turn, f *Found) error {
	t.Refuse(passkey.Invalid)
	first, err := b.stored.Suspect(ctx, tx, f.Account, f.key.ID)
	if err != nil || !first {
		return err
	}
	who, err := b.p.Accounts.Load(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	contacts, err := b.p.Contacts.List(ctx, tx, f.Account)
	if err != nil {
		return err
	}
	where := t.Where()
	if err := b.notices.Tell(ctx, tx, who, contacts, nil, "notice_passkey_suspect", where["device"], where["place"]); err != nil {
		return err
	}
	if f.key.Name != "" {
		where["passkey"] = f.key.Name
	}
	return b.p.Audit.Write(ctx, tx, audit.Entry{AccountID: f.Account, Kind: audit.PasskeySuspect, Details: where})
}
