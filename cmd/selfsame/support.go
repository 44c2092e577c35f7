package main

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// findAccount reads an account ID as it is typed, and the account.
func (b *site) findAccount(ctx context.Context, text string) (account.Account, error) {
	id, ok := account.ReadID(text)
	if !ok {
		return account.Account{}, errors.New("this is not an account ID: it has 12 digits, and the last one checks the others")
	}
	a, err := b.accounts.Load(ctx, b.db, id)
	if errors.Is(err, sqldb.ErrNone) {
		return a, errors.New("there is no account with this ID")
	}
	return a, err
}

// showAccount answers what support may see.
func (b *site) showAccount(ctx context.Context, text string) (accountShown, error) {
	a, err := b.findAccount(ctx, text)
	if err != nil {
		return accountShown{}, err
	}
	s := accountShown{ID: a.ID.String(), State: string(a.State), Region: a.Region, Nickname: a.Nickname, CreatedAt: a.CreatedAt.Format(time.RFC3339)}
	contacts, err := b.contacts.List(ctx, b.db, a.ID)
	if err != nil {
		return s, err
	}
	if c, ok := contact.Of(contacts, contact.Phone); ok {
		s.Phone = numbers.Mask(c.Address)
	}
	if c, ok := contact.Of(contacts, contact.Email); ok {
		s.Email = email.Mask(c.Address)
	}
	stored, err := b.passwords.Load(ctx, b.db, a.ID)
	if err != nil {
		return s, err
	}
	s.Password = stored.IsSet()
	live, err := b.sessions.Devices(ctx, b.db, a.ID)
	s.Sessions = len(live)
	return s, err
}

// signOut ends all sessions of an account, on every node at once, and says so
// in its activity.
func (b *site) signOut(ctx context.Context, text string) (ended int, err error) {
	a, err := b.findAccount(ctx, text)
	if err != nil {
		return 0, err
	}
	err = b.db.InTx(ctx, func(tx *sqldb.Tx) error {
		n, err := b.sessions.EndOthers(ctx, tx, a.ID, "")
		if err != nil {
			return err
		}
		ended = int(n)
		return b.audit.Write(ctx, tx, audit.Entry{AccountID: a.ID, Kind: audit.OperatorSignOut})
	})
	return ended, err
}

// seedStep is how many accounts one transaction makes.
const seedStep = 500

// seed makes n accounts as load tests want them: a phone each, and nothing that
// costs a hash.
func (b *site) seed(ctx context.Context, n int, tell func(made int)) error {
	for made := 0; made < n; {
		step := min(seedStep, n-made)
		err := b.db.InTx(ctx, func(tx *sqldb.Tx) error {
			for i := range step {
				if err := b.seedOne(ctx, tx, made+i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		made += step
		tell(made)
	}
	return nil
}

// seedOne makes one account; a number that is taken by an earlier seed is passed over.
func (b *site) seedOne(ctx context.Context, tx *sqldb.Tx, n int) error {
	phone := seedPhone(n)
	id := account.NewID()
	won, err := b.contacts.Claim(ctx, tx, contact.Phone, phone, id)
	if err != nil || !won {
		return err
	}
	err = b.accounts.Create(ctx, tx, account.Account{ID: id, Region: b.regions.All()[0].Name, Locale: "en"})
	if errors.Is(err, account.ErrTaken) {
		return sqldb.ErrAgain // with other numbers: among a million some meet
	}
	if err != nil {
		return err
	}
	return b.contacts.Add(ctx, tx, id, contact.Phone, phone)
}

// seedPhone is the n-th synthetic number: +86 190 0000 0000 and up, a mobile
// range that is real in form.
func seedPhone(n int) string {
	digits := []byte("+8619000000000")
	for i := len(digits) - 1; n > 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	return string(digits)
}
