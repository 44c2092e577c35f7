package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

type deviceOut struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`
	Place     string    `json:"place,omitempty" doc:"Approximate."`
	Current   bool      `json:"current" doc:"The device of this session."`
	SignedIn  bool      `json:"signed_in"`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
}

type devicesOut struct {
	Body struct {
		Devices []deviceOut `json:"devices"`
	}
}

type endedOut struct {
	Body struct {
		Ended int `json:"ended" doc:"How many sessions ended."`
	}
}

func (a *api) devices() {
	tags := []string{"Devices"}
	op(a, withSession(huma.Operation{OperationID: "list-devices", Method: http.MethodGet, Path: "/api/v1/devices", Tags: tags, Summary: "Devices that know the account"}),
		func(ctx context.Context, _ *struct{}) (*devicesOut, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			list, err := a.Settings.ListDevices(ctx, l)
			if err != nil {
				return nil, err
			}
			o := &devicesOut{}
			o.Body.Devices = make([]deviceOut, 0, len(list))
			for _, d := range list {
				o.Body.Devices = append(o.Body.Devices, deviceOut{d.ID, d.Name, d.Kind, d.Place, d.Current, d.SignedIn, d.CreatedAt, d.UsedAt})
			}
			return o, nil
		})
	op(a, withSession(huma.Operation{OperationID: "remove-device", Method: http.MethodDelete, Path: "/api/v1/devices/{id}", Tags: tags,
		Summary: "Sign a device out and forget it", DefaultStatus: http.StatusNoContent, Errors: []int{404}}),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"64"`
		}) (*struct{}, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			return nil, a.Settings.RemoveDevice(ctx, l, in.ID)
		})
	op(a, withSession(huma.Operation{OperationID: "sign-out-others", Method: http.MethodPost, Path: "/api/v1/devices/sign-out-others", Tags: tags, Summary: "Sign out all other devices"}),
		func(ctx context.Context, _ *struct{}) (*endedOut, error) {
			l, err := a.live(ctx)
			if err != nil {
				return nil, err
			}
			n, err := a.Settings.SignOutOthers(ctx, l)
			o := &endedOut{}
			o.Body.Ended = n
			return o, err
		})
}
