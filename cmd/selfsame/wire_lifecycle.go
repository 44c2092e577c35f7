package main

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/lifecycle"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/recovery"
)

// lifeParts are what stands around the state of an account.
type lifeParts struct {
	changes *change.Store
	endings *proof.Endings
	freezes *proof.WeakFreezes
	names   *proof.Names
	freeze  *lifecycle.House
	recover *recovery.House
}

// lives makes what an account goes through: waits, freezing, recovery. Whoever
// changes how an account is proved is watched by it.
func (b *site) lives(notices *proof.Notices) {
	changes := change.New(b.ring)
	l := &lifeParts{
		changes: changes,
		endings: &proof.Endings{Sessions: b.sessions, Devices: b.devices, Changes: changes},
		freezes: &proof.WeakFreezes{Book: b.book},
		names:   &proof.Names{Directory: b.directory, Numbers: b.numbers, Accounts: b.accounts, Contacts: b.contacts},
	}
	b.prover.Waits = &proof.PatientWaits{Changes: changes, Contacts: b.contacts, Notices: notices, Audit: b.audit, At: b.prover.ContactsAt}
	l.freeze = &lifecycle.House{
		DB: b.db, Regions: b.regions, Names: l.names, Prover: b.prover, Accounts: b.accounts, Contacts: b.contacts, Devices: b.devices, Sessions: b.sessions,
		Audit: b.audit, Book: b.book, Notices: notices, Endings: l.endings, Freezes: l.freezes, Life: b.set.Journeys.Life,
	}
	l.recover = &recovery.House{
		DB: b.db, Regions: b.regions, Names: l.names, Prover: b.prover, Accounts: b.accounts, Contacts: b.contacts, Devices: b.devices, Sessions: b.sessions,
		Changes: changes, Audit: b.audit, Passwords: b.passwords, Book: b.book, Notices: notices, Endings: l.endings, Freezes: l.freezes,
		Passkeys: b.keys.store, TOTP: b.factors.totp, RecoveryCodes: b.factors.codes, Questions: b.factors.questions.Stored, Links: b.federation.links,
		Brand: b.set.Brand.Name, MinLength: b.set.Passwords.MinLength, MaxLength: passwordMost, Life: b.set.Journeys.Life,
	}
	b.prover.Watch = l.freeze
	flow.Add(b.runner, lifecycle.Journey(l.freeze))
	flow.Add(b.runner, recovery.Journey(l.recover))
	b.jobs.Every("account.lapse", time.Minute, l.freeze.Lapse)
	b.jobs.Every("change.sweep", day, func(ctx context.Context) error { return changes.Sweep(ctx, b.db) })
	b.jobs.Every("contact.sweep", day, func(ctx context.Context) error { return b.contacts.SweepFormer(ctx, b.db) })
	b.life = l
}
