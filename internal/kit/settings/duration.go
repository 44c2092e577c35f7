package settings

import (
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads "90s", "5m", "72h", "15d", "1d12h".
func ParseDuration(s string) (time.Duration, bool) {
	days, rest, has := strings.Cut(s, "d")
	if !has {
		d, err := time.ParseDuration(s)
		return d, err == nil && d >= 0
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 0 || n > 36500 {
		return 0, false
	}
	total := time.Duration(n) * day
	if rest == "" {
		return total, true
	}
	d, err := time.ParseDuration(rest)
	return total + d, err == nil && d >= 0
}

// FormatDuration writes what ParseDuration reads, in the largest whole units:
// up to two days in hours, as people say 24 and 48 hours.
func FormatDuration(d time.Duration) string {
	if d >= 3*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
