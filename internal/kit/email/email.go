// Package email holds what an e-mail address is: the one canonical spelling by
// which accounts are found, the form that abuse counters use, and the mask that
// pages show. It asks no server whether a mailbox is there. It must never give
// two people one canonical address, nor read its own output differently (S-04).
package email

import (
	"strings"

	"golang.org/x/net/idna"
)

// maxLength is the longest path that SMTP carries, less its brackets (RFC 5321
// section 4.5.3.1.3); what is longer is not even looked at.
const (
	maxLength = 254
	maxLocal  = 64
)

// Address is an e-mail address that has been read.
type Address struct {
	// Canonical identifies: all lower case, the domain in A-labels. Dots and plus
	// signs stay: whether they mean anything is for the mailbox's provider to say.
	Canonical string
	// Display is for showing to its holder: the local part as it was typed.
	Display string
}

// hosts checks domains. It maps nothing: mapping (full-width letters, the Kelvin
// sign) is how look-alikes become one identity. ASCII capitals are lowered before.
var hosts = idna.New(
	idna.ValidateForRegistration(),
	idna.BidiRule(),
	idna.StrictDomainName(true),
	idna.VerifyDNSLength(true),
)

// Read reads what a person typed; blanks around it are dropped. The fault is email_invalid.
func Read(input string) (Address, error) {
	if len(input) > 2*maxLength {
		return Address{}, Invalid.With("reason", "too_long")
	}
	input = strings.Trim(input, " \t\r\n")
	switch {
	case input == "":
		return Address{}, Invalid.With("reason", "empty")
	case len(input) > maxLength:
		return Address{}, Invalid.With("reason", "too_long")
	}
	local, domain, ok := strings.Cut(input, "@")
	if !ok || strings.Contains(domain, "@") {
		return Address{}, Invalid.With("reason", "form")
	}
	if !isLocal(local) {
		return Address{}, Invalid.With("reason", "local")
	}
	domain, ok = readDomain(domain)
	if !ok {
		return Address{}, Invalid.With("reason", "domain")
	}
	if len(local)+1+len(domain) > maxLength {
		return Address{}, Invalid.With("reason", "too_long")
	}
	return Address{Canonical: lower(local) + "@" + domain, Display: local + "@" + domain}, nil
}

// isLocal takes dot-atoms only (RFC 5322 section 3.2.3): no quotes, no comments,
// no blanks, ASCII only.
func isLocal(s string) bool {
	if s == "" || len(s) > maxLocal || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0) {
			return false
		}
	}
	return true
}

// readDomain gives a host name in lower-case A-labels: at least two labels, and
// a last one that is no number, so that addresses of machines are left out.
func readDomain(s string) (string, bool) {
	s, err := hosts.ToASCII(lower(s))
	if err != nil || s == "" {
		return "", false
	}
	dot := strings.LastIndexByte(s, '.')
	if dot < 1 || dot == len(s)-1 || strings.Trim(s[dot+1:], "0123456789") == "" {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
	}
	return s, true
}

// lower lowers ASCII letters and nothing else: other scripts' rules of case let
// different names collide.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Stripped is the canonical address without dots and without what follows a plus
// sign in the local part. It counts abuse and never identifies.
func (a Address) Stripped() string {
	local, domain, _ := strings.Cut(a.Canonical, "@")
	if cut := strings.IndexByte(local, '+'); cut > 0 {
		local = local[:cut]
	}
	return strings.ReplaceAll(local, ".", "") + "@" + domain
}

const hidden = "***"

// Mask shows the first letters and the top-level domain, always in one shape:
// "a***@e***.com". What is no address is hidden whole.
func Mask(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	dot := strings.LastIndexByte(domain, '.')
	if !isLocal(local) || dot < 1 || dot == len(domain)-1 || strings.ContainsAny(domain, "@ \r\n") {
		return hidden
	}
	return local[:1] + hidden + "@" + firstRune(domain) + hidden + domain[dot:]
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}
