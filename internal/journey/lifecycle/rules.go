package lifecycle

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Rule freezes an account by itself. Its sentence, which the owner reads, is
// rule.<name>; Help is the article. What lifts the freeze is the same for all: the
// journey unfreeze. It takes more than the pattern could have been made with.
type Rule struct {
	Name string
	// On is the act that completes the pattern.
	On proof.Event
	// Count is how often the act must have been seen, or, with After, whether that
	// was seen before from the same device, within Within.
	Count  int
	Within time.Duration
	After  proof.Event
	// Unknown counts acts from devices only that the account does not know.
	Unknown bool
	// NewDevice counts acts only from a device that is younger and not the oldest
	// that the account has: owners who clean up after a lost phone do the same from
	// a device that they have had for long.
	NewDevice time.Duration
	// Risk is the least risk at which the act counts.
	Risk policy.Level
	Help string
}

const help = "frozen-accounts/why-was-it-frozen-automatically"

// Rules are those in force. A refresh token that is used twice comes with tokens.
var Rules = []Rule{
	{Name: "second_steps_failed", On: proof.SecondStepFailed, Count: 10, Within: 24 * time.Hour, Unknown: true, Help: help},
	{Name: "changed_then_signed_out", On: proof.OthersSignedOut, After: proof.ContactChanged, Within: 24 * time.Hour, NewDevice: 7 * 24 * time.Hour, Help: help},
	{Name: "leaked_password", On: proof.LeakedPassword, Count: 1, Within: time.Hour, Risk: policy.High, Help: help},
}

// sightings remembers how often something was seen. It is a count that never
// refuses by itself.
func sightings(name string, within time.Duration) quota.Limit {
	return quota.Limit{Name: "rule." + name, Windows: []quota.Window{{Max: 1000, Per: within}}}
}

// Saw implements proof.Watch: it remembers what was seen and freezes the account,
// in the transaction of the act, if a rule's pattern is complete.
func (h *House) Saw(ctx context.Context, tx *sqldb.Tx, who account.Account, s proof.Sight) (frozen bool, err error) {
	if who.State != account.Active {
		return who.State == account.IsFrozen, nil
	}
	for _, r := range Rules {
		seen, err := h.seen(ctx, tx, who, r, s)
		if err != nil {
			return false, err
		}
		if !seen {
			continue
		}
		_, err = h.Apply(ctx, tx, who.ID, freezing(who, account.Cause{By: account.Rule, Rule: r.Name}), s.Where)
		if errors.Is(err, account.ErrNoMove) { // blocked meanwhile
			return false, nil
		}
		return err == nil, err
	}
	return false, nil
}

// seen notes an act as far as it matters for a rule, and tells whether it
// completes the pattern.
func (h *House) seen(ctx context.Context, tx *sqldb.Tx, who account.Account, r Rule, s proof.Sight) (bool, error) {
	if r.Unknown && s.Device != "" || max(s.Risk.Level, policy.Low) < r.Risk {
		return false, nil
	}
	subject := who.ID.String()
	if r.After != "" {
		subject += "\x00" + s.Device
	}
	limit := sightings(r.Name, r.Within)
	switch {
	case s.Event == r.After && r.After != "":
		_, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: limit, Subject: subject})
		return false, err
	case s.Event != r.On:
		return false, nil
	case r.After != "":
		n, _, err := h.Book.Used(ctx, tx, limit, subject)
		if err != nil || n == 0 {
			return false, err
		}
		return h.isNew(ctx, tx, who, s.Device, r.NewDevice)
	}
	if _, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: limit, Subject: subject}); err != nil {
		return false, err
	}
	n, _, err := h.Book.Used(ctx, tx, limit, subject)
	if err != nil || n < r.Count {
		return false, err
	}
	return true, h.Book.Clear(ctx, tx, limit, subject) // the next freeze needs the whole pattern again
}

// isNew tells whether a device of the account is younger than d and not its
// oldest. One that it does not know is new.
func (h *House) isNew(ctx context.Context, tx *sqldb.Tx, who account.Account, deviceID string, d time.Duration) (bool, error) {
	list, err := h.Devices.List(ctx, tx, who.ID)
	if err != nil {
		return false, err
	}
	oldest, mine := true, time.Time{}
	for _, one := range list {
		if one.ID == deviceID {
			mine = one.CreatedAt
		}
	}
	for _, one := range list {
		oldest = oldest && !one.CreatedAt.Before(mine)
	}
	return mine.IsZero() || !oldest && tx.Now().Sub(mine) < d, nil
}
