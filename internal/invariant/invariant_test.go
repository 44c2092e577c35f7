package invariant_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/invariant"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

var guesses = quota.Limit{Name: "guesses", Windows: []quota.Window{{Max: 2, Per: time.Hour}}}

// dwelling is a store in which one person lives in order.
type dwelling struct {
	t       *testing.T
	db      *sqldb.DB
	ring    *seal.Ring
	id      account.ID
	ledger  *invariant.Ledger
	journey string // the facts of the journey, plain
}

func newDwelling(t *testing.T, db *sqldb.DB) *dwelling {
	t.Helper()
	ring, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	d := &dwelling{t: t, db: db, ring: ring, id: account.NewID(), ledger: invariant.New(db, ring, guesses)}
	accounts, contacts, devices, log := account.New(ring), contact.New(ring), device.New(ring), audit.New(ring)
	sessions := session.New(accounts, devices, session.Life{Idle: time.Hour, Absolute: time.Hour})
	links, person := link.New(ring), link.Link{Provider: "google", Subjects: []link.Subject{{Scope: "global", Value: "1"}, {Scope: "team", Value: "2"}}}
	d.tx(func(ctx context.Context, tx *sqldb.Tx) error {
		if _, err := contacts.Claim(ctx, tx, contact.Phone, "+8613800138000", d.id); err != nil {
			return err
		}
		if err := accounts.Create(ctx, tx, account.Account{ID: d.id, Region: "intl", Locale: "en"}); err != nil {
			return err
		}
		if err := contacts.Add(ctx, tx, d.id, contact.Phone, "+8613800138000"); err != nil {
			return err
		}
		if _, err := links.Claim(ctx, tx, "google", person.Subjects, d.id); err != nil {
			return err
		}
		if err := links.Add(ctx, tx, d.id, person); err != nil {
			return err
		}
		dev, err := devices.Remember(ctx, tx, d.id, "secret", device.Device{Kind: "phone", Name: "Pixel 9"})
		if err != nil {
			return err
		}
		if _, _, _, err := sessions.Open(ctx, tx, account.Account{ID: d.id, Epoch: 1}, dev.ID, nil); err != nil {
			return err
		}
		now := tx.Now().Format(time.RFC3339Nano)
		d.journey = fmt.Sprintf(`{"sent":{"codes":[{"message":"m1","tries":1,"sent_at":%[1]q,"used_at":%[1]q}]},"proved":[{"method":"sms_code","at":%[1]q}],
			"done":{"at":%[1]q,"account":%[2]d,"device_id":%[3]q}}`, now, d.id, dev.ID)
		if err := d.keep(ctx, tx, "j1", "done", d.journey); err != nil {
			return err
		}
		if err := post(ctx, tx, "m1", 0, "signin", "sent"); err != nil {
			return err
		}
		if _, err := quota.New(ring.Key("quota")).Spend(ctx, tx, quota.Spend{Limit: guesses, Subject: "a", N: 2}); err != nil {
			return err
		}
		return log.Write(ctx, tx, audit.Entry{AccountID: d.id, Kind: audit.AccountCreated, DeviceID: dev.ID}, audit.Entry{AccountID: d.id, Kind: audit.SignedIn, DeviceID: dev.ID})
	})
	return d
}

