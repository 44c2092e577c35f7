package pages

import (
	"cmp"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

type devicesPage struct {
	accountFrame
	Devices  []deviceRow
	SignedIn int
	Others   int
}

func (devicesPage) file() string { return "account_devices" }

type deviceRow struct {
	settings.Device
	Icon string
}

var deviceIcons = map[string]string{"phone": "smartphone", "tablet": "tablet", "computer": "laptop", "browser": "monitor", "tv": "tv"}

func (p *Pages) devices(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	return p.devicesPage(w, r, me, http.StatusOK, p.noticed(r, me))
}

func (p *Pages) devicesPage(w http.ResponseWriter, r *http.Request, me *session.Live, status int, f *Frame) error {
	list, err := p.cfg.Accounts.ListDevices(r.Context(), me)
	if err != nil {
		return err
	}
	return p.write(w, status, p.devicesView(f, list))
}

func (p *Pages) devicesView(f *Frame, list []settings.Device) view {
	v := devicesPage{accountFrame: p.accountFrame(f, "/account/devices")}
	v.Devices, v.SignedIn = p.deviceRows(f, list), signedInOn(list)
	v.Others = v.SignedIn
	if v.Others > 0 {
		v.Others-- // the present one stays
	}
	return v
}

// deviceRows are devices as pages show them.
func (p *Pages) deviceRows(f *Frame, list []settings.Device) (rows []deviceRow) {
	for _, d := range list {
		row := deviceRow{Device: d, Icon: cmp.Or(deviceIcons[d.Kind], "monitor")}
		if d.Name == "" {
			row.Name = f.T("page.devices.unnamed")
		}
		rows = append(rows, row)
	}
	return rows
}

func (p *Pages) devicesAnswer(w http.ResponseWriter, r *http.Request, me *session.Live) error {
	form, err := httpd.Form(r)
	if err != nil {
		return err
	}
	done := "device"
	switch form.Get("input") {
	case "sign_out":
		err = p.cfg.Accounts.RemoveDevice(r.Context(), me, form.Get("device"))
	case "sign_out_others":
		done = "others"
		_, err = p.cfg.Accounts.SignOutOthers(r.Context(), me)
	default:
		err = fault.InvalidInput
	}
	if err == nil {
		return seeOther(w, "/account/devices?done="+done)
	}
	if fault.From(err) == nil {
		return err
	}
	f := p.frame(r, me)
	fail := p.cfg.Explain(r.Context(), err)
	f.Fault = f.refusal(fail)
	return p.devicesPage(w, r, me, fail.Status, f)
}
