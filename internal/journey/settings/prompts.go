package settings

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Prompt is the question that this session may answer now; nil: none is asked.
func (h *House) Prompt(ctx context.Context, l *session.Live) (*prompt.Prompt, error) {
	p, there, err := h.Prompts.Pending(ctx, h.DB, l)
	if err != nil || !there {
		return nil, err
	}
	return &p, nil
}

// AnswerPrompt answers a question in this session, which must stand still (S-171).
// It is approved with the right number only.
func (h *House) AnswerPrompt(ctx context.Context, l *session.Live, id, number string, approve bool) (state prompt.State, err error) {
	err = h.act(ctx, l, func(tx *sqldb.Tx) (err error) {
		state, err = h.Prompts.Answer(ctx, tx, l, id, number, approve)
		return err
	})
	return state, err
}
