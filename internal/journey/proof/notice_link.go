package proof

import (
	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

// Provider is what the owner of an account calls a third-party provider; one that the
// operator added is called by its name.
func (n *Notices) Provider(who account.Account, name string) string {
	tag, key := locale.Tag(who.Locale), "provider."+name
	if !n.words.Has(tag, key) {
		return name
	}
	return n.words.T(tag, key)
}
