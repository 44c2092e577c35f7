// Package passkey holds the passkeys of accounts (WebAuthn Level 3), the random
// handles by which authenticators know an account, and the check of everything
// an authenticator says. What a script was told is not trusted: every demand is
// checked here, from the bytes that were signed (S-31). It must never take a
// challenge twice (whoever keeps one takes it away before asking), never put a
// contact or an account number into what an authenticator stores (S-32), and
// never say to a stranger which check failed. It owns the tables passkey,
// passkey_credential, passkey_user, passkey_handle and passkey_registration.
package passkey

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Most is how many passkeys an account keeps.
const Most = 20

// Key is a passkey of an account.
type Key struct {
	ID           string // ours
	CredentialID []byte // the authenticator's
	PublicKey    []byte // COSE_Key (RFC 9052 section 7)
	Flags        byte   // of the authenticator data at registration
	BackedUp     bool   // as last seen
	Counter      uint32 // 0: the authenticator does not count
	Transports   []string
	Attestation  string // none, self
	AAGUID       []byte // 16 bytes, the model; zeros: not told
	Name         string // the owner's; empty: none
	CreatedAt    time.Time
	UsedAt       time.Time // zero: never
	SuspectAt    time.Time // when its counter fell: it proves nothing any more; zero: never
}

// Synced tells whether the passkey may be copied to other devices of its owner
// (backup eligibility, which never changes).
func (k Key) Synced() bool { return k.Flags&flagBackupEligible != 0 }

// Works tells whether the passkey proves anything.
func (k Key) Works() bool { return k.SuspectAt.IsZero() }

// nameMost bounds a name in characters.
const nameMost = 40

// ReadName reads what the owner calls a passkey: one line, without characters
// that cannot be seen. Empty is no name.
func ReadName(text string) (string, error) {
	if len(text) > 4*nameMost || !utf8.ValidString(text) {
		return "", fault.InvalidInput.On("name")
	}
	name := strings.Join(strings.Fields(norm.NFC.String(text)), " ")
	bad := strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' || unicode.Is(unicode.Co, r) || r == utf8.RuneError
	})
	if bad || utf8.RuneCountInString(name) > nameMost {
		return "", fault.InvalidInput.On("name")
	}
	return name, nil
}

// SuggestName makes a name of what a device calls itself; empty if that is none.
func SuggestName(device string) string {
	if r := []rune(device); len(r) > nameMost {
		device = string(r[:nameMost])
	}
	name, err := ReadName(device)
	if err != nil {
		return ""
	}
	return name
}

// transports are the hints that a registration may carry (WebAuthn Level 3 section 5.8.4).
var transports = []string{"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}

// knownTransports drops what is not in the standard, and doubles.
func knownTransports(sent []string) []string {
	var out []string
	for _, t := range transports {
		if slices.Contains(sent, t) {
			out = append(out, t)
		}
	}
	return out
}
