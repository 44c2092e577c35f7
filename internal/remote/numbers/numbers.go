// Package numbers holds what a phone number is: its one canonical spelling
// (E.164), its country and its kind of line. It owns no table. It must never
// send anything, never put a number into an error or a log line, and never take
// a spelling that it would read differently a second time (S-02).
//
// The order of judgement (Read): our own table of ranges first, because the
// library behind it (a port of libphonenumber) leaves machine SIMs out and so
// cannot tell them from typing errors; then the library; then the policy.
package numbers

import (
	"context"
	"slices"
	"strings"

	pn "github.com/nyaruka/phonenumbers"
)

// Line is the kind of line behind a number.
type Line string

// The kinds of line. Machines (iot) and services never belong to a person.
const (
	Mobile    Line = "mobile"
	Fixed     Line = "fixed"
	VoIP      Line = "voip"
	Premium   Line = "premium" // shared-cost and toll-free too
	IoT       Line = "iot"
	Satellite Line = "satellite"
	Service   Line = "service"
	Unknown   Line = "unknown"
)

// RiskMVNO marks the number of a virtual operator. Such numbers belong to real
// people, and are also the usual stock of account farms: a flag, not a refusal.
const RiskMVNO = "mvno"

// Number is a phone number that has been read.
type Number struct {
	E164    string // "+8613800138000"
	Country string // ISO 3166-1 alpha-2 of the number's plan, not of its holder; "" outside any country
	Line    Line
	Risk    string // RiskMVNO or ""
}

// Policy says which numbers are taken.
type Policy struct {
	// Served lists the countries (ISO alpha-2) that are served; nil is every country.
	Served []string
	// VoIP takes internet, personal and company-wide numbers.
	VoIP bool
	// Satellite takes satellite phones. Texts to them are dear.
	Satellite bool
	// OnlyConfirmed ignores the rows of the table whose source could not be confirmed.
	OnlyConfirmed bool
	// Allow lists prefixes in E.164 ("+861476") that are taken as mobile whatever
	// the table, the library and the look-up say of their kind.
	Allow []string
}

// Plan reads numbers under one policy. It is safe for concurrent use.
type Plan struct {
	policy    Policy
	served    map[string]bool // nil: all
	lookup    Lookup
	countries []Country
}

// New is a plan under policy; lookup may be nil.
func New(policy Policy, lookup Lookup) *Plan {
	p := &Plan{policy: policy, lookup: lookup}
	if policy.Served != nil {
		p.served = make(map[string]bool, len(policy.Served))
		for _, iso := range policy.Served {
			p.served[strings.ToUpper(iso)] = true
		}
	}
	for _, c := range Countries() {
		if p.serves(c.ISO) {
			p.countries = append(p.countries, c)
		}
	}
	return p
}

func (p *Plan) serves(iso string) bool { return p.served == nil || p.served[iso] }

// Country is a country that can be called.
type Country struct {
	ISO  string // alpha-2
	Code int    // calling code, shared by some
}

// Countries lists all callable countries by ISO code.
func Countries() []Country {
	var list []Country
	for iso := range pn.GetSupportedRegions() {
		list = append(list, Country{ISO: iso, Code: pn.GetCountryCodeForRegion(iso)})
	}
	slices.SortFunc(list, func(a, b Country) int { return strings.Compare(a.ISO, b.ISO) })
	return list
}

// Countries lists the countries served, by ISO code.
func (p *Plan) Countries() []Country { return slices.Clone(p.countries) }

// Read reads what a person typed: an international spelling ("+86 138...",
// "0086 138..."), or a national one in country (ISO alpha-2, may be "" or
// unknown). It asks nobody. The faults are phone_invalid, phone_not_mobile,
// phone_not_personal and country_not_served.
//
// With a fault, the Number tells what is known: E164 stands where the spelling
// could be read at all. A number of possible length in a range that the library
// does not know is phone_invalid with Line Unknown; new ranges appear before the
// library's data does, so Ask may still take it.
func (p *Plan) Read(input, country string) (Number, error) {
	s, err := spell(input, country)
	if err != nil {
		return Number{}, err
	}
	if row, cut, listed := find(s, p.policy.OnlyConfirmed); listed && row.class != classMVNO {
		return p.judge(row.number(s.e164(cut)))
	}
	number, kind, err := libraryNumber(s)
	if err != nil {
		return Number{}, err
	}
	n, err := p.classify(number, kind)
	if err != nil {
		return n, err
	}
	return p.judge(n)
}

