package linking

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
)

// Message is a request that a provider made by itself, and Reply what it hears.
type (
	Message = provider.Message
	Reply   = provider.Reply
)

// reaction is what a notice of a kind does. None of it opens anything or finds an
// account for anybody (S-170): Enabled takes back no more than what Disabled did.
type reaction struct {
	unlink  bool // and end the sessions that rest on the link
	suspend bool
	resume  bool
	end     bool       // the sessions that rest on the link
	forget  bool       // what the provider said of the person
	act     audit.Kind // empty: it leaves no trace at the account
	tell    string     // purpose of the notice to every contact; empty: none
}

// reactions are all that a provider can bring about.
var reactions = map[provider.NoticeKind]reaction{
	provider.Revoked:         {unlink: true, act: audit.LinkRevoked, tell: "notice_link_ended"},
	provider.Deleted:         {unlink: true, act: audit.LinkClosed, tell: "notice_link_ended"},
	provider.DataDeletion:    {unlink: true, act: audit.LinkErased, tell: "notice_link_erased"},
	provider.SessionsRevoked: {end: true, act: audit.LinkSessionsEnded},
	provider.Disabled:        {suspend: true, act: audit.LinkSuspended, tell: "notice_link_suspended"},
	provider.Hijacked:        {suspend: true, end: true, act: audit.LinkSuspended, tell: "notice_link_suspended"},
	provider.Enabled:         {resume: true, act: audit.LinkRestored, tell: "notice_link_restored"},
	provider.AtRisk:          {act: audit.LinkAtRisk},
	provider.MailOff:         {act: audit.LinkMailOff},
	provider.MailOn:          {act: audit.LinkMailOn},
	provider.Profile:         {forget: true, act: audit.LinkForgotten},
	provider.Verification:    {},
	provider.Unknown:         {},
}

// noticeFor is how long a notice is remembered, so that it counts once (S-87): longer
// than any provider's messages are taken after they were made.
const noticeFor = 90 * 24 * time.Hour

// Receive takes a provider's message. Its faults are not_found (no such provider, or
// one that tells nothing), notice_refused, and unavailable where the provider's keys
// could not be had; after any error but the first two the provider repeats.
func (h *House) Receive(ctx context.Context, name string, m Message) (*Reply, error) {
	p, tells := h.Providers.Get(name).(provider.Notifier)
	if !tells {
		return nil, fault.NotFound
	}
	m.Now = h.DB.Now()
	got, err := p.Receive(ctx, m)
	if err != nil {
		switch provider.ReasonOf(err) {
		case provider.Untrusted, provider.Malformed:
			return nil, NoticeRefused.Because(err)
		}
		return nil, fault.Unavailable.Because(err)
	}
	reply := got.Reply
	for _, n := range got.Notices {
		if n.ID == "" { // the same bytes are the same notice
			sum := sha256.Sum256(m.Body)
			n.ID = hex.EncodeToString(sum[:])
		}
		counts, err := h.believed(ctx, p, name, n)
		if h.Heard != nil {
			h.Heard(ctx, name, n, counts)
		}
		if err != nil {
			return nil, err
		}
		if !counts {
			continue
		}
		result, err := h.notice(ctx, name, n)
		if err != nil {
			return nil, err
		}
		if got.Delete && n.Kind == provider.DataDeletion {
			if reply, err = h.deletionReply(ctx, name, n.ID, result); err != nil {
				return nil, err
			}
		}
	}
	return reply, nil
}

// hints bound how often notices that nothing proves have us ask a provider about one
// account: anybody can send them.
var hints = quota.Limit{Name: "link.hints", Windows: []quota.Window{{Max: 3, Per: time.Hour}}}

// believed tells whether a notice counts: one that nothing proves only if the provider
// says itself that the grant of the link is gone (S-87).
func (h *House) believed(ctx context.Context, p provider.Notifier, name string, n provider.Notice) (bool, error) {
	if !n.Hint {
		return true, nil
	}
	asks, can := p.(provider.Confirmer)
	if !can {
		return false, nil
	}
	var had link.Link
	may := false
	err := h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		may = false
		who, l, found, err := h.about(ctx, tx, name, n)
		if err != nil || !found || len(l.Grant) == 0 {
			return err
		}
		refused, err := h.Book.Spend(ctx, tx, quota.Spend{Limit: hints, Subject: who.ID.String() + "\x00" + name})
		had, may = l, refused == nil
		return err
	})
	if err != nil || !may {
		return false, err
	}
	var grant provider.Grant
	if err := json.Unmarshal(had.Grant, &grant); err != nil {
		return false, err
	}
	gone, err := asks.Gone(ctx, grant)
	if err != nil {
		return false, fault.Unavailable.Because(err)
	}
	return gone, nil
}

