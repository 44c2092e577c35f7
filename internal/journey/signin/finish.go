package signin

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// errLost means that somebody claimed the contact in the same moment; the
// person, who has proved it too, signs in to the account that won.
var errLost = errors.New("signin: the contact was claimed meanwhile")

// create makes an account for a proved contact that nobody holds, and goes on
// to its session or to the contact that the region wants.
func (h *House) create(ctx context.Context, tx *sqldb.Tx, c *call, kind contact.Kind, address string, password ...credential.Hashed) error {
	f := c.Facts
	id, err := h.newAccount(ctx, tx, c, kind, address)
	if errors.Is(err, errLost) {
		if f.Account, err = h.Contacts.Holder(ctx, tx, kind, address); err != nil {
			return err
		}
		who, err := h.Accounts.Load(ctx, tx, f.Account)
		if err != nil {
			return err
		}
		if err := account.Gate(who.State); err != nil {
			c.Refuse(err)
			return nil
		}
		return h.finish(ctx, tx, c, who)
	}
	if err != nil {
		return err
	}
	f.Account, f.Made = id, true
	for _, hashed := range password {
		if err := h.Passwords.Set(ctx, tx, id, hashed); err != nil {
			return err
		}
	}
	r := h.region(f)
	if r.AskFor != "no" && r.Required != "" && r.Required != string(kind) {
		f.Adding = contact.Kind(r.Required)
		return h.Audit.Write(ctx, tx, audit.Entry{AccountID: id, Kind: audit.AccountCreated, Details: h.where(c)})
	}
	return h.finish(ctx, tx, c, account.Account{ID: id, State: account.Active, Region: f.Region, Locale: string(c.Facts.Locale), Epoch: 1, CreatedAt: tx.Now()})
}

// newAccount claims the contact first: who wins the claim makes the account (S-05).
func (h *House) newAccount(ctx context.Context, tx *sqldb.Tx, c *call, kind contact.Kind, address string) (account.ID, error) {
	id := account.NewID()
	won, err := h.Contacts.Claim(ctx, tx, kind, address, id)
	if err != nil {
		return 0, err
	}
	if !won {
		return 0, errLost
	}
	if err := h.Accounts.Create(ctx, tx, account.Account{ID: id, Region: c.Facts.Region, Locale: string(c.Facts.Locale)}); err != nil {
		return 0, err
	}
	return id, h.Contacts.Add(ctx, tx, id, kind, address)
}

// finish begins the session.
func (h *House) finish(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account) error {
	f := c.Facts
	d := &done{At: tx.Now(), Account: who.ID, Nickname: who.Nickname, Created: f.Made}
	secret := f.Device.Secret
	if secret == "" {
		secret = randid.Secret()
		d.DeviceToken = secret
	}
	_, known, err := h.Devices.Known(ctx, tx, who.ID, secret)
	if err != nil {
		return err
	}
	dev, err := h.Devices.Remember(ctx, tx, who.ID, secret, device.Device{Kind: f.Device.Kind, Name: f.Device.Name, Place: c.Visitor.Place})
	if err != nil {
		return err
	}
	d.DeviceID = dev.ID
	if d.Token, d.ExpiresAt, err = h.Sessions.Open(ctx, tx, who, dev.ID, f.Proved); err != nil {
		return err
	}
	f.Done = d
	if !known && !d.Created {
		if err := h.noticeDevice(ctx, tx, c, who); err != nil {
			return err
		}
	}
	return h.auditFinish(ctx, tx, c, who, dev)
}

func (h *House) auditFinish(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, dev device.Device) error {
	details := h.where(c)
	details["method"] = c.Facts.Proved[len(c.Facts.Proved)-1].Method
	entries := []audit.Entry{{AccountID: who.ID, Kind: audit.SignedIn, DeviceID: dev.ID, Details: details}}
	if c.Facts.Made && who.CreatedAt.Equal(tx.Now()) { // else it was written when the account was made
		entries = append([]audit.Entry{{AccountID: who.ID, Kind: audit.AccountCreated, DeviceID: dev.ID, Details: h.where(c)}}, entries...)
	}
	return h.Audit.Write(ctx, tx, entries...)
}

// where tells, for the owner's eyes, from which device and place something was done.
func (h *House) where(c *call) map[string]string {
	out := map[string]string{}
	if c.Facts.Device.Name != "" {
		out["device"] = c.Facts.Device.Name
	}
	if c.Visitor.Place != "" {
		out["place"] = c.Visitor.Place
	}
	return out
}

// noticeDevice tells the owner of a sign-in on a new device.
func (h *House) noticeDevice(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account) error {
	contacts, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	proved := ""
	if code := c.Facts.Sent.Newest(); code != nil && !code.UsedAt.IsZero() {
		proved = code.Address
	}
	return h.Notices.Tell(ctx, tx, who, contacts, proved, "notice_device", c.Facts.Device.Name, c.Visitor.Place)
}

// doneFor is how long the end of a journey repeats its session token to the
// holder of the journey's key, for a client that lost the answer.
const doneFor = 2 * time.Minute

func (h *House) showDone(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	d := c.Facts.Done
	s := step.Done{Head: step.Head{Type: step.TypeDone, Inputs: []string{}}, Created: d.Created,
		Account: &step.Account{ID: d.Account.String(), Nickname: d.Nickname}}
	if c.Now.Sub(d.At) <= doneFor {
		s.Session = &step.Session{Token: d.Token, ExpiresAt: d.ExpiresAt}
		s.Device = &step.Device{ID: d.DeviceID, Token: d.DeviceToken}
	}
	return s, nil
}
