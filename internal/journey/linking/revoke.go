package linking

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// revokeJob gives a grant back at its provider after a person unlinked.
const revokeJob = "link.revoke"

// revokeFor is how long that is tried: a provider may be down for days, and an
// operator may have to mend a secret.
const revokeFor = 7 * 24 * time.Hour

// given is the payload of the job, sealed.
type given struct {
	Provider string         `json:"provider"`
	Subjects []link.Subject `json:"subjects"`
	Grant    []byte         `json:"grant"`
}

func jobPlace(id string) seal.Place { return seal.Place{Table: "job", Column: "payload", Row: id} }

// Work says with which queue grants are given back. Without it none is.
func (h *House) Work(queue *job.Queue) {
	h.queue = queue
	queue.Handle(revokeJob, job.Options{Workers: 2, Attempts: 24, Backoff: job.Backoff(10*time.Second, 12*time.Hour)}, h.revoke)
}

// giveBack has what a provider wants to see again given back, after the commit.
func (h *House) giveBack(ctx context.Context, tx *sqldb.Tx, id account.ID, l link.Link) error {
	if _, can := h.Providers.Get(l.Provider).(provider.Revoker); !can || len(l.Grant) == 0 || h.queue == nil {
		return nil
	}
	plain, err := json.Marshal(given{l.Provider, l.Subjects, l.Grant})
	if err != nil {
		return err
	}
	name := randid.ID(tx.Now())
	return h.queue.Put(ctx, tx, job.Job{ID: name, Kind: revokeJob, AccountID: int64(id), ExpiresAt: tx.Now().Add(revokeFor), Payload: h.Ring.Seal(plain, jobPlace(name))})
}

// revoke asks the provider. It runs at least once, and a provider that does not know
// the grant any more has what it wants. Where the same person was linked anew
// meanwhile, nothing is given back: providers revoke for a person, not for a token.
func (h *House) revoke(ctx context.Context, j job.Job) (func(context.Context, *sqldb.Tx) error, error) {
	plain, err := h.Ring.Open(j.Payload, jobPlace(j.ID))
	if err != nil {
		return nil, job.Permanent(err)
	}
	var g given
	var grant provider.Grant
	if err := errors.Join(json.Unmarshal(plain, &g), json.Unmarshal(g.Grant, &grant)); err != nil {
		return nil, job.Permanent(err)
	}
	p, can := h.Providers.Get(g.Provider).(provider.Revoker)
	if !can {
		return nil, job.Permanent(errors.New("linking: " + g.Provider + " is switched off"))
	}
	if holder, _, err := h.Links.Holder(ctx, h.DB, g.Provider, g.Subjects); err != nil || holder != 0 {
		return nil, err
	}
	err = p.Revoke(ctx, grant)
	switch {
	case err == nil:
		return nil, nil
	case over[provider.ReasonOf(err)]:
		return nil, nil
	}
	return nil, err
}

// over are the reasons that say that there is nothing left to give back.
var over = map[provider.Reason]bool{provider.InvalidCode: true, provider.Expired: true, provider.Replayed: true, provider.Denied: true}
