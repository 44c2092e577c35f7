package recovery_test

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/change"
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

func block(p *towntest.Person) {
	p.Helper()
	p.Do(func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := p.Freeze.Apply(ctx, tx, p.ID, account.Cause{Event: account.Block, By: account.Operator, Reason: "Spam"}, nil)
		return err
	})
}
