package proof

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Ask begins a method that a journey wants beyond what the policy asks for, such
// as a code to the contact that is about to be replaced. It runs in Apply; where a
// limit stops it the person is told, and chooses.
func (p *Prover) Ask(ctx context.Context, tx *sqldb.Tx, t *Turn, m policy.Method) error {
	t.Ready = false
	return p.begin(ctx, tx, t, m)
}
