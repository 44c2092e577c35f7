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
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// errLost means that somebody claimed the contact, or the person at a provider, in the
// same moment; who has proved it too signs in to the account that won.
var errLost = errors.New("signin: what was proved was claimed meanwhile")

// create makes an account for a proved contact that nobody holds, and goes on
// to its session or to the contact that the region wants.
func (h *House) create(ctx context.Context, tx *sqldb.Tx, c *call, kind contact.Kind, address string, password ...credential.Hashed) error {
	f := c.Facts
	who, err := h.newAccount(ctx, tx, c, "", func(id account.ID) (bool, error) { return h.Contacts.Claim(ctx, tx, kind, address, id) })
	if errors.Is(err, errLost) {
		if f.Account, who, err = h.holder(ctx, tx, kind, address); err != nil {
			return err
		}
		if f.Account == 0 {
			return sqldb.ErrAgain // claimed and released
		}
		return h.enter(ctx, tx, c, who)
	}
	if err != nil {
		return err
	}
	if err := h.Contacts.Add(ctx, tx, who.ID, kind, address); err != nil {
		return err
	}
	f.Account, f.Made = who.ID, true
	for _, hashed := range password {
		if err := h.Passwords.Set(ctx, tx, who.ID, hashed); err != nil {
			return err
		}
	}
	return h.enter(ctx, tx, c, who)
}

// newAccount claims first what the account is made for: who wins the claim makes it
// (S-05).
func (h *House) newAccount(ctx context.Context, tx *sqldb.Tx, c *call, nickname string, claim func(account.ID) (won bool, err error)) (account.Account, error) {
	who := account.Account{ID: account.NewID(), State: account.Active, Region: c.Facts.Region, Locale: string(c.Facts.Locale), Nickname: nickname, Epoch: 1, CreatedAt: tx.Now()}
	won, err := claim(who.ID)
	if err != nil {
		return who, err
	}
	if !won {
		return who, errLost
	}
	err = h.Accounts.Create(ctx, tx, who)
	if errors.Is(err, account.ErrTaken) {
		err = sqldb.ErrAgain // with another number
	}
	return who, err
}

// enter is the way in once enough is proved: the one gate of the account's state
// (S-86), then the link that the person came for, then the contact that its region
// wants, then the session. acts are what
// was done on the way; they are told in one row of entries with what comes of it.
func (h *House) enter(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, acts ...audit.Entry) error {
	if f := c.Facts; !f.Made && !f.Ready { // the state is told to who has proved enough (S-26)
		enough, err := h.suffices(ctx, tx, c, &who)
		if err != nil || !enough {
			return err
		}
	}
	if err := who.Gate(); err != nil {
		if fault.NotFound.Is(err) { // it is gone, and what was proved with it
			return h.stop(c, proof.CredentialsInvalid)
		}
		details := h.where(c)
		details["state"] = string(who.State)
		if err := h.Audit.Write(ctx, tx, append(acts, audit.Entry{AccountID: who.ID, Kind: audit.SignInRefused, Details: details})...); err != nil {
			return err
		}
		return h.stop(c, err)
	}
	if c.Facts.Foreign != nil {
		linked, on, err := h.link(ctx, tx, c, who)
		if err != nil || !on {
			return err
		}
		acts = append(acts, linked...)
	}
	wants, err := h.wants(ctx, tx, c, who)
	if err != nil {
		return err
	}
	if !wants {
		return h.finish(ctx, tx, c, who, acts...)
	}
	if c.Facts.Made {
		acts = append(acts, audit.Entry{AccountID: who.ID, Kind: audit.AccountCreated, Details: h.where(c)})
	}
	if len(acts) == 0 {
		return nil
	}
	return h.Audit.Write(ctx, tx, acts...)
}

// proofFor is how long a proof may wait for what it was made for (S-21).
const proofFor = 10 * time.Minute

// recent refuses to build on a proof that was made too long ago, here or at a
// provider. It runs in Count: the journey then is at its beginning.
func (h *House) recent(c *call) error {
	if p := c.Facts.Foreign; p != nil && c.Now.Sub(p.At) > proofFor {
		h.forget(c.Facts)
		return flow.JourneyExpired
	}
	for _, p := range c.Facts.Proved {
		if c.Now.Sub(p.At) > proofFor {
			h.restart(c.Facts)
			return flow.JourneyExpired
		}
	}
	return nil
}

// stop ends an attempt that leads nowhere: the person is told why, and the
// journey is at its beginning with nothing proved.
func (h *House) stop(c *call, why error) error {
	h.restart(c.Facts)
	c.Refuse(why)
	return nil
}

