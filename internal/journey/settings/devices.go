package settings

import (
	"context"
	"errors"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Device is a device as its list shows it.
type Device struct {
	device.Device
	Current  bool
	SignedIn bool
	Trusts   bool // it skips the second step now
}

// ListDevices lists the devices of the account, the present one first.
func (h *House) ListDevices(ctx context.Context, l *session.Live) ([]Device, error) {
	list, err := h.Devices.List(ctx, h.DB, l.AccountID)
	if err != nil {
		return nil, err
	}
	live, err := h.Sessions.Devices(ctx, h.DB, l.AccountID)
	if err != nil {
		return nil, err
	}
	out := make([]Device, 0, len(list))
	for _, d := range list {
		used, in := live[d.ID]
		if in && used.After(d.UsedAt) {
			d.UsedAt = used
		}
		out = append(out, Device{Device: d, Current: d.ID == l.DeviceID, SignedIn: in, Trusts: d.Trusted(h.DB.Now())})
	}
	slices.SortStableFunc(out, func(a, b Device) int {
		switch {
		case a.Current == b.Current:
			return 0
		case a.Current:
			return -1
		}
		return 1
	})
	return out, nil
}

// SignOut ends the present session. The device stays known. Who is signed out
// already is signed out: nothing stands in the way of leaving.
func (h *House) SignOut(ctx context.Context, l *session.Live) error {
	return h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		ended, err := h.Sessions.End(ctx, tx, l.AccountID, l.ID)
		if err != nil || !ended { // several at once, or again after a lost answer: it is told once
			return err
		}
		return h.Audit.Write(ctx, tx, h.entry(l, audit.SignedOut))
	})
}

// RemoveDevice signs a device out and forgets it: it is a new device from now
// on. A stranger's device and a missing one are both not found (S-62).
func (h *House) RemoveDevice(ctx context.Context, l *session.Live, deviceID string) error {
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		d, err := h.Devices.Load(ctx, tx, l.AccountID, deviceID)
		if errors.Is(err, sqldb.ErrNone) {
			return fault.NotFound
		}
		if err != nil {
			return err
		}
		if err := h.Sessions.EndDevice(ctx, tx, l.AccountID, deviceID); err != nil {
			return err
		}
		if _, err := h.Devices.Forget(ctx, tx, l.AccountID, deviceID); err != nil {
			return err
		}
		e := h.entry(l, audit.DeviceRemoved)
		e.Details = map[string]string{"device": d.Name, "place": d.Place} // which one, not from where
		return h.Audit.Write(ctx, tx, e)
	})
}

// SignOutOthers ends every session but those of the present device, and forgets
// the other devices. It answers how many sessions ended.
func (h *House) SignOutOthers(ctx context.Context, l *session.Live) (ended int, err error) {
	err = h.act(ctx, l, func(tx *sqldb.Tx) error {
		if _, err := h.sawOthersEnd(ctx, tx, l); err != nil {
			return err
		}
		n, err := h.endOthers(ctx, tx, l)
		ended = n
		if err != nil {
			return err
		}
		return h.Audit.Write(ctx, tx, h.entry(l, audit.OthersSignedOut))
	})
	return ended, err
}

func (h *House) endOthers(ctx context.Context, tx *sqldb.Tx, l *session.Live) (int, error) {
	n, err := h.Sessions.EndOthers(ctx, tx, l.AccountID, l.DeviceID)
	if err != nil {
		return 0, err
	}
	return int(n), h.Devices.ForgetOthers(ctx, tx, l.AccountID, l.DeviceID)
}

// sawOthersEnd tells the watch that one device signs out all others, before it
// does: the watch looks at devices that are forgotten then. It may freeze the
// account, which ends every session. It answers the names of the others.
func (h *House) sawOthersEnd(ctx context.Context, tx *sqldb.Tx, l *session.Live) (names []string, err error) {
	live, err := h.Sessions.Devices(ctx, tx, l.AccountID)
	if err != nil {
		return nil, err
	}
	list, err := h.Devices.List(ctx, tx, l.AccountID)
	if err != nil {
		return nil, err
	}
	others := 0
	for _, d := range list {
		if _, in := live[d.ID]; !in || d.ID == l.DeviceID {
			continue
		}
		if others++; d.Name != "" {
			names = append(names, d.Name)
		}
	}
	if others == 0 {
		return nil, nil
	}
	where := map[string]string{"device": l.Device.Name, "place": l.Device.Place}
	_, err = proof.Saw(ctx, tx, h.Watch, l.Account, proof.Sight{Event: proof.OthersSignedOut, Device: l.DeviceID, Where: where})
	return names, err
}
