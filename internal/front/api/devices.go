package api

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type deviceView struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind" enum:"phone,tablet,computer,browser,tv,other"`
	Place     string    `json:"place,omitempty" doc:"Approximate, of the last sign-in."`
	Current   bool      `json:"current" doc:"The device of this session."`
	SignedIn  bool      `json:"signed_in"`
	CreatedAt time.Time `json:"created_at" doc:"When the account met it."`
	UsedAt    time.Time `json:"used_at" doc:"Last use, to ten minutes."`
	// TrustedUntil is missing where the device asks for the second step.
	TrustedUntil *time.Time `json:"trusted_until,omitempty" doc:"Until when it skips the second step; missing if it does not."`
}

type devicesView struct {
	Devices []deviceView `json:"devices" doc:"The present one first, then the latest used."`
}

type endedView struct {
	Ended int `json:"ended" minimum:"0" doc:"How many sessions ended."`
}

type deviceHandle struct {
	ID string `path:"id" doc:"The device's id."`
}

func (a *api) devices() {
	const tag = "Devices"
	ask(a, call{id: "list-devices", method: http.MethodGet, path: "/api/v1/devices", tag: tag, session: true,
		summary: "Devices that know the account", examples: devicesExamples}, a.listDevices)
	do(a, call{id: "remove-device", method: http.MethodDelete, path: "/api/v1/devices/{id}", tag: tag, session: true,
		summary: "Sign a device out and forget it",
		about:   "Its session ends at once on every node; at its next sign-in it is a new device. The present device can be removed too.",
		repeat:  "Answers not_found: it is gone.",
		refuses: []*fault.Fault{fault.NotFound}},
		func(ctx context.Context, l *session.Live, in *deviceHandle) error {
			if !isName(in.ID) {
				return fault.NotFound
			}
			return a.Settings.RemoveDevice(ctx, l, in.ID)
		})
	ask(a, call{id: "sign-out-others", method: http.MethodPost, path: "/api/v1/devices/sign-out-others", tag: tag, session: true,
		summary: "Sign out all other devices",
		about:   "Their sessions end at once on every node, and the account forgets them.",
		repeat:  "Answers that none ended.", examples: endedExamples},
		func(ctx context.Context, l *session.Live, _ *none) (*endedView, error) {
			n, err := a.Settings.SignOutOthers(ctx, l)
			return &endedView{n}, err
		})
}

func (a *api) listDevices(ctx context.Context, l *session.Live, _ *none) (*devicesView, error) {
	list, err := a.Settings.ListDevices(ctx, l)
	if err != nil {
		return nil, err
	}
	v := &devicesView{make([]deviceView, 0, len(list))}
	for _, d := range list {
		v.Devices = append(v.Devices, deviceView{d.ID, d.Name, d.Kind, d.Place, d.Current, d.SignedIn, d.CreatedAt, d.UsedAt, trustedUntil(d)})
	}
	return v, nil
}

// trustedUntil is the end of trust that still lasts.
func trustedUntil(d settings.Device) *time.Time {
	if !d.Trusts {
		return nil
	}
	return &d.TrustedUntil
}