// finish begins the session.
func (h *House) finish(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, acts ...audit.Entry) error {
	f := c.Facts
	d := &done{At: tx.Now(), Account: who.ID, Nickname: who.Nickname, Created: f.Made}
	secret := f.Device.Secret
	if secret == "" {
		secret = randid.Secret()
		d.DeviceToken = secret
	}
	if ok, err := h.Prover.UseWait(ctx, tx, proof.NewTurn(c, &f.Proving)); err != nil || !ok {
		if err == nil {
			err = h.stop(c, flow.JourneyExpired) // another journey was quicker
		}
		return err
	}
	dev, err := h.Devices.Remember(ctx, tx, who.ID, secret, device.Device{Kind: f.Device.Kind, Name: f.Device.Name, Place: c.Visitor.Place})
	if err != nil {
		return err
	}
	d.DeviceID = dev.ID
	full := false
	if d.Token, d.ExpiresAt, full, err = h.Sessions.Open(ctx, tx, who, dev.ID, f.Proved); err != nil {
		return err
	}
	f.Done = d
	if err := h.Prover.Leave(ctx, tx, proof.NewTurn(c, &f.Proving)); err != nil {
		return err
	}
	if err := h.tell(ctx, tx, c, who, full); err != nil {
		return err
	}
	if f.Made && !f.Asked { // else it was written when the account was made
		acts = append(acts, audit.Entry{AccountID: who.ID, Kind: audit.AccountCreated, DeviceID: dev.ID, Details: h.where(c)})
	}
	details := h.where(c)
	details["method"] = f.Proved[len(f.Proved)-1].Method
	return h.Audit.Write(ctx, tx, append(acts, audit.Entry{AccountID: who.ID, Kind: audit.SignedIn, DeviceID: dev.ID, Details: details})...)
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

// tell tells the owner of a sign-in that is not like the others: on a new device, on
// a known one from a network that the account was not signed in to from (whoever has
// stolen a device's cookie with the password is known), or one too many. It is told
// at every contact whose code was not just given here; of a session that ended, at
// every one. The network is remembered, so that it is told once.
func (h *House) tell(ctx context.Context, tx *sqldb.Tx, c *call, who account.Account, full bool) error {
	f, purpose := c.Facts, ""
	switch {
	case f.Done.Created:
		return nil
	case !f.Known:
		purpose = "notice_device"
		if err := h.forgetDevices(ctx, tx, who.ID); err != nil {
			return err
		}
	case f.Past.Any && f.Past.SeenAt.IsZero():
		purpose = "notice_network"
	}
	if purpose == "" && !full {
		return nil
	}
	contacts, err := h.Contacts.List(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	var proved []string
	for _, code := range f.Sent.Codes {
		if !code.UsedAt.IsZero() {
			proved = append(proved, code.Address)
		}
	}
	if purpose != "" {
		if err := h.Notices.Tell(ctx, tx, who, contacts, proved, purpose, f.Device.Name, c.Visitor.Place); err != nil {
			return err
		}
	}
	if !full {
		return nil
	}
	return h.Notices.Tell(ctx, tx, who, contacts, nil, "notice_session_ended", f.Device.Name, c.Visitor.Place)
}

// forgetDevices forgets the least used devices beyond the most that are kept,
// but none on which somebody is signed in.
func (h *House) forgetDevices(ctx context.Context, tx *sqldb.Tx, id account.ID) error {
	old, err := h.Devices.Beyond(ctx, tx, id)
	if err != nil || len(old) == 0 {
		return err
	}
	live, err := h.Sessions.Devices(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, d := range old {
		if _, in := live[d]; in {
			continue
		}
		if err := h.Sessions.EndDevice(ctx, tx, id, d); err != nil { // one that is over and not yet gone
			return err
		}
		if _, err := h.Devices.Forget(ctx, tx, id, d); err != nil {
			return err
		}
	}
	return nil
}

// doneFor is how long the end of a journey repeats its session token to the
// holder of the journey's key, for a client that lost the answer.
const doneFor = 2 * time.Minute

func (h *House) showDone(ctx context.Context, q sqldb.Querier, c *call) (step.Step, error) {
	d := c.Facts.Done
	s := step.Done{Head: step.Head{Type: step.TypeDone, Inputs: []string{}}, Created: d.Created,
		Account: &step.Account{ID: d.Account.String(), Nickname: d.Nickname}}
	if d.Token != "" && c.Now.Sub(d.At) <= doneFor {
		s.Session = &step.Session{Token: d.Token, ExpiresAt: d.ExpiresAt}
		s.Device = &step.Device{ID: d.DeviceID, Token: d.DeviceToken}
	}
	return s, nil
}
