// Package audit holds what happened to an account, in order, for its owner
// ("recent activity") and for those who must answer for it. Rows are only ever
// added; nothing here updates or deletes one (a test says so). It owns the
// table audit.
package audit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Kind names an act; the sentence shown for it is audit.<kind>.
type Kind string

// The acts.
const (
	AccountCreated   Kind = "account_created"
	SignedIn         Kind = "signed_in"
	SignedOut        Kind = "signed_out"
	DeviceRemoved    Kind = "device_removed"
	OthersSignedOut  Kind = "others_signed_out"
	PasswordWrong    Kind = "password_wrong"
	PasswordLimited  Kind = "password_limited" // tries were refused for a while
	PasswordSet      Kind = "password_set"
	PasswordBreached Kind = "password_breached" // the right one is in a list of stolen ones
	CodesExhausted   Kind = "codes_exhausted"   // five wrong tries at one code
	CodesLimited     Kind = "codes_limited"     // a code was asked for and not sent
	SignInRefused    Kind = "sign_in_refused"   // proved, but the state of the account lets nobody in
	ContactAdded     Kind = "contact_added"
	ContactChanged   Kind = "contact_changed"
	ContactReplacing Kind = "contact_replacing" // without the old one: it happens after a wait
	ContactRemoved   Kind = "contact_removed"
	ContactDisputed  Kind = "contact_disputed" // somebody else proved to hold it
	ContactReleased  Kind = "contact_released" // and has it now
	DisputeBegun     Kind = "dispute_begun"    // over a contact of another account
	ChangeWithdrawn  Kind = "change_withdrawn"
	ChangeObjected   Kind = "change_objected"
	ChangeLapsed     Kind = "change_lapsed" // its new contact was gone when it was time
	ContactsViewed   Kind = "contacts_viewed"
	ProfileChanged   Kind = "profile_changed"
	PromptApproved   Kind = "prompt_approved" // a question about another device was answered with yes
	PromptDenied     Kind = "prompt_denied"
	TwoStepOn        Kind = "two_step_on"
	TwoStepOff       Kind = "two_step_off"
	SMSProtected     Kind = "sms_protected"   // a text message alone is never enough
	SMSUnprotected   Kind = "sms_unprotected" // it may be
	DeviceTrusted    Kind = "device_trusted"
	DeviceDistrusted Kind = "device_distrusted"
	OperatorSignOut  Kind = "operator_sign_out"
	Proved           Kind = "proved" // a step-up: who is signed in showed it once more
	PasskeyAdded     Kind = "passkey_added"
	PasskeyRenamed   Kind = "passkey_renamed"
	PasskeyRemoved   Kind = "passkey_removed"
	PasskeySuspect   Kind = "passkey_suspect" // its counter fell: there may be a copy

	TOTPOn           Kind = "totp_on" // an authenticator app, or another in its place
	TOTPOff          Kind = "totp_off"
	RecoveryCodesNew Kind = "recovery_codes_new"
	RecoveryCodeUsed Kind = "recovery_code_used"
	QuestionsSet     Kind = "questions_set"
	QuestionsOff     Kind = "questions_off"
	AnswersWrong     Kind = "answers_wrong"

	Linked            Kind = "linked" // an account at a third-party provider; of a new account: it began with one
	Unlinked          Kind = "unlinked"
	LinkMoved         Kind = "link_moved"          // to another account of the same person
	LinkRevoked       Kind = "link_revoked"        // the permission was taken back at the provider
	LinkClosed        Kind = "link_closed"         // the account at the provider is gone
	LinkErased        Kind = "link_erased"         // the provider asked to delete what came from there
	LinkKept          Kind = "link_kept"           // one of these three, but nothing else opens the account
	LinkSuspended     Kind = "link_suspended"      // the provider disabled the account there
	LinkRestored      Kind = "link_restored"       // and enabled it again
	LinkSessionsEnded Kind = "link_sessions_ended" // the provider asked to sign out
	LinkAtRisk        Kind = "link_at_risk"        // the provider warned
	LinkMailOff       Kind = "link_mail_off"       // the relay address of the provider takes no mail
	LinkMailOn        Kind = "link_mail_on"
	LinkForgotten     Kind = "link_forgotten" // what the provider had said of the person is deleted

	Frozen          Kind = "frozen" // by its owner
	FrozenByRule    Kind = "frozen_by_rule"
	FrozenBySupport Kind = "frozen_by_support"
	Unfrozen        Kind = "unfrozen"
	Thawed          Kind = "thawed" // a short freeze ended by itself
	Blocked         Kind = "blocked"
	Unblocked       Kind = "unblocked"
	Recovered       Kind = "recovered"
	TakeoverUndone  Kind = "takeover_undone"
	RecoveryWait    Kind = "recovery_wait" // a wait began that stands in for a proof
)

