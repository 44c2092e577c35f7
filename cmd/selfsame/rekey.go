package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/footprint"
	"github.com/selfsame-id/selfsame/internal/identity/link"
	"github.com/selfsame-id/selfsame/internal/identity/notice"
	"github.com/selfsame-id/selfsame/internal/identity/passkey"
	"github.com/selfsame-id/selfsame/internal/identity/prompt"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/rekey"
	"github.com/selfsame-id/selfsame/internal/identity/totp"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// reseal puts everything that outlives a day under the primary keys: sealed
// columns, passwords, and the indexes by which contacts and links are found. Journeys and
// messages under way end by themselves before an old key may be disabled.
func (b *site) reseal(ctx context.Context) (changed, left int, err error) {
	for _, c := range slices.Concat(account.Sealed(), contact.Sealed(), device.Sealed(), footprint.Sealed(), link.Sealed(), audit.Sealed(), change.Sealed(), notice.Sealed(), prompt.Sealed(), passkey.Sealed(), question.Sealed(), recoverycode.Sealed(), totp.Sealed()) {
		done, err := rekey.Walk(ctx, b.db, b.ring, c)
		if err != nil {
			return changed, left, err
		}
		changed, left = changed+done.Changed, left+done.Lost
	}
	const n = 200
	for after := account.ID(0); ; {
		done, err := b.passwords.Reseal(ctx, b.db, after, n)
		if err != nil {
			return changed, left, err
		}
		changed, left = changed+done.Changed, left+done.Lost
		if after = done.Next; after == 0 {
			break
		}
	}
	for _, reindex := range []func(context.Context, *sqldb.DB, account.ID, int) (account.ID, int, error){b.contacts.Reindex, link.New(b.ring).Reindex} {
		for after := account.ID(0); ; {
			next, added, err := reindex(ctx, b.db, after, n)
			if err != nil {
				return changed, left, err
			}
			changed += added
			if after = next; after == 0 {
				break
			}
		}
	}
	return changed, left, nil
}

// resealDaily does it where an older key is still enabled.
func (b *site) resealDaily(ctx context.Context) error {
	if !rotated(b.ring) {
		return nil
	}
	changed, left, err := b.reseal(ctx)
	if err == nil {
		b.Log.InfoContext(ctx, "resealed under the newest keys", slog.Int("changed", changed), slog.Int("lost", left))
	}
	return err
}

// rotated tells whether the ring has an enabled key that is not primary.
func rotated(ring *seal.Ring) bool {
	return slices.ContainsFunc(ring.Keys(), func(k seal.KeyInfo) bool { return k.Enabled && !k.Primary })
}

func runKeysReseal(ctx context.Context, sh *shell, args []string) error {
	fs := flags("keys reseal")
	config := configFlag(fs)
	if _, err := parse(fs, args); err != nil {
		return err
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	return sh.within(ctx, s, func(h *house) error {
		changed, left, err := h.Reseal(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(sh.out, "Put %d values under the newest keys.\n", changed)
		if left > 0 {
			return fmt.Errorf("%d values open under no enabled key: enable the key that they are under", left)
		}
		return nil
	})
}

// runKeysDisable stops a key version, but only after a walk has found nothing
// under an old key any more.
func runKeysDisable(ctx context.Context, sh *shell, args []string) error {
	fs := flags("keys disable")
	config := configFlag(fs)
	rest, err := parse(fs, args, "ID")
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(rest[0], 10, 32)
	if err != nil {
		return usageError{"ID has to be a number from: selfsame keys list"}
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	err = sh.within(ctx, s, func(h *house) error {
		changed, left, err := h.Reseal(ctx)
		if err == nil && changed+left > 0 {
			err = fmt.Errorf("%d values were still under older keys; they are moved now: run this again when every node has read the new key ring", changed+left)
		}
		return err
	})
	if err != nil {
		return err
	}
	ring, err := openRing(s, false)
	if err != nil {
		return err
	}
	if err := ring.Disable(uint32(id)); err != nil {
		return err
	}
	if err := ring.Save(s.Keys.File, []byte(s.Keys.Passphrase.Reveal())); err != nil {
		return err
	}
	return printKeys(sh, ring, false)
}
