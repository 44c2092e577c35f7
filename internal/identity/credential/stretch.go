package credential

import (
	"context"
	"strconv"
	"strings"
)

// Cost is what a hash costs at present, in the words of a PHC string:
// "m=19456,t=2,p=1".
func (p *Passwords) Cost() string { return p.gate.profile.cost() }

func (p Profile) cost() string {
	return "m=" + strconv.FormatUint(uint64(p.MemoryKiB), 10) + ",t=" + strconv.FormatUint(uint64(p.Time), 10) + ",p=" + strconv.Itoa(int(p.Threads))
}

// parseCost reads the one spelling that cost writes, within the ceilings.
func parseCost(text string) (Profile, error) {
	part := strings.Split(text, ",")
	if len(part) != 3 {
		return Profile{}, errPHC
	}
	m, err1 := parameter(part[0], "m=", 32)
	t, err2 := parameter(part[1], "t=", 32)
	n, err3 := parameter(part[2], "p=", 8)
	p := Profile{uint32(m), uint32(t), uint8(n)}
	if err1 != nil || err2 != nil || err3 != nil || !p.sane() || p.cost() != text {
		return Profile{}, errPHC
	}
	return p, nil
}

// Stretch is the slow function alone, in its turn at the gate: 32 bytes of
// argon2id at a cost that Cost answered. It is for the other secrets that need a
// password's hash (recovery codes, answers to questions), whose rooms keep cost
// and salt. Errors are those of the gate, and of a cost beyond the ceilings.
func (p *Passwords) Stretch(ctx context.Context, cost string, salt []byte, text string) ([]byte, error) {
	profile, err := parseCost(cost)
	if err != nil {
		return nil, err
	}
	return p.gate.hash(ctx, profile, text, salt, outputSize)
}
