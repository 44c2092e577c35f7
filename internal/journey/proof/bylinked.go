package proof

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/proof/federation"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// byLinked proves the account by signing in anew to an account at a third-party
// provider that is linked to it, in a browser or by what the provider's SDK gives to
// an app.
type byLinked struct {
	p     *Prover
	links *link.Store
	desk  *federation.Desk
}

// ByLinked proves by a linked account.
func ByLinked(p *Prover, links *link.Store, desk *federation.Desk) Means {
	return byLinked{p, links, desk}
}

// heldVisit is what a journey keeps of its visit.
type heldVisit struct {
	Trip  *federation.Trip `json:"trip"`
	Nonce string           `json:"nonce"` // for what an app hands over; good for one try
}

func (b byLinked) Method() policy.Method { return policy.LinkedSignIn }
func (b byLinked) Step() step.Type       { return step.TypeRedirect }

// linked lists the links of an account that can be used now, the one that was used
// last first: not those that their provider disabled, nor of a provider that was
// switched off (S-51). region is the account's; barred says why there is none of those
// that it has.
func (b byLinked) linked(ctx context.Context, q sqldb.Querier, id account.ID) (list []link.Link, region, barred string, err error) {
	all, err := b.links.List(ctx, q, id)
	if err != nil || len(all) == 0 {
		return nil, "", "", err
	}
	who, err := b.p.Accounts.Load(ctx, q, id)
	if err != nil {
		return nil, "", "", err
	}
	for _, l := range all {
		switch {
		case !b.desk.Knows(who.Region, l.Provider):
			barred = cmp.Or(barred, "provider_off")
		case !l.Works():
			barred = "provider_suspended"
		default:
			list = append(list, l)
		}
	}
	if len(list) > 0 {
		barred = ""
	}
	slices.SortStableFunc(list, func(x, y link.Link) int { return y.UsedAt.Compare(x.UsedAt) })
	return list, who.Region, barred, nil
}

// usable is linked for the account as a turn means it: not what was linked since.
func (b byLinked) usable(ctx context.Context, q sqldb.Querier, t *Turn) (list []link.Link, region, barred string, err error) {
	list, region, barred, err = b.linked(ctx, q, t.Account)
	if !t.AsOf.IsZero() {
		list = slices.DeleteFunc(list, func(l link.Link) bool { return !l.LinkedAt.Before(t.AsOf) })
	}
	return list, region, barred, err
}

