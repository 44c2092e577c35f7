package proof

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

// Captcha is a captcha that a journey asks for. It stands in the facts; once
// it was answered it is gone, right or wrong (S-179).
type Captcha struct {
	Reason  string          `json:"reason"` // tries, network
	Level   int             `json:"level"`  // 1: work or a picture; 2: a picture
	Nonce   string          `json:"nonce"`  // names the picture in its address, and opens nothing
	Picture captcha.Secrets `json:"picture"`
}

// captchaLife is how long a challenge of work is good.
const captchaLife = 20 * time.Minute

// Captchas makes and judges captchas.
type Captchas struct {
	key        []byte
	difficulty int
}

// NewCaptchas makes Captchas. difficulty is the cost of the work at level 1.
func NewCaptchas(ring *seal.Ring, difficulty int) *Captchas {
	return &Captchas{ring.Key("captcha"), difficulty}
}

// Ask makes a fresh captcha. It is cheap enough for a transaction: the work
// is made when it is shown, the picture when it is looked at.
func (c *Captchas) Ask(reason string, level int, now time.Time) (*Captcha, error) {
	secrets, err := captcha.NewPicture()
	return &Captcha{Reason: reason, Level: level, Nonce: randid.ID(now), Picture: secrets}, err
}

// Judge tells whether answer solves the captcha: the solved work, or the
// characters of the picture or of its sound.
func (c *Captchas) Judge(journey string, asked *Captcha, answer string, now time.Time) bool {
	if asked.Level < 2 && captcha.CheckWork(c.key, journey+asked.Nonce, answer, now) == nil {
		return true
	}
	return captcha.CheckPicture(asked.Picture, answer)
}

// Show makes the step of a captcha.
func (c *Captchas) Show(journey string, asked *Captcha, now time.Time) (step.Captcha, error) {
	base := "/captcha/" + journey + "/" + asked.Nonce
	out := step.Captcha{
		Head:  step.Head{Type: step.TypeCaptcha, Inputs: []string{"captcha", "refresh"}},
		Kind:  "picture",
		Image: base + ".png", Audio: base + ".wav", Reason: asked.Reason,
	}
	if asked.Level > 1 {
		return out, nil
	}
	work, err := captcha.NewWork(c.key, journey+asked.Nonce, c.difficulty, now.Add(captchaLife))
	out.Kind, out.Challenge = "work", work
	return out, err
}

// Picture finds the secrets of the picture that nonce names in a journey of any
// kind, and the language of its sound.
func Picture(ctx context.Context, r *flow.Runner, id, nonce string) (captcha.Secrets, string, error) {
	f, err := flow.Facts[holding](ctx, r, id)
	if err != nil {
		return captcha.Secrets{}, "", err
	}
	if f.Captcha == nil && f.Inside != nil {
		f.Proving = *f.Inside
	}
	if f.Captcha == nil || subtle.ConstantTimeCompare([]byte(f.Captcha.Nonce), []byte(nonce)) != 1 {
		return captcha.Secrets{}, "", fault.NotFound
	}
	return f.Captcha.Picture, string(f.Locale), nil
}

// holding is how the facts of a journey hold a Proving: as a part of them, or by name.
type holding struct {
	Proving
	Inside *Proving `json:"proving"`
}
