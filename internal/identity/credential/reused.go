package credential

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// PasswordReused refuses a password that the account has or had. Its argument
// since tells when it was set, if it is the present one, and replaced_at when it
// was replaced. It is for people who have proved who they are: it confirms what it
// is asked (S-26).
var PasswordReused = fault.Declare("password_reused", 422, choosing)

// Fresh refuses a new password that is the present one or one of those remembered.
// It takes up to six hashes, and is asked only after enough was proved.
func (p *Passwords) Fresh(ctx context.Context, s Stored, password string) error {
	same, err := p.Check(ctx, Stored{id: s.id, isSet: s.isSet, setAt: s.setAt, sealed: s.sealed, hash: s.hash}, password)
	if err != nil {
		return err
	}
	if same.Right {
		return PasswordReused.On("password").With("since", s.setAt)
	}
	at, was, err := p.CheckEarlier(ctx, s, password)
	if err == nil && was {
		err = PasswordReused.On("password").With("replaced_at", at)
	}
	return err
}
