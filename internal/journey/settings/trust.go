package settings

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// SetTrust makes a device skip the second step for 90 days, or no longer. Trust is
// given on the device itself, by who has just shown enough for it; it is taken from
// any device, at any time. A stranger's device and a missing one are both not
// found (S-62).
func (h *House) SetTrust(ctx context.Context, l *session.Live, deviceID string, trusted bool) error {
	if trusted && deviceID == l.DeviceID {
		if err := h.allow(ctx, l, policy.TrustDevice); err != nil {
			return err
		}
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		d, err := h.Devices.Load(ctx, tx, l.AccountID, deviceID)
		switch {
		case errors.Is(err, sqldb.ErrNone):
			return fault.NotFound
		case err != nil:
			return err
		case trusted && deviceID != l.DeviceID:
			return TrustedElsewhere
		case !trusted && d.TrustedUntil.IsZero():
			return nil
		}
		e, until := h.entry(l, audit.DeviceTrusted), tx.Now().Add(device.TrustFor)
		if !trusted {
			e.Kind, until = audit.DeviceDistrusted, time.Time{}
			e.Details = map[string]string{"device": d.Name, "place": d.Place} // which one, not from where
		}
		if _, err := h.Devices.Trust(ctx, tx, l.AccountID, deviceID, until); err != nil {
			return err
		}
		return h.Audit.Write(ctx, tx, e)
	})
}

// TrustHere trusts the device of a session that has just begun.
func (h *House) TrustHere(ctx context.Context, token string) error {
	l, err := h.Live(ctx, token)
	if err != nil {
		return err
	}
	return h.SetTrust(ctx, l, l.DeviceID, true)
}