// Entry is one act. Details never hold a secret or an unmasked contact.
type Entry struct {
	AccountID account.ID
	At        time.Time
	ID        string
	Kind      Kind
	DeviceID  string
	Details   map[string]string // device, place, method, contact (masked)
}

// Store keeps the audit.
type Store struct{ ring *seal.Ring }

// New makes the store.
func New(ring *seal.Ring) *Store { return &Store{ring} }

// Write adds entries in the transaction of the acts they tell of. What was
// tried at nobody (the account 0) is asked for like the rest, one statement, and
// leaves no row: the time must not tell that nobody is there (S-26).
func (s *Store) Write(ctx context.Context, tx *sqldb.Tx, entries ...Entry) error {
	if len(entries) == 1 && entries[0].AccountID == 0 {
		var n int
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM audit WHERE account_id = 0`).Scan(&n)
	}
	args := make([]any, 0, 6*len(entries))
	for i, e := range entries {
		id := randid.ID(tx.Now())
		details := []byte{}
		if len(e.Details) > 0 {
			plain, err := json.Marshal(e.Details)
			if err != nil {
				return err
			}
			details = s.ring.Seal(plain, detailsPlace(id))
		}
		at := sqldb.Micros(tx.Now()) + int64(i) // entries of one act keep their order
		args = append(args, int64(e.AccountID), at, id, string(e.Kind), e.DeviceID, details)
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit (account_id, at, id, kind, device_id, details) VALUES `+sqldb.Values(len(entries), 6), args...)
	return err
}

// Count counts the acts of an account since a time, by their kinds.
func (s *Store) Count(ctx context.Context, q sqldb.Querier, id account.ID, since time.Time) (map[Kind]int, error) {
	rows, err := q.Query(ctx, `SELECT kind, COUNT(*) FROM audit WHERE account_id = $1 AND at > $2 GROUP BY kind`, int64(id), sqldb.Micros(since))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[Kind]int{}
	for rows.Next() {
		var kind Kind
		var n int
		if err := rows.Scan(&kind, &n); err != nil {
			return nil, err
		}
		out[kind] = n
	}
	return out, rows.Err()
}

// List reads up to n entries older than before (zero: from the newest).
func (s *Store) List(ctx context.Context, q sqldb.Querier, id account.ID, before time.Time, n int) ([]Entry, error) {
	until := sqldb.Micros(before)
	if until == 0 {
		until = 1<<63 - 1
	}
	rows, err := q.Query(ctx, `SELECT at, id, kind, device_id, details FROM audit WHERE account_id = $1 AND at < $2 ORDER BY at DESC, id DESC LIMIT $3`, int64(id), until, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		e := Entry{AccountID: id}
		var at int64
		var sealed []byte
		if err := rows.Scan(&at, &e.ID, &e.Kind, &e.DeviceID, &sealed); err != nil {
			return nil, err
		}
		e.At = sqldb.FromMicros(at)
		if len(sealed) > 0 {
			plain, err := s.ring.Open(sealed, detailsPlace(e.ID))
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal(plain, &e.Details); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func detailsPlace(id string) seal.Place {
	return seal.Place{Table: "audit", Column: "details", Row: id}
}

// Sealed names the sealed column, for a rotation of the keys: what a row says
// stays as it is, only the key under which it says it changes.
func Sealed() []rekey.Column {
	return []rekey.Column{{Table: "audit", Sealed: "details", Key: []string{"account_id", "at", "id"},
		Place: func(key []any) seal.Place { return detailsPlace(key[2].(string)) }}}
}
