package recovery_test

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// objects is what a link of a notice does to what waits.
func objects(p *towntest.Person, changeID string) {
	p.Helper()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		won, err := p.Recovery.Changes.Settle(ctx, tx, p.ID, changeID, change.Waiting, change.Objected)
		if !won {
			p.Errorf("there was nothing to object to: %v", err)
		}
		return err
	})
}

func subject(value string) []link.Subject {
	return []link.Subject{{Scope: "global", Value: value}}
}

// links links somebody's account at a provider to a person's.
func links(p *towntest.Person, provider, value string) {
	p.Helper()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		if won, err := p.Recovery.Links.Claim(ctx, tx, provider, subject(value), p.ID); err != nil || !won {
			p.Fatalf("claiming %s of %s: %v, %v", value, provider, won, err)
		}
		return p.Recovery.Links.Add(ctx, tx, p.ID, link.Link{Provider: provider, Subjects: subject(value)})
	})
}

func block(p *towntest.Person) {
	p.Helper()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := p.Freeze.Apply(ctx, tx, p.ID, account.Cause{Event: account.Block, By: account.Operator, Reason: "Spam"}, nil)
		return err
	})
}