// Ways tells of all links as one way, as old as the oldest that works: the proof
// itself says how old the one is that was used.
func (b byLinked) Ways(ctx context.Context, q sqldb.Querier, id account.ID) ([]policy.Way, error) {
	list, _, _, err := b.linked(ctx, q, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	way := policy.Way{Method: policy.LinkedSignIn, Since: list[0].LinkedAt}
	for _, l := range list {
		if l.LinkedAt.Before(way.Since) {
			way.Since = l.LinkedAt
		}
	}
	return []policy.Way{way}, nil
}

// Barred says why none of the links that an account has can be used; empty: one can,
// or it has none. Such links are no ways: nobody is asked for what cannot be shown.
func (b byLinked) Barred(ctx context.Context, q sqldb.Querier, id account.ID) (reason string, err error) {
	_, _, reason, err = b.linked(ctx, q, id)
	return reason, err
}

// marks tells the links of an account apart, for Fingerprint.
func (b byLinked) marks(ctx context.Context, q sqldb.Querier, id account.ID) (out []string, err error) {
	list, err := b.links.List(ctx, q, id)
	for _, l := range list {
		out = append(out, l.Provider+" "+l.LinkedAt.String())
	}
	return out, err
}

// Choose is never the first proof: the provider's name would tell what a stranger's
// account is linked to (S-77). Who begins with a provider begins at identify.
func (b byLinked) Choose(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	if t.Blind() {
		return MethodUnavailable.On("method").With("reason", "not_first")
	}
	list, region, barred, err := b.usable(ctx, tx, t)
	if err == nil && len(list) == 0 {
		err = MethodUnavailable.On("method").With("reason", cmp.Or(barred, "not_set"))
	}
	if err == nil {
		t.Answer = chosen{list[0].Provider, region}
	}
	return err
}

// chosen is where a visit goes, as Choose found it.
type chosen struct{ provider, region string }

// Begin begins a visit to the provider that was used last.
func (b byLinked) Begin(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	to := t.Answer.(chosen)
	err := b.depart(ctx, tx, t, to.region, to.provider)
	if fault.From(err) != nil { // the person chooses another way, and keeps what is proved
		t.Method, t.Held = "", nil
		t.Refuse(err)
		return nil
	}
	return err
}

// depart begins a visit, and makes a fresh nonce for apps. What was held is over.
func (b byLinked) depart(ctx context.Context, tx *sqldb.Tx, t *Turn, region, name string) error {
	v := t.Visitor
	v.DeviceName = cmp.Or(t.Device.Name, v.DeviceName)
	trip, err := b.desk.Depart(ctx, tx, t.Record, v, region, name, federation.Prove, true)
	if err != nil {
		return err
	}
	t.Held, err = json.Marshal(heldVisit{trip, b.desk.Fresh()})
	return err
}

func (b byLinked) held(t *Turn) (h heldVisit, err error) {
	if err = json.Unmarshal(t.Held, &h); err == nil && h.Trip == nil {
		err = MethodUnavailable.On("method").With("reason", "not_set")
	}
	return h, err
}

// Show shows the visit, and the linked accounts that do as well.
func (b byLinked) Show(ctx context.Context, q sqldb.Querier, t *Turn) (step.Step, error) {
	h, err := b.held(t)
	if err != nil {
		return nil, err
	}
	list, _, _, err := b.usable(ctx, q, t)
	if err != nil {
		return nil, err
	}
	s := b.desk.Show(h.Trip)
	for _, l := range list {
		s.Providers = append(s.Providers, b.desk.Choice(surfaceOf(t), l.Provider, h.Nonce, t.Now))
	}
	s.Inputs, s.Why = []string{"check", "provider", "other_way"}, t.Why()
	return s, nil
}

// surfaceOf is where the person is; an app says nothing of it.
func surfaceOf(t *Turn) string { return cmp.Or(t.Visitor.Surface, string(provider.App)) }

// Moves are its inputs.
func (b byLinked) Moves() map[string]Move {
	return map[string]Move{
		"check": {Count: b.collect, Ask: b.ask, NeedsAsk: asks, Apply: b.judge},
		"provider": {Takes: []string{"provider", "token", "code"}, Count: b.take, Ask: b.ask, NeedsAsk: asks,
			Apply: func(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
				if to, visit := t.Answer.(chosen); visit {
					return b.depart(ctx, tx, t, to.region, to.provider)
				}
				return b.judge(ctx, tx, t)
			}},
	}
}

// visited is what a provider is asked about, and what it answered.
type visited struct {
	back   *federation.Returned // from a browser
	handed *federation.Handed   // from an app
	person *federation.Person
}

func asks(t *Turn) bool { _, is := t.Answer.(*visited); return is }

// collect takes what came back from the provider, once. Whatever comes of it, the
// visit is over, and the step leads to another one.
func (b byLinked) collect(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	h, err := b.held(t)
	if err != nil {
		return err
	}
	back, err := b.desk.Collect(ctx, tx, t.ID, h.Trip)
	over := err != nil && federation.ProviderFailed.Is(err)
	if !over && back == nil {
		return err
	}
	if again := b.depart(ctx, tx, t, h.Trip.Region, h.Trip.Provider); again != nil && fault.From(again) == nil {
		return again
	}
	if err != nil {
		return err
	}
	t.Answer = &visited{back: back}
	return b.p.SpendTry(ctx, tx, t, policy.LinkedSignIn)
}

// take takes what an app hands over. The nonce that it was made with is used up,
// right or wrong (S-45). With nothing handed over it is another visit.
func (b byLinked) take(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	h, err := b.held(t)
	if err != nil {
		return err
	}
	in := t.Input
	list, region, _, err := b.usable(ctx, tx, t)
	if err != nil {
		return err
	}
	if _, has := link.Of(list, in.Provider); !has {
		return federation.ProviderNotOffered.On("provider")
	}
	if in.Token == "" && in.Code == "" {
		t.Answer = chosen{in.Provider, region}
		return nil
	}
	field, takes := "token", b.desk.Choice(surfaceOf(t), in.Provider, h.Nonce, t.Now).Takes
	if in.Token == "" {
		field = "code"
	}
	if in.Token != "" && in.Code != "" || !slices.Contains(takes, field) {
		return fault.InvalidInput.On(field)
	}
	t.Answer = &visited{handed: &federation.Handed{Provider: in.Provider, Token: in.Token, Code: in.Code, Nonce: h.Nonce}}
	h.Nonce = b.desk.Fresh()
	if t.Held, err = json.Marshal(h); err != nil {
		return err
	}
	if err := b.desk.Charge(ctx, tx, t.Visitor); err != nil {
		return err
	}
	return b.p.SpendTry(ctx, tx, t, policy.LinkedSignIn)
}

// ask asks the provider who it was.
func (b byLinked) ask(ctx context.Context, t *Turn) (err error) {
	if s := t.Answer.(*visited); s.back != nil {
		s.person, err = b.desk.Exchange(ctx, s.back)
	} else {
		s.person, err = b.desk.Redeem(ctx, *s.handed)
	}
	return err
}

// judge proves the account if it was the person whose account at the provider is
// linked to this very one, and nobody else's.
func (b byLinked) judge(ctx context.Context, tx *sqldb.Tx, t *Turn) error {
	s, came := t.Answer.(*visited)
	if !came {
		return nil
	}
	who := s.person
	other := federation.ProviderFailed.With("provider", who.Provider).With("reason", "other_account")
	holder, many, err := b.links.Holder(ctx, tx, who.Provider, who.Subjects)
	if err != nil {
		return err
	}
	if holder != t.Account || many {
		return other
	}
	had, err := b.links.Load(ctx, tx, t.Account, who.Provider)
	switch {
	case errors.Is(err, sqldb.ErrNone):
		return other
	case err != nil:
		return err
	case !had.Works():
		return MethodUnavailable.On("method").With("reason", "provider_suspended")
	}
	if s.handed != nil {
		first, err := b.desk.Seen(ctx, tx, s.handed.Text(), s.handed.Until(t.Now))
		if err != nil {
			return err
		}
		if !first {
			return federation.ProviderFailed.With("provider", who.Provider).With("reason", "replayed")
		}
	}
	won, err := b.links.Used(ctx, tx, t.Account, who.Link())
	switch {
	case err != nil:
		return err
	case !won: // it was removed meanwhile; what was noted above stays
		t.Refuse(other)
		return nil
	}
	if err := b.p.ClearTries(ctx, tx, t, policy.LinkedSignIn); err != nil {
		return err
	}
	t.Prove(policy.LinkedSignIn, false)
	last := &t.Proving.Proved[len(t.Proving.Proved)-1]
	last.Key, last.Since = who.Provider, had.LinkedAt
	return nil
}