// classify judges a number of the library: once more by the table, because
// national spellings with the country code ("86138...") become plain only now
// and the canonical spelling must meet the same judgement as any other (S-02).
func (p *Plan) classify(number *pn.PhoneNumber, kind pn.PhoneNumberType) (Number, error) {
	s := spelling{code: int(number.GetCountryCode()), national: pn.GetNationalSignificantNumber(number)}
	row, _, listed := find(s, p.policy.OnlyConfirmed)
	if listed && row.class != classMVNO {
		return row.number(s.e164(0)), nil
	}
	n, err := describe(number, kind, s.e164(0))
	if listed && n.Line == Mobile {
		n.Risk = RiskMVNO
	}
	return n, err
}

// judge applies the policy to a number whose line is known as far as it ever will be.
func (p *Plan) judge(n Number) (Number, error) {
	allowed := p.allows(n.E164)
	if allowed {
		n.Line = Mobile
	}
	switch n.Line {
	case Unknown:
		return n, PhoneInvalid.With("reason", "unknown_range")
	case IoT, Service:
		return n, PhoneNotPersonal.With("reason", string(n.Line))
	case linePager:
		n.Line = Fixed
		return n, PhoneNotMobile.With("reason", string(linePager))
	}
	if n.Line == Fixed || n.Line == Premium || n.Line == VoIP && !p.policy.VoIP || n.Line == Satellite && !p.policy.Satellite {
		return n, PhoneNotMobile.With("reason", string(n.Line))
	}
	if n.Country == "" && !allowed || n.Country != "" && !p.serves(n.Country) {
		return n, CountryNotServed.With("country", n.Country)
	}
	return n, nil
}

func (p *Plan) allows(e164 string) bool {
	for _, prefix := range p.policy.Allow {
		if prefix != "" && strings.HasPrefix(e164, prefix) {
			return true
		}
	}
	return false
}

// Ask asks the look-up, if there is one, what line n is, and applies the policy
// to the answer. n comes from Read, also from a Read that refused it with
// Line Unknown: then only "mobile" lets it through. A look-up that fails is no
// answer, and n is judged as Read judged it.
func (p *Plan) Ask(ctx context.Context, n Number) (Number, error) {
	if p.lookup == nil || n.E164 == "" {
		return p.judge(n)
	}
	line, err := p.lookup.Line(ctx, n.E164)
	if err != nil || line == Unknown {
		return p.judge(n)
	}
	if n.Line == Unknown && line != Mobile {
		return n, PhoneInvalid.With("reason", "unknown_range")
	}
	n.Line = line
	return p.judge(n)
}

// HasLookup tells whether Ask has anybody to ask.
func (p *Plan) HasLookup() bool { return p.lookup != nil }

// HasHistory tells whether History has anybody to ask.
func (p *Plan) HasHistory() bool {
	_, ok := p.lookup.(Historian)
	return ok
}

// History asks what is known of who holds a number. No answer is the zero History:
// whoever is down says nothing.
func (p *Plan) History(ctx context.Context, e164 string) History {
	h, ok := p.lookup.(Historian)
	if !ok {
		return History{}
	}
	said, err := h.History(ctx, e164)
	if err != nil {
		return History{}
	}
	return said
}

// Known is the Number of an E.164 that was accepted earlier: an account keeps
// the number it has, whatever the policy says by now. Its line is not looked at.
func Known(e164 string) Number {
	n := Number{E164: e164, Line: Mobile}
	if code, national, ok := split(e164); ok {
		if iso := pn.GetRegionCodeForNumber(significant(spelling{code: atoi(code), national: national})); len(iso) == 2 {
			n.Country = iso
		}
	}
	return n
}
