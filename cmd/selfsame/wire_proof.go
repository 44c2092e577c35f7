package main

import (
	"fmt"

	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
)

// proofs makes the one place that decides what is enough, with every way to prove.
func (b *site) proofs() error {
	codes := proof.NewCodes(b.ring, b.book, b.courier, b.words, b.set.Brand.Name, b.set.Public().Hostname(), codeLimits(b.set))
	captchas := proof.NewCaptchas(b.ring, b.set.Captcha.Difficulty)
	b.guesses = &proof.Passwords{Stored: b.passwords, Book: b.book, Captchas: captchas, Audit: b.audit, Rules: passwordRules(b.set)}
	p := &proof.Prover{
		Policy:   policy.New(policy.Settings{PasswordAlone: b.set.Passwords.Alone, Questions: b.set.Questions.Enabled}),
		Accounts: b.accounts, Contacts: b.contacts, Devices: b.devices, Audit: b.audit, Book: b.book,
		Codes: codes, Captchas: captchas, Tries: secretTries(b.set),
	}
	p.Means = []proof.Means{
		proof.BySMS(p), proof.ByEmail(p), proof.ByPassword(p, b.guesses),
	}
	p.Footprints, p.Atlas, p.Numbers = b.footprints, b.atlas, b.numbers
	bad, err := readNetworks(b.set.Risk.Networks)
	if err != nil {
		return fmt.Errorf("risk.networks: %w", err)
	}
	p.BadNetwork = bad.holds
	b.prover = p
	return nil
}
