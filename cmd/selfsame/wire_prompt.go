package main

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	accountpage "github.com/selfsame-id/selfsame/internal/journey/settings"
)

// promptsAnHour is how many questions about one account are asked in an hour.
const promptsAnHour = 3

// prompting adds questions to signed-in devices to the ways to prove: three an hour
// about one account, and after a refusal one that asks waits an hour (S-171).
func (b *site) prompting(notices *proof.Notices) *proof.Prompts {
	p := &proof.Prompts{
		Prover: b.prover, Store: prompt.New(b.ring), Sessions: b.sessions, Notices: notices,
		Asks:    limit("prompts.asks", within(promptsAnHour, time.Hour), within(10, day)),
		Denials: limit("prompts.denials", within(1, time.Hour), within(3, day)),
	}
	b.prover.Means = append(b.prover.Means, proof.ByPrompt(p))
	return p
}

// watching lets signed-in pages and apps hear of questions at once.
func (b *site) watching(p *proof.Prompts) *accountpage.Watching {
	w := accountpage.NewWatching(b.db, b.Clock, p.Store, b.sessions)
	b.runs = append(b.runs, w.Run)
	return w
}
