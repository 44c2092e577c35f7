package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

func (h *House) showNewPassword(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return step.NewPassword{Head: step.Head{Type: step.TypeNewPassword, Inputs: []string{"new_password"}},
		MinLength: h.Rules.MinLength, MaxLength: h.Rules.MaxLength, Username: email.Mask(c.Facts.Typed.Value)}, nil
}

// setPassword makes the account of a proved e-mail, with its password.
func (h *House) setPassword() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"password"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error { return h.recent(c) },
		Ask: func(ctx context.Context, c *call) error {
			if err := h.Passwords.Judge(ctx, c.Input.Password, h.Brand, c.Facts.Typed.Value); err != nil {
				return err
			}
			hashed, err := h.Passwords.Hash(ctx, c.Input.Password)
			c.Answer = hashed
			return err
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			c.Facts.NewPassword = false
			return h.create(ctx, tx, c, contact.Email, c.Facts.Typed.Value, c.Answer.(credential.Hashed))
		},
	}
}