func (d *dwelling) tx(f func(ctx context.Context, tx *sqldb.Tx) error) {
	d.t.Helper()
	if err := d.db.InTx(d.t.Context(), func(tx *sqldb.Tx) error { return f(d.t.Context(), tx) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dwelling) keep(ctx context.Context, tx *sqldb.Tx, id, step, facts string) error {
	_, err := tx.Exec(ctx, `INSERT INTO journey (id, key_hash, kind, step, version, facts, created_at, expires_at) VALUES ($1, $2, 'signin', $3, 1, $4, $5, $5)`,
		id, []byte(id), step, d.ring.Seal([]byte(facts), seal.Place{Table: "journey", Column: "facts", Row: id}), sqldb.Micros(tx.Now()))
	return err
}

func post(ctx context.Context, tx *sqldb.Tx, id string, of int64, purpose, state string) error {
	_, err := tx.Exec(ctx, `INSERT INTO courier_message (id, account_id, channel, purpose, state, reason, route, handover, tries, posted_at, changed_at)
		VALUES ($1, $2, 'sms', $3, $4, '', '', $5, 0, $6, $6)`, id, of, purpose, state, []byte{}, sqldb.Micros(tx.Now()))
	return err
}

func (d *dwelling) look() []invariant.Broken {
	d.t.Helper()
	broken, err := d.ledger.Look(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return broken
}

// What is in order is found so, on both engines: a rule that accuses the innocent
// would be switched off.
func TestLook_inOrder(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, _ *clock.Clock) {
		if broken := newDwelling(t, db).look(); len(broken) > 0 {
			t.Errorf("in order, and accused: %v", broken)
		}
	})
}

// Every sentence has at least one case that breaks it.
func TestLook_broken(t *testing.T) {
	do := func(statement string) func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
		return func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
			n, err := tx.Exec(ctx, statement)
			if err == nil && n == 0 {
				err = fmt.Errorf("%s changed nothing", statement)
			}
			return err
		}
	}
	again := func(change ...string) func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
		return func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
			return d.keep(ctx, tx, "j2", "done", strings.NewReplacer(change...).Replace(d.journey))
		}
	}
	message := func(of int64, purpose, state string) func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
		return func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
			if of == 1 {
				of = int64(d.id)
			}
			return post(ctx, tx, "m2", of, purpose, state)
		}
	}
	job := func(id string) string {
		return `INSERT INTO job (id, kind, account_id, unique_key, due_at, expires_at, attempt, lease, dead_at, error, payload) VALUES ('` + id + `', 'courier.sms', 0, '', 0, 0, 0, '', 0, '', x'')`
	}
	copied := `INSERT INTO session (account_id, token_hash, id, device_id, epoch, proved, created_at, used_at) SELECT account_id, `
	visit := `INSERT INTO federation_trip (state_hash, journey_id, kind, provider, here, network, asked, browser, answer, stage, expires_at) VALUES (x'00', 'j', 'signin', 'google', FALSE, x'', x'', `
	cases := []struct {
		sentence string
		do       func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error
	}{
		{"every migration is applied", do(`DELETE FROM schema_migration WHERE number = 1`)},
		{"a session's id is unique", do(copied + `x'01', id, device_id, epoch, proved, created_at, used_at FROM session`)},
		{"a session's token is unique", do(`INSERT INTO session (account_id, token_hash, id, device_id, epoch, proved, created_at, used_at) SELECT account_id + 1, token_hash, 'other', device_id, epoch, proved, created_at, used_at FROM session`)},
		{"an audit row's id is unique", do(`UPDATE audit SET id = 'one'`)},
		{"a contact stands at an account", do(`DELETE FROM account`)},
		{"a contact has a holder", do(`DELETE FROM contact_holder`)},
		{"a holder has its contact", do(`DELETE FROM contact`)},
		{"a contact came with an act of its owner", do(`UPDATE contact SET verified_at = verified_at - 5`)},
		{"an active account has a way in and a way back", func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
			return errors.Join(do(`DELETE FROM contact`)(d, ctx, tx), do(`DELETE FROM link`)(d, ctx, tx))
		}},
		{"a link stands at an account", do(`DELETE FROM account`)},
		{"a link has a holder", do(`DELETE FROM link_holder`)},
		{"a holder has its link", do(`DELETE FROM link`)},
		{"a link came with an act of its owner", do(`UPDATE link SET linked_at = linked_at - 5`)},
		{"a link was used since it is there", do(`UPDATE link SET used_at = used_at - 5`)},
		{"a link opens under the key ring", do(`UPDATE link SET profile = x'0102'`)},
		{"a link is found by its hash, at its account", do(`DELETE FROM link_holder WHERE hash = (SELECT MIN(hash) FROM link_holder)`)},
		{"a visit is at a stage that exists, and keeps an answer while it has one", do(visit + `x'01', x'', 'lost', 0)`)},
		{"a visit is at a stage that exists, and keeps an answer while it has one", do(visit + `x'01', x'', 'back', 0)`)},
		{"a visit is at a stage that exists, and keeps an answer while it has one", do(visit + `x'01', x'01', 'taken', 0)`)},
		{"nothing came back from a visit on which nobody went", do(visit + `x'', x'01', 'held', 0)`)},
		{"a former contact is found by its index", do(`INSERT INTO contact_former (account_id, id, kind, address, verified_at, replaced_at) SELECT id, 'f', 'phone', x'00', 1, 1 FROM account`)},
		{"a former contact's index has its contact", do(`INSERT INTO contact_former_holder (hash, account_id, id, replaced_at) SELECT x'00', id, 'f', 1 FROM account`)},
		{"a change is of an account, in a state that exists", do(`INSERT INTO change (account_id, id, token_hash, kind, state, proved_by, peer_id, before, after, begun_at, ready_at, object_until) SELECT id, 'c', x'00', 'add_phone', 'asleep', '', 0, x'', x'', 1, 1, 1 FROM account`)},
		{"a dispute that waits has its claim", do(`INSERT INTO change (account_id, id, token_hash, kind, state, proved_by, peer_id, before, after, begun_at, ready_at, object_until) SELECT id, 'c', x'00', 'dispute_phone', 'waiting', '', 7, x'', x'', 1, 1, 1 FROM account`)},
		{"an account's state is one of those that exist", do(`UPDATE account SET state = 'asleep'`)},
		{"an account was made once", do(`UPDATE audit SET kind = 'account_created'`)},
		{"an account was made once", do(`DELETE FROM audit WHERE kind = 'account_created'`)},
		{"an audit row is of an account", do(`DELETE FROM account`)},
		{"a device is of an account", do(`DELETE FROM account`)},
		{"a picture is that of its account", do(`INSERT INTO account_avatar (account_id, id, png) SELECT id, 'p', x'00' FROM account`)},
		{"an account's picture is there", do(`UPDATE account SET avatar = 'p'`)},
		{"a password is of an account", do(`INSERT INTO credential_password (account_id, sealed, set_at) VALUES (7, x'00', 0)`)},
		{"a password came with an act of its owner", do(`INSERT INTO credential_password (account_id, sealed, set_at) SELECT id, x'00', 1 FROM account`)},
		{"an earlier password has a present one", do(`INSERT INTO credential_earlier (account_id, nth, sealed, replaced_at) SELECT id, 1, x'00', 1 FROM account`)},
		{"five earlier passwords are remembered", do(`INSERT INTO credential_earlier (account_id, nth, sealed, replaced_at) VALUES (7, 1, x'', 1), (7, 2, x'', 1), (7, 3, x'', 1), (7, 4, x'', 1), (7, 5, x'', 1), (7, 6, x'', 1)`)},
		{"a session's account lets its owner in", do(`UPDATE account SET state = 'frozen'`)},
		{"a session's account lets its owner in", do(`UPDATE session SET epoch = 2`)},
		{"a session has its device", do(`DELETE FROM device`)},
		{"a session began with one sign-in", do(`DELETE FROM audit WHERE kind = 'signed_in'`)},
		{"a message has a state and a purpose", do(`UPDATE courier_message SET state = 'lost'`)},
		{"a message is of nobody or of an account", message(7, "signin", "sent")},
		{"a notice tells of an act", do(`UPDATE courier_message SET purpose = 'notice_device'`)},
		{"a queued message has its job", do(`UPDATE courier_message SET state = 'queued'`)},
		{"a message that has gone has no job", do(job("m1"))},
		{"a job of the outbox has its message", do(job("m9"))},
		{"a handover has its message", do(`INSERT INTO courier_handover (id, message_id, state, reason, at) VALUES (x'00', 'm9', '', '', 0)`)},
		{"a job that nobody works on has no lease", do(strings.Replace(job("m9"), "0, 0, 0, ''", "0, 0, 0, 'x'", 1))},
		{"an account's number has its check digit", do(`UPDATE account SET id = 482109375565`)},
		{"a contact opens under the key ring", do(`UPDATE contact SET address = x'0102'`)},
		{"a contact is found by its hash, at its account", do(`UPDATE contact_holder SET hash = x'0102'`)},
		{"nothing is charged above its limit", do(`UPDATE quota SET marks = x'01FF0103'`)},
		{"a journey opens under the key ring", do(`UPDATE journey SET facts = x'0102'`)},
		{"a code is guessed at five times", again(`"tries":1`, `"tries":6`)},
		{"one code proves at a time", func(d *dwelling, ctx context.Context, tx *sqldb.Tx) error {
			first, rest, _ := strings.Cut(d.journey, `[{`)
			code, _, _ := strings.Cut(rest, `}]`)
			return d.keep(ctx, tx, "j2", "done", first+`[{`+code+`},{`+rest)
		}},
		{"a proof by code has used up its code", again(`"used_at"`, `"unused_at"`)},
		{"a journey's step is where its facts lead", do(`UPDATE journey SET step = 'code'`)},
		{"a session is the end of one journey", again()},
		{"a journey that is done has its sign-in", do(`DELETE FROM audit WHERE kind = 'signed_in'`)},
		{"a journey that is done has its session, or a later end of it", do(`DELETE FROM session`)},
		{"a code message has the journey that sent it", message(1, "signin", "sent")},
	}
	left := invariant.Sentences()
	for _, c := range cases {
		left = slices.DeleteFunc(left, func(s string) bool { return s == c.sentence })
		t.Run(c.sentence, func(t *testing.T) {
			d := newDwelling(t, sqldbtest.SQLite(t, clock.At(sqldbtest.Start)))
			d.tx(func(ctx context.Context, tx *sqldb.Tx) error { return c.do(d, ctx, tx) })
			broken := d.look()
			if !slices.ContainsFunc(broken, func(b invariant.Broken) bool { return b.Rule == c.sentence }) {
				t.Errorf("not found; found are %v", broken)
			}
		})
	}
	if len(left) > 0 {
		t.Errorf("no case breaks %q", left)
	}
}