// notice acts on one notice, once, in one transaction.
func (h *House) notice(ctx context.Context, name string, n provider.Notice) (result string, err error) {
	does := reactions[n.Kind]
	err = h.DB.InTx(ctx, func(tx *sqldb.Tx) error {
		result = ""
		first, err := h.Desk.Seen(ctx, tx, "notice\x00"+name+"\x00"+string(n.Kind)+"\x00"+n.ID, tx.Now().Add(noticeFor))
		if err != nil || !first {
			return err
		}
		result = nothing
		who, had, found, err := h.about(ctx, tx, name, n)
		if err != nil {
			return err
		}
		if found {
			if result, err = h.react(ctx, tx, who, had, does); err != nil {
				return err
			}
		}
		if n.Kind == provider.DataDeletion {
			return h.noteDeletion(ctx, tx, name, n.ID, result)
		}
		return nil
	})
	return result, err
}

// about finds and locks the account that a notice is about, whatever its state: what a
// notice does restricts. One that is older than the link is about an earlier one.
func (h *House) about(ctx context.Context, tx *sqldb.Tx, name string, n provider.Notice) (who account.Account, had link.Link, found bool, err error) {
	if len(n.Subjects) == 0 {
		return who, had, false, nil
	}
	subjects := make([]link.Subject, len(n.Subjects))
	for i, s := range n.Subjects {
		subjects[i] = link.Subject{Scope: s.Scope, Value: s.Value}
	}
	holder, _, err := h.Links.Holder(ctx, tx, name, subjects)
	if err != nil || holder == 0 {
		return who, had, false, err
	}
	if who, err = h.Accounts.Load(ctx, tx, holder); err == nil {
		had, err = h.Links.Load(ctx, tx, holder, name)
	}
	if errors.Is(err, sqldb.ErrNone) { // unlinked before the lock was ours
		return who, had, false, nil
	}
	stale := before(n.At, had.LinkedAt) || n.Kind == provider.Enabled && before(n.At, had.SuspendedAt)
	return who, had, err == nil && had.Is(subjects) && !stale, err
}

// before compares a provider's time, which may be of whole seconds, with one of ours.
func before(theirs, ours time.Time) bool {
	return !theirs.IsZero() && theirs.Before(ours.Truncate(time.Second))
}

// What became of the data of a deletion request.
const (
	deleted = "deleted" // nothing is left of the link
	kept    = "kept"    // the name and the address are gone; the link stays, because nothing else opens the account
	nothing = "nothing" // there was nothing
)

// react does to a link what a notice asks for.
func (h *House) react(ctx context.Context, tx *sqldb.Tx, who account.Account, had link.Link, does reaction) (result string, err error) {
	a := act{kind: does.act, tell: does.tell, provider: had.Provider}
	switch {
	case does.unlink:
		if result, err = h.takeOff(ctx, tx, who, had); err != nil {
			return "", err
		}
		if result == kept {
			a.kind, a.tell = audit.LinkKept, ""
		}
	case does.suspend:
		changed, err := h.Links.Suspend(ctx, tx, who.ID, had.Provider)
		if err != nil || !changed && !does.end {
			return "", err
		}
	case does.resume:
		if changed, err := h.Links.Resume(ctx, tx, who.ID, had.Provider); err != nil || !changed {
			return "", err
		}
	case does.forget:
		if _, err := h.Links.Forget(ctx, tx, who.ID, had.Provider); err != nil {
			return "", err
		}
	}
	if does.unlink || does.end {
		if _, err := h.Sessions.EndResting(ctx, tx, who.ID, string(policy.LinkedSignIn), had.Provider, ""); err != nil {
			return "", err
		}
	}
	if a.kind == "" {
		return result, nil
	}
	return result, h.happened(ctx, tx, who, a)
}

// takeOff unlinks, unless nothing else opens the account: then the link stays, so that
// whoever signs in at the provider again is not shut out of the own account (S-73), and
// only what the provider had said is forgotten.
func (h *House) takeOff(ctx context.Context, tx *sqldb.Tx, who account.Account, had link.Link) (result string, err error) {
	err = h.removable(ctx, tx, who, had.Provider)
	switch {
	case err == nil:
		_, err = h.Links.Remove(ctx, tx, who.ID, had.Provider)
		return deleted, err
	case fault.From(err) == nil:
		return "", err
	}
	_, err = h.Links.Strip(ctx, tx, who.ID, had.Provider)
	return kept, err
}
