package settings

import (
	"context"
	"errors"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/picture"
	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
)

// Profile is what the owner may change of how the account looks; nil leaves a
// thing as it is.
type Profile struct {
	Nickname *string // empty removes it
	Locale   *string // language of notices
	Avatar   *[]byte // JPEG or PNG; empty removes it
}

// avatarSide is the side of a picture, in pixels.
const avatarSide = 256

// Change changes the profile, all of it or nothing. A change of nothing leaves no trace.
func (h *House) Change(ctx context.Context, l *session.Live, p Profile) error {
	if p == (Profile{}) {
		return nil
	}
	name := ""
	if p.Nickname != nil {
		var err error
		if name, err = account.ReadNickname(*p.Nickname, h.Brand); err != nil {
			return err
		}
	}
	if p.Locale != nil && !slices.Contains(h.Tags, *p.Locale) {
		return fault.InvalidInput.On("locale")
	}
	if err := h.spend(ctx, l, h.ProfileLimit); err != nil {
		return err
	}
	png, err := readAvatar(p.Avatar)
	if err != nil {
		return err
	}
	return h.act(ctx, l, func(tx *sqldb.Tx) error {
		if p.Nickname != nil {
			if err := h.Accounts.SetNickname(ctx, tx, l.AccountID, name); err != nil {
				return err
			}
		}
		if p.Locale != nil {
			if err := h.Accounts.SetLocale(ctx, tx, l.AccountID, *p.Locale); err != nil {
				return err
			}
		}
		if p.Avatar != nil {
			if err := h.Accounts.SetAvatar(ctx, tx, l.AccountID, randid.ID(tx.Now()), png); err != nil {
				return err
			}
		}
		return h.Audit.Write(ctx, tx, h.entry(l, audit.ProfileChanged))
	})
}

// readAvatar makes a stranger's picture safe to show; none stays none.
func readAvatar(data *[]byte) ([]byte, error) {
	if data == nil || len(*data) == 0 {
		return nil, nil
	}
	png, err := picture.Square(*data, avatarSide)
	if err != nil {
		reason := "kind"
		if err == picture.ErrLarge {
			reason = "large"
		}
		return nil, AvatarInvalid.On("avatar").With("reason", reason).With("max_megabytes", picture.BytesMost>>20).Because(err)
	}
	return png, nil
}

// ChangeProfile changes the name that people see and the language of notices.
func (h *House) ChangeProfile(ctx context.Context, l *session.Live, nickname, tag *string) error {
	return h.Change(ctx, l, Profile{Nickname: nickname, Locale: tag})
}

// SetAvatar changes the picture; empty data removes it.
func (h *House) SetAvatar(ctx context.Context, l *session.Live, data []byte) error {
	return h.Change(ctx, l, Profile{Avatar: &data})
}

// Avatar reads the picture of the account.
func (h *House) Avatar(ctx context.Context, l *session.Live) ([]byte, error) {
	if l.Account.Avatar == "" {
		return nil, fault.NotFound
	}
	png, err := h.Accounts.Avatar(ctx, h.DB, l.AccountID, l.Account.Avatar)
	if errors.Is(err, sqldb.ErrNone) { // it was changed since the session was read
		return nil, fault.NotFound
	}
	return png, err
}
