package agenda

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxAdvance is the farthest that the clock is moved at once: further, times
// would leave what the product can store.
const MaxAdvance = 10 * 365 * 24 * time.Hour

// ErrDuration says that a duration cannot be read, is not above zero or is too long.
var ErrDuration = errors.New("agenda: want a duration above zero such as 90s, 72h, 15d or 1d12h, at most 3650d")

// ParseDuration reads a Go duration that may begin with days: 15d, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	var total time.Duration
	if days, rest, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, ErrDuration
		}
		total, s = time.Duration(n)*24*time.Hour, rest
	}
	if s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d > MaxAdvance {
			return 0, ErrDuration
		}
		total += d
	}
	if total <= 0 || total > MaxAdvance {
		return 0, ErrDuration
	}
	return total, nil
}
