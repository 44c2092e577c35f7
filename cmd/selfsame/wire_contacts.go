package main

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
)

// contactJourneys makes what happens to the contacts of an account, and the
// objection to it.
func (b *site) contactJourneys(notices *proof.Notices) {
	b.contactChanges = &contacts.House{
		DB: b.db, Regions: b.regions, Numbers: b.numbers, Accounts: b.accounts, Contacts: b.contacts, Changes: b.life.changes, Sessions: b.sessions,
		Audit: b.audit, Book: b.book, Prover: b.prover, Notices: notices, Secure: b.life.freeze.Secure,
		Rules: contactRules(b.set),
	}
	flow.Add(b.runner, contacts.Journey(b.contactChanges))
	b.jobs.Every("contacts.due", time.Minute, b.contactChanges.Due)
}

// contactRules are the numbers of changes of contacts.
func contactRules(s settings.Settings) contacts.Rules {
	c := s.Contacts
	return contacts.Rules{
		Life: s.Journeys.Life, Wait: c.Wait, ObjectFor: c.ObjectFor,
		Changes:  limit("contacts.changes", within(c.ChangesMonth, 30*day)),
		Typed:    limit("contacts.named", within(c.TypedPerHour, time.Hour)),
		Disputes: limit("contacts.disputes", within(c.DisputesMonth, 30*day)),
		Disputed: limit("contacts.disputed", within(c.DisputedMonth, 30*day)),
	}
}
