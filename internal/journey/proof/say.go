package proof

import (
	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Word is a word of the catalogs in the owner's language, for the texts of notices.
func (n *Notices) Word(who account.Account, key string) string {
	return n.words.T(locale.Tag(who.Locale), key)
}
