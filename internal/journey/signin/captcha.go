package signin

import (
	"context"
	"crypto/subtle"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

func (h *House) showCaptcha(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	return h.Captchas.Show(c.ID, c.Facts.Captcha, c.Now)
}

// answerCaptcha judges an answer. Right or wrong, the captcha is used up; a
// wrong answer gets a fresh one (S-179).
func (h *House) answerCaptcha() flow.Move[facts] {
	return flow.Move[facts]{
		Takes: []string{"answer"},
		Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			f := c.Facts
			asked := f.Captcha
			if !h.Captchas.Judge(c.ID, asked, c.Input.Answer, c.Now) {
				fresh, err := h.Captchas.Ask(asked.Reason, asked.Level, c.Now)
				if err != nil {
					return err
				}
				f.Captcha = fresh
				return proof.CaptchaWrong.On("answer")
			}
			f.Captcha, f.Human = nil, true
			if f.Wanted == "" {
				return nil
			}
			s, err := h.wanted(ctx, tx, c)
			if err != nil {
				return err
			}
			f.Wanted = ""
			return h.countSend(ctx, tx, c, s)
		},
		Apply: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
			if s, ok := c.Answer.(*sending); ok {
				return h.send(ctx, tx, c, s)
			}
			return nil
		},
	}
}

// wanted is the send that waited for the captcha.
func (h *House) wanted(ctx context.Context, q sqldb.Querier, c *call) (sending, error) {
	f := c.Facts
	if f.Adding != "" {
		return sending{method: f.Wanted, purpose: purposeContact, phone: f.AddPhone, email: f.AddEmail, account: f.Account}, nil
	}
	return h.destination(ctx, q, f, f.Wanted)
}

// refreshCaptcha gives another picture, and makes it a picture for those for
// whom the work does not run.
func (h *House) refreshCaptcha() flow.Move[facts] {
	return flow.Move[facts]{Count: func(ctx context.Context, tx *sqldb.Tx, c *call) error {
		fresh, err := h.Captchas.Ask(c.Facts.Captcha.Reason, c.Facts.Captcha.Level, c.Now)
		if err == nil {
			c.Facts.Captcha = fresh
		}
		return err
	}}
}

// Picture finds the secrets of the picture that nonce names in a journey, and
// the language of its sound.
func Picture(ctx context.Context, r *flow.Runner, id, nonce string) (captcha.Secrets, string, error) {
	f, err := flow.Facts[facts](ctx, r, id)
	if err != nil {
		return captcha.Secrets{}, "", err
	}
	if f.Captcha == nil || subtle.ConstantTimeCompare([]byte(f.Captcha.Nonce), []byte(nonce)) != 1 {
		return captcha.Secrets{}, "", fault.NotFound
	}
	return f.Captcha.Picture, string(f.Locale), nil
}
