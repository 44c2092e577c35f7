package main

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

// contactJourneys makes what happens to the contacts of an account, and the
// objection to it.
func (b *site) contactJourneys(notices *proof.Notices) {
	b.contactChanges = &contacts.House{
		DB: b.db, Regions: b.regions, Numbers: b.numbers, Accounts: b.accounts, Contacts: b.contacts, Changes: b.life.changes, Sessions: b.sessions,
		Audit: b.audit, Book: b.book, Prover: b.prover, Notices: notices, Secure: b.life.freeze.Secure,
		Rules: contacts.Rules{
			Life: b.set.Journeys.Life, Wait: policy.Young, ObjectFor: policy.Young,
			Changes:  limit("contacts.changes", within(3, 30*day)),
			Typed:    limit("contacts.typed", within(10, time.Hour), within(30, day)),
			Disputes: limit("contacts.disputes", within(3, 30*day)),
			Disputed: limit("contacts.disputed", within(2, 30*day)),
		},
	}
	flow.Add(b.runner, contacts.Journey(b.contactChanges))
	b.jobs.Every("contacts.due", time.Minute, b.contactChanges.Due)
}
