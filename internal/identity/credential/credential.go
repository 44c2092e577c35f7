// Package credential holds passwords: which are good enough, how they are hashed
// and checked, how many hashes run at once, and which earlier ones are
// remembered. A password is an argon2id hash (RFC 9106) in PHC form, sealed
// under the key ring for the row of its account. The ring is the pepper (S-22):
// without it a copy of the database has nothing to guess at, and a hash copied
// to another account opens nowhere. The key's version stands in the sealed
// value, so a new pepper is put on in the background (Reseal) and no old key
// has to be kept until the last person has signed in.
//
// It must never keep, log or return a password, never cut or trim one, and never
// hash outside the gate or inside a transaction. It does not count tries: that
// is the journey's, on every way that leads here (S-27).
//
// It owns the tables credential_password and credential_earlier.
package credential

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
)

// Passwords hashes, checks, judges and stores. It is safe for concurrent use.
type Passwords struct {
	gate  *Gate
	ring  *seal.Ring
	rules Rules
	dummy hashed // stands in where there is no password
}

// New makes Passwords whose hashes go through g, with the profile of g.
func New(g *Gate, ring *seal.Ring, rules Rules) *Passwords {
	dummy := hashed{profile: g.profile, salt: make([]byte, saltSize), output: make([]byte, outputSize)}
	rand.Read(dummy.salt)
	rand.Read(dummy.output)
	return &Passwords{gate: g, ring: ring, rules: rules.withDefaults(), dummy: dummy}
}

// Stored is the password of an account as Load found it, with the earlier ones.
// The zero value is no password; it checks as slowly as a real one.
type Stored struct {
	id      account.ID
	isSet   bool
	setAt   time.Time
	sealed  []byte
	hash    hashed
	earlier []earlier // newest first

	breachedAt time.Time
}

type earlier struct {
	nth        int64
	sealed     []byte
	replacedAt time.Time
}

// IsSet tells whether there is a password.
func (s Stored) IsSet() bool { return s.isSet }

// SetAt is when the password was chosen; zero if there is none.
func (s Stored) SetAt() time.Time { return s.setAt }

// Replaced tells whether there was another password before this one.
func (s Stored) Replaced() bool { return len(s.earlier) > 0 }

// Hashed is a password that is ready for Set or Upgrade.
type Hashed struct {
	phc     string
	instead []byte // for Upgrade: the sealed hash that it may replace
}

// Verdict is the outcome of a check.
type Verdict struct {
	Right bool
	// Upgrade, if not nil, is the same password at the present cost or under the
	// present key. The journey hands it to the method Upgrade in its transaction.
	Upgrade *Hashed
}

// Check tells whether the password is the stored one. It takes one hash in the
// gate whether there is a password or not, right or wrong, and with current
// parameters where there is none (S-26); only a right password that is to be
// upgraded takes two. Errors are those of the gate, and PasswordLong or
// fault.InvalidInput for what can be no password of anybody; these come before
// hashing.
func (p *Passwords) Check(ctx context.Context, s Stored, password string) (Verdict, error) {
	password, err := read(password)
	if err != nil {
		return Verdict{}, err
	}
	against := p.dummy
	if s.isSet {
		against = s.hash
	}
	same, err := p.matches(ctx, against, password)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Right: same && s.isSet}
	if v.Right {
		v.Upgrade = p.upgrade(ctx, s, password)
	}
	return v, nil
}

// upgrade is nil if there is nothing to do, or no room in the gate: the next
// sign-in will do it.
func (p *Passwords) upgrade(ctx context.Context, s Stored, password string) *Hashed {
	switch {
	case s.hash.profile != p.gate.profile:
		h, err := p.hash(ctx, password)
		if err != nil {
			return nil
		}
		return &Hashed{phc: h, instead: s.sealed}
	case p.ring.Stale(s.sealed):
		return &Hashed{phc: s.hash.String(), instead: s.sealed}
	}
	return nil
}

// CheckEarlier tells whether the password is one of the remembered earlier ones
// and when it was replaced. It takes up to five hashes, and its answer confirms
// a leaked password: call it only on a device that the account knows or after
// another proof (S-26), or for the evidence of an appeal (S-178). An earlier
// password is never a way in.
func (p *Passwords) CheckEarlier(ctx context.Context, s Stored, password string) (replacedAt time.Time, ok bool, err error) {
	password, err = read(password)
	if err != nil {
		return time.Time{}, false, err
	}
	for _, e := range s.earlier {
		h, err := p.open(e.sealed, earlierPlace(s.id, e.nth))
		if err != nil {
			return time.Time{}, false, err
		}
		same, err := p.matches(ctx, h, password)
		if err != nil {
			return time.Time{}, false, err
		}
		if same {
			return e.replacedAt, true, nil
		}
	}
	return time.Time{}, false, nil
}

func (p *Passwords) matches(ctx context.Context, h hashed, password string) (bool, error) {
	output, err := p.gate.hash(ctx, h.profile, password, h.salt, len(h.output))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(output, h.output) == 1, nil
}

// Hash makes the hash of a password that Judge has let pass. It is slow; errors
// are those of the gate and of the upper length.
func (p *Passwords) Hash(ctx context.Context, password string) (Hashed, error) {
	password, err := read(password)
	if err != nil {
		return Hashed{}, err
	}
	phc, err := p.hash(ctx, password)
	return Hashed{phc: phc}, err
}

func (p *Passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	output, err := p.gate.hash(ctx, p.gate.profile, password, salt, outputSize)
	if err != nil {
		return "", err
	}
	return hashed{p.gate.profile, salt, output}.String(), nil
}
