package signin

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

func (h *House) showCaptcha(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return h.Captchas.Show(c.ID, c.Facts.Captcha, c.Now)
}

// answerCaptcha judges an answer. Right or wrong, the captcha is used up; a
// wrong answer gets a fresh one (S-179). Then the code that waited for it goes.
func (h *House) answerCaptcha() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"answer"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f := c.Facts
			asked, wanted := f.Captcha, f.Waiting
			if !h.Captchas.Judge(c.ID, asked, c.Input.Answer, c.Now) {
				if err := h.freshCaptcha(c); err != nil {
					return err
				}
				return proof.CaptchaWrong.On("answer")
			}
			f.Captcha, f.Waiting, f.Human = nil, nil, true
			if wanted == nil {
				return nil
			}
			if err := h.recent(c); err != nil {
				return err
			}
			return h.countSend(ctx, tx, c, wanted)
		},
		NeedsAsk: h.needsNumber,
		Ask:      h.askNumber,
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if s, ok := c.Answer.(*sending); ok {
				return h.send(ctx, tx, c, s)
			}
			return nil
		},
	}
}

func (h *House) freshCaptcha(c *call) (err error) {
	asked := c.Facts.Captcha
	c.Facts.Captcha, err = h.Captchas.Ask(asked.Reason, asked.Level, c.Now)
	return err
}

// refreshCaptcha gives another one of the same kind.
func (h *House) refreshCaptcha() flow.Move[facts] {
	return flow.Move[facts]{Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error { return h.freshCaptcha(c) }}
}
