package provider

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// codeMost bounds what a callback or an app hands over as a code or an opaque token,
// in bytes.
const codeMost = 2048

// One reads a parameter of a callback or a message: ok is false if it is missing,
// empty, there twice, longer than 2 KiB or not printable ASCII without blanks.
func One(v url.Values, name string) (s string, ok bool) {
	if len(v[name]) != 1 || !CheckOpaque(v[name][0]) {
		return "", false
	}
	return v[name][0], true
}

// CheckOpaque tells whether a code or a token can be one: 1 to 2048 bytes of printable
// ASCII without blanks.
func CheckOpaque(s string) bool {
	if s == "" || len(s) > codeMost {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// CheckState tells whether every vendor takes the state: 32 to 64 letters and digits.
func CheckState(s string) bool {
	if len(s) < 32 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// CheckCallback finds what vendors refuse of a redirect URI: anything but https, a
// bare address of the network, a name without a dot, user, query or fragment.
func CheckCallback(callback string) error {
	u, err := url.Parse(callback)
	switch {
	case err != nil || u.Host == "":
		return errors.New("the callback is no address")
	case u.Scheme != "https":
		return errors.New("the callback has to begin with https://")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(callback, "#"):
		return errors.New("the callback must have no user, query or fragment")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || !strings.Contains(strings.Trim(u.Hostname(), "."), ".") {
		return errors.New("the callback has to stand at a public name, not at an address or localhost")
	}
	return nil
}

// CheckBase tells whether a vendor's address can be one: http or https, a host, and
// no slash at the end.
func CheckBase(base string) bool {
	u, err := url.Parse(base)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && !strings.HasSuffix(base, "/")
}
