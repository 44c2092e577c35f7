package proof

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/email"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

// Names reads who a person says to be, for journeys that begin with nothing else
// and must not tell whether there is such an account (S-77).
type Names struct {
	Directory *directory.Directory
	Numbers   *numbers.Plan
	Accounts  *account.Store
	Contacts  *contact.Store
}

// Named is a name as it was read, and whom it means.
type Named struct {
	directory.Username
	Account account.ID // 0: nobody
	// Lost says that the account does not have this contact any more: it was
	// replaced or removed at Until.
	Lost  bool
	Until time.Time
}

// Subject is the name as the limits count it (Proving.Subject).
func (n Named) Subject() string { return string(n.Way) + "\x00" + n.Value }

// Method is the way to prove that the name itself suggests; empty: none.
func (n Named) Method() policy.Method {
	switch n.Way {
	case directory.ByPhone:
		return policy.SMSCode
	case directory.ByEmail:
		return policy.EmailCode
	}
	return ""
}

// Read reads the input phone, email or username.
func (n *Names) Read(in flow.Input, country string) (directory.Username, error) {
	if in.Country != "" {
		country = in.Country
	}
	switch in.Input {
	case "phone":
		number, err := n.Numbers.Read(in.Phone, country)
		return directory.Username{Way: directory.ByPhone, Value: number.E164}, onField(err, "phone")
	case "email":
		address, err := email.Read(in.Email)
		return directory.Username{Way: directory.ByEmail, Value: address.Canonical}, onField(err, "email")
	}
	return n.Directory.Read(in.Username, country)
}

// Opening is the step that asks for a name, in a region; an unknown one is the
// default. A page can show it before the journey has begun, and nothing is written.
func Opening(regions *region.Book, name string) step.Step {
	r, err := regions.Get(name)
	if err != nil {
		r, _ = regions.Get("")
	}
	return AskName(r.Country)
}

// AskName is that step, where numbers typed without a country are dialed from country.
func AskName(country string) step.Step {
	return step.Identify{Head: step.Head{Type: step.TypeIdentify, Inputs: []string{"phone", "email", "username"}}, Country: country, Providers: []step.Provider{}}
}

// onField names the field that a refusal of what was typed is about.
func onField(err error, field string) error {
	if f := fault.From(err); f != nil && f.Field == "" {
		return f.On(field)
	}
	return err
}

// Find finds whom a name means: who has it now, else who had it lately. It asks
// the same of the store whether there is anybody. An account that is gone is nobody.
func (n *Names) Find(ctx context.Context, q sqldb.Querier, u directory.Username) (Named, error) {
	out := Named{Username: u}
	id, err := n.Directory.Find(ctx, q, u)
	if err != nil {
		return out, err
	}
	var before []account.ID
	if kind := contact.Kind(u.Way); u.Way != directory.ByID {
		if before, err = n.Contacts.FormerHolders(ctx, q, kind, u.Value); err != nil {
			return out, err
		}
	}
	if out.Account = id; id == 0 && len(before) > 0 {
		out.Account, out.Lost = before[0], true
	}
	list, err := n.Contacts.Former(ctx, q, out.Account, q.Now().Add(-contact.FormerFor))
	if err != nil {
		return out, err
	}
	for _, f := range list {
		if out.Lost && string(f.Kind) == string(u.Way) && f.Address == u.Value && f.ReplacedAt.After(out.Until) {
			out.Until = f.ReplacedAt
		}
	}
	who, err := n.Accounts.Load(ctx, q, out.Account)
	if errors.Is(err, sqldb.ErrNone) || err == nil && who.State == account.Gone || out.Lost && out.Until.IsZero() {
		return Named{Username: u}, nil
	}
	return out, err
}
