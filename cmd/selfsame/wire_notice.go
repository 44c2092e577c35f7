package main

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
)

// notices is what tells owners of their accounts, and keeps what was told.
func (b *site) notices() *proof.Notices {
	kept := notice.New(b.ring)
	n := proof.NewNotices(b.courier, b.words, b.set.Brand.Name, b.zone).Keep(kept, b.set.Public())
	n.Watch(b.jobs, b.accounts, b.contacts)
	b.jobs.Every("notice.sweep", day, func(ctx context.Context) error { return kept.Sweep(ctx, b.db) })
	return n
}
