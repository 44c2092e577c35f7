package pages

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/email"
)

// Accounts is what the account pages ask for and do: *settings.House. Every
// call acts on the account of the session it is given, and on nothing else (S-62).
type Accounts interface {
	Overview(ctx context.Context, me *session.Live) (settings.Overview, error)
	Allowed(ctx context.Context, me *session.Live, action policy.Action) (bool, error)
	FullContacts(ctx context.Context, me *session.Live) ([]contact.Contact, error)
	ListDevices(ctx context.Context, me *session.Live) ([]settings.Device, error)
	SignOut(ctx context.Context, me *session.Live) error
	RemoveDevice(ctx context.Context, me *session.Live, deviceID string) error
	SignOutOthers(ctx context.Context, me *session.Live) (ended int, err error)
	Activity(ctx context.Context, me *session.Live, before time.Time, n int) ([]audit.Entry, error)
	Told(ctx context.Context, me *session.Live, before time.Time, n int) ([]proof.Told, error)
	SetPassword(ctx context.Context, me *session.Live, password string, keepOthers bool) error
	ChangeProfile(ctx context.Context, me *session.Live, nickname, language *string) error
	SetAvatar(ctx context.Context, me *session.Live, picture []byte) error
	Avatar(ctx context.Context, me *session.Live) ([]byte, error)
}

var _ Accounts = (*settings.House)(nil)

// contactShown is a contact as a page shows it: one row for each kind, with or
// without a value.
type contactShown struct {
	Kind       contact.Kind
	Value      string
	VerifiedAt time.Time
}

// masked shows contacts so that a glance over the shoulder tells little.
func (p *Pages) masked(list []contact.Contact) []contactShown {
	return showContacts(list, p.cfg.Phones.Mask, email.Mask)
}

// inFull shows them whole, to a person who proved to be the owner just now.
func (p *Pages) inFull(list []contact.Contact) []contactShown {
	return showContacts(list, p.cfg.Phones.Format, func(s string) string { return s })
}

func showContacts(list []contact.Contact, phone, mail func(string) string) []contactShown {
	shown := []contactShown{{Kind: contact.Phone}, {Kind: contact.Email}}
	for i := range shown {
		c, ok := contact.Of(list, shown[i].Kind)
		if !ok {
			continue
		}
		shown[i].VerifiedAt, shown[i].Value = c.VerifiedAt, mail(c.Address)
		if c.Kind == contact.Phone {
			shown[i].Value = phone(c.Address)
		}
	}
	return shown
}

// signedInOn counts the devices where somebody is signed in.
func signedInOn(list []settings.Device) (n int) {
	for _, d := range list {
		if d.SignedIn {
			n++
		}
	}
	return n
}

// A device that is this young, and wrong passwords this recent and this many,
// are worth a look.
const (
	newDeviceFor = 7 * 24 * time.Hour
	wrongFor     = 24 * time.Hour
	wrongMany    = 3
)

// concerns are what the owner should look at: devices that came lately, and
// tries with wrong passwords.
func (f *Frame) concerns(o settings.Overview, devices []settings.Device, recent []audit.Entry) []concernRow {
	var list []concernRow
	for _, d := range devices {
		young := f.now.Sub(d.CreatedAt) < newDeviceFor && d.CreatedAt.Sub(o.Account.CreatedAt) > time.Hour
		if d.SignedIn && !d.Current && young {
			list = append(list, concernRow{
				Text: f.H("page.account.concern_new_device", "device", f.Strong(d.Name), "ago", f.Ago(d.CreatedAt)),
				Href: "/account/devices", Link: f.T("page.account.concern_devices"),
			})
		}
	}
	wrong := 0
	for _, e := range recent {
		if e.Kind == audit.PasswordWrong && f.now.Sub(e.At) < wrongFor {
			wrong++
		}
	}
	if wrong >= wrongMany {
		list = append(list, concernRow{Text: f.T("page.account.concern_password_wrong", "n", wrong), Href: "/account/activity", Link: f.T("page.account.concern_activity")})
	}
	return list
}
