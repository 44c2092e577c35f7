package proof

import (
	"context"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
)

// Show makes the step of the newest code that is out, without its inputs.
func (c *Codes) Show(ctx context.Context, q sqldb.Querier, s *Sent, now time.Time) (step.Code, error) {
	code := s.Newest()
	if code == nil {
		return step.Code{}, fmt.Errorf("proof: at the code step without a code")
	}
	out := step.Code{
		Head:    step.Head{Type: step.TypeCode},
		Channel: string(code.Channel), To: code.Shown, Length: c.limits.Length,
		ExpiresAt: code.ExpiresAt, SentAt: code.SentAt, ResendAt: c.ResendAt(s, code.Channel, code.Subject),
		Sends: len(s.Codes), TriesLeft: max(0, c.limits.Tries-code.Tries),
		Delivery: step.Delivery{State: courier.Queued, At: code.SentAt},
	}
	if code.SentAt.Equal(now) {
		return out, nil
	}
	if code.Hidden { // how far it comes would tell whether it goes anywhere
		out.Delivery.State = courier.Sent
		return out, nil
	}
	d, err := c.courier.Delivery(ctx, q, code.MessageID)
	out.Delivery = step.Delivery{State: d.State, Reason: d.Reason, At: d.At}
	if d.At.IsZero() {
		out.Delivery.At = code.SentAt
	}
	return out, err
}
