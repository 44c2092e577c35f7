package numbers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pn "github.com/nyaruka/phonenumbers"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// verdict is "+E164 country line risk", or "code reason".
func verdict(n Number, err error) string {
	if f := fault.From(err); f != nil {
		for _, arg := range []string{"reason", "country"} {
			if v, ok := f.Args[arg]; ok {
				return fmt.Sprint(f.Code, " ", v)
			}
		}
		return f.Code
	}
	if err != nil {
		return "not a fault: " + err.Error()
	}
	return strings.TrimRight(fmt.Sprint(n.E164, " ", n.Country, " ", n.Line, " ", n.Risk), " ")
}

func TestRead(t *testing.T) {
	plan := New(Policy{}, nil)
	for _, c := range []struct{ input, country, want string }{
		// Mainland China, section by section of the table.
		{"13800138000", "CN", "+8613800138000 CN mobile"},
		{"+8614512345678", "", "+8614512345678 CN mobile"},
		{"+8614712345678", "", "+8614712345678 CN mobile"},
		{"+8619212345678", "", "+8619212345678 CN mobile"},
		{"+8617212345678", "", "+8617212345678 CN mobile"},
		{"14901234567", "CN", "+8614901234567 CN mobile"},
		{"+8614911234567", "", "+8614911234567 CN mobile"},
		{"14921234567", "CN", "phone_not_personal iot"},
		{"17012345678", "CN", "+8617012345678 CN mobile mvno"},
		{"8617012345678", "CN", "+8617012345678 CN mobile mvno"},
		{"16212345678", "CN", "+8616212345678 CN mobile mvno"},
		{"1064712345678", "CN", "phone_not_personal iot"},
		{"+861064812345678", "", "phone_not_personal iot"},
		{"1069123456789", "CN", "phone_not_personal service"},
		{"1440123456789", "CN", "phone_not_personal iot"},
		{"861440123456789", "CN", "phone_not_personal iot"},
		{"1480123456789", "CN", "phone_not_personal iot"},
		{"14412345678", "CN", "phone_not_personal iot"},
		{"8614412345678", "CN", "phone_not_personal iot"},
		{"8614901234567", "CN", "+8614901234567 CN mobile"},
		{"17891234567", "CN", "phone_not_personal iot"},
		{"13491234567", "CN", "phone_not_mobile satellite"},
		{"17400123456", "CN", "phone_not_mobile satellite"},
		{"17491234567", "CN", "phone_not_personal service"},
		{"15412345678", "CN", "phone_invalid unknown_range"},
		{"10086", "CN", "phone_invalid too_short"},
		{"+86 10 6552 9988", "", "phone_not_mobile fixed"},
		{"4001234567", "CN", "phone_not_mobile premium"},
		{"8001234567", "CN", "phone_not_mobile premium"},
		// Elsewhere.
		{"0970 1234 5678", "NL", "phone_not_personal iot"},
		{"+31 6 12345678", "", "+31612345678 NL mobile"},
		{"0700 123 456 7890", "FR", "phone_not_personal iot"},
		{"06 12 34 56 78", "FR", "+33612345678 FR mobile"},
		{"5901234567890", "ES", "phone_not_personal iot"},
		{"590100123", "ES", "+34590100123 ES mobile"},
		{"580123456789", "NO", "phone_not_personal iot"},
		{"371234567890", "DK", "phone_not_personal iot"},
		{"32123456", "DK", "+4532123456 DK mobile"},
		{"074 123 45 67", "CH", "phone_not_personal iot"},
		{"020-1234-5678", "JP", "phone_not_personal iot"},
		{"0204-123-456", "JP", "phone_invalid unknown_range"},
		{"02041234567", "JP", "phone_not_mobile pager"},
		{"090-1234-5678", "JP", "+819012345678 JP mobile"},
		{"012-123-4567", "KR", "phone_not_personal iot"},
		{"010-2000-0000", "KR", "+821020000000 KR mobile"},
		{"5731234567890", "IN", "phone_not_personal iot"},
		{"98765 43210", "IN", "+919876543210 IN mobile"},
		{"+1 500 555 0006", "", "phone_not_personal iot"},
		{"+1 415 555 2671", "", "+14155552671 US mobile"},
		{"0147 123 456", "AU", "phone_not_personal iot"},
		{"+7 912 345-67-89", "", "+79123456789 RU mobile"},
		{"8 (912) 345-67-89", "RU", "+79123456789 RU mobile"},
		{"+225 07 12 34 56 78", "", "+2250712345678 CI mobile"},
		{"+44 (0)7400 123456", "", "+447400123456 GB mobile"},
		{"+44 7911 123456", "", "+447911123456 GG mobile"},
		{"+44 20 7946 0100", "", "phone_not_mobile fixed"},
		{"+44 909 8790123", "", "phone_not_mobile premium"},
		{"+44 56 1234 5678", "", "phone_not_mobile voip"},
		{"+881 612345678", "", "phone_not_mobile satellite"},
		{"+882 36 1234567", "", "phone_not_personal iot"},
		{"+883 5100 12345678", "", "phone_not_personal iot"},
		{"+870 773 123456", "", "phone_not_mobile satellite"},
		{"+878 10 123 456 7890", "", "phone_not_mobile voip"},
		{"+800 1234 5678", "", "phone_not_mobile premium"},
		{"+979 123 456 789", "", "phone_not_mobile premium"},
		// What leads abroad.
		{"00 86 138 0013 8000", "DE", "+8613800138000 CN mobile"},
		{"00 86 138 0013 8000", "", "+8613800138000 CN mobile"},
		{"011 86 138 0013 8000", "US", "+8613800138000 CN mobile"},
		{"0011 86 138 0013 8000", "AU", "+8613800138000 CN mobile"},
		{"8~10 86 138 0013 8000", "RU", "phone_invalid characters"},
		{"810 86 138 0013 8000", "RU", "+8613800138000 CN mobile"},
		{"0086 1440 123456789", "CN", "phone_not_personal iot"},
		// Spellings.
		{"＋８６　１３８００１３８０００", "", "+8613800138000 CN mobile"},
		{"\u202a+86 138\u00a00013\u20118000\u202c", "", "+8613800138000 CN mobile"},
		{"+٨٦ ١٣٨ ٠٠١٣ ٨٠٠٠", "", "+8613800138000 CN mobile"},
		{"(+86) 138-0013-8000", "us", "+8613800138000 CN mobile"},
		{"138 0013 8000", "cn", "+8613800138000 CN mobile"},
		// What is no number.
		{"", "CN", "phone_invalid empty"},
		{"   ", "CN", "phone_invalid empty"},
		{"13800138000", "", "phone_invalid no_country"},
		{"13800138000", "XX", "phone_invalid no_country"},
		{"13800138000", "001", "phone_invalid no_country"},
		{"+99913800138000", "", "phone_invalid country_code"},
		{"+0 13800138000", "", "phone_invalid country_code"},
		{"110", "CN", "phone_invalid too_short"},
		{"138001380001", "CN", "phone_invalid unknown_range"},
		{"+8613800138000138", "", "phone_invalid too_long"},
		{strings.Repeat("1", 23), "CN", "phone_invalid too_long"},
		{strings.Repeat(" ", 1<<20), "CN", "phone_invalid too_long"},
		{"13800138000 ext 5", "CN", "phone_invalid characters"},
		{"13800138000x5", "CN", "phone_invalid characters"},
		{"13800138000;5", "CN", "phone_invalid characters"},
		{"13800138000,,5", "CN", "phone_invalid characters"},
		{"13800138000#5", "CN", "phone_invalid characters"},
		{"*13800138000", "CN", "phone_invalid characters"},
		{"tel:+8613800138000", "", "phone_invalid characters"},
		{"1-800-FLOWERS", "US", "phone_invalid characters"},
		{"++8613800138000", "", "phone_invalid characters"},
		{"86+13800138000", "", "phone_invalid characters"},
		{"+86\n13800138000", "", "phone_invalid characters"},
		{"+86138\x0000138000", "", "phone_invalid characters"},
		{"+86138\xff00138000", "", "phone_invalid characters"},
		{"①３８００１３８０００", "CN", "phone_invalid characters"},
		{"a@example.com", "CN", "phone_invalid characters"},
	} {
		got := verdict(plan.Read(c.input, c.country))
		if got != c.want {
			t.Errorf("Read(%.40q, %q) = %q, want %q", c.input, c.country, got, c.want)
		}
	}
}

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		policy               Policy
		input, country, want string
	}{
		{Policy{Served: []string{"cn"}}, "+8613800138000", "", "+8613800138000 CN mobile"},
		{Policy{Served: []string{"CN"}}, "+14155552671", "", "country_not_served US"},
		{Policy{Served: []string{}}, "+14155552671", "", "country_not_served US"},
		{Policy{Served: []string{"CN"}}, "+442079460100", "", "phone_not_mobile fixed"},
		{Policy{VoIP: true}, "+445612345678", "", "+445612345678 GB voip"},
		{Policy{VoIP: true}, "+8781012345678901"[:16], "", "country_not_served "},
		{Policy{Satellite: true}, "13491234567", "CN", "+8613491234567 CN satellite"},
		{Policy{Satellite: true}, "+881612345678", "", "country_not_served "},
		{Policy{OnlyConfirmed: true}, "17891234567", "CN", "+8617891234567 CN mobile"},
		{Policy{OnlyConfirmed: true}, "14901234567", "CN", "+8614901234567 CN mobile"},
		{Policy{OnlyConfirmed: true}, "1440123456789", "CN", "phone_not_personal iot"},
		{Policy{Allow: []string{"+861440"}}, "1440123456789", "CN", "+861440123456789 CN mobile"},
		{Policy{Allow: []string{"+861440"}}, "1441123456789", "CN", "phone_not_personal iot"},
		{Policy{Allow: []string{"+88236"}}, "+882361234567", "", "+882361234567  mobile"},
		{Policy{Allow: []string{"+86154"}}, "15412345678", "CN", "+8615412345678 CN mobile"},
		{Policy{Allow: []string{""}}, "1440123456789", "CN", "phone_not_personal iot"},
	} {
		got := verdict(New(c.policy, nil).Read(c.input, c.country))
		if got != c.want {
			t.Errorf("%+v: Read(%q, %q) = %q, want %q", c.policy, c.input, c.country, got, c.want)
		}
	}
}

// spellings writes the number in every way that a person of its country might.
func spellings(n *pn.PhoneNumber, iso string) map[string]string {
	e164 := pn.Format(n, pn.E164)
	national := pn.Format(n, pn.NATIONAL)
	full := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r - '0' + '０'
		case r == '+':
			return '＋'
		case r == ' ':
			return '\u3000'
		}
		return r
	}, pn.Format(n, pn.INTERNATIONAL))
	out := map[string]string{ // spelling -> country
		e164: "", pn.Format(n, pn.INTERNATIONAL): "US", full: "", "(" + e164 + ")": "JP",
		national: iso, pn.NormalizeDigitsOnly(national): iso,
		"\u2066" + e164 + "\u2069": "DE",
		"00" + e164[1:]:            "",
		"00 " + e164[1:]:           "DE",
		"011" + e164[1:]:           "US",
	}
	return out
}

// S-02: all accepted spellings of one number give one E.164 number, and reading
// that again changes nothing, whatever country is set.
func TestS002_OneSpellingClassOneNumber(t *testing.T) {
	plan := New(Policy{VoIP: true, Satellite: true}, nil)
	read := 0
	for iso := range pn.GetSupportedRegions() {
		for _, kind := range []pn.PhoneNumberType{pn.MOBILE, pn.FIXED_LINE_OR_MOBILE, pn.VOIP, pn.PERSONAL_NUMBER} {
			example := pn.GetExampleNumberForType(iso, kind)
			if example == nil {
				continue
			}
			want, err := plan.Read(pn.Format(example, pn.E164), "")
			if err != nil {
				continue // refused as a class; other tests judge that
			}
			for text, country := range spellings(example, iso) {
				got, err := plan.Read(text, country)
				if err != nil {
					// A national spelling may be ambiguous and refused; it must never be another number.
					if strings.ContainsAny(text, "+＋") || strings.HasPrefix(text, "00") && country != iso {
						t.Errorf("%s: Read(%q, %q): %v", iso, text, country, err)
					}
					continue
				}
				read++
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: Read(%q, %q) differs (-want +got):\n%s", iso, text, country, diff)
				}
				again, err := plan.Read(got.E164, "GB")
				if err != nil || again != got {
					t.Errorf("%s: reading %q again gives %+v, %v", iso, got.E164, again, err)
				}
			}
		}
	}
	if read < 2000 {
		t.Fatalf("only %d spellings were accepted; the test tests nothing", read)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"+8613800138000", "00861440123456789", "+44 (0)7400 123456", "０９０１２３４５６７８", "8 912 345 67 89", "+390612345678", "0 11 15 2345 6789"} {
		for _, iso := range []string{"", "CN", "AR", "IT", "MX", "BR", "RU"} {
			f.Add(s, iso)
		}
	}
	plans := []*Plan{New(Policy{VoIP: true, Satellite: true}, nil), New(Policy{OnlyConfirmed: true}, nil)}
	f.Fuzz(func(t *testing.T, input, country string) {
		for _, plan := range plans {
			n, err := plan.Read(input, country)
			if err != nil {
				if fault.From(err) == nil {
					t.Fatalf("Read(%q, %q): not a fault: %v", input, country, err)
				}
				continue
			}
			if digits := strings.TrimPrefix(n.E164, "+"); len(digits) == len(n.E164) || strings.Trim(digits, "0123456789") != "" || len(digits) > 15 {
				t.Fatalf("Read(%q, %q) = %q, which is not E.164", input, country, n.E164)
			}
			again, err := plan.Read(n.E164, country)
			if err != nil || again != n {
				t.Fatalf("Read(%q, %q) = %+v, and again %+v, %v", input, country, n, again, err)
			}
			if m := Mask(n.E164); !strings.Contains(m, " **** ") {
				t.Fatalf("Mask(%q) = %q", n.E164, m)
			}
		}
	})
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ number, want string }{
		{"+8613800138000", "+86 138 **** 8000"},
		{"+14155552671", "+1 41 **** 671"},
		{"+447400123456", "+44 74 **** 456"},
		{"+33612345678", "+33 61 **** 678"},
		{"+4532123456", "+45 32 **** 56"},
		{"+2908123", "+290 **** 23"},
		{"+4915123456789", "+49 151 **** 6789"},
		{"13800138000", "****"},
		{"+86138001380000000000000000", "****"},
		{"+86abc", "****"},
		{"+999123456", "****"},
		{"+", "****"},
		{"", "****"},
	} {
		if got := Mask(c.number); got != c.want {
			t.Errorf("Mask(%q) = %q, want %q", c.number, got, c.want)
		}
	}
}

func TestFormat(t *testing.T) {
	for in, want := range map[string]string{
		"+8613800138000": "+86 138 0013 8000", "+14155552671": "+1 415-555-2671", "+2250712345678": "+225 07 12 34 5678",
		"hello": "hello", "": "",
	} {
		if got := Format(in); got != want {
			t.Errorf("Format(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestKnown(t *testing.T) {
	for e164, want := range map[string]string{
		"+8613800138000": "CN", "+861440123456789": "CN", "+14155552671": "US", "+12042345678": "CA", "+447911123456": "GG",
		"+2250712345678": "CI", "+882361234567": "", "13800138000": "", "": "",
	} {
		if got := Known(e164); got != (Number{E164: e164, Country: want, Line: Mobile}) {
			t.Errorf("Known(%q) = %+v, want the country %q", e164, got, want)
		}
	}
}

func TestCountries(t *testing.T) {
	got := New(Policy{Served: []string{"cn", "us", "XX"}}, nil).Countries()
	if diff := cmp.Diff([]Country{{"CN", 86}, {"US", 1}}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(New(Policy{}, nil).Countries()); n < 230 {
		t.Errorf("%d countries can be called, want at least 230", n)
	}
}

func TestRangesTable(t *testing.T) {
	rows, err := parseRanges(rangesTSV)
	if err != nil {
		t.Fatal(err)
	}
	for code, list := range rows {
		for _, r := range list {
			if !callingCodes()[code] || r.iso != "" && pn.GetCountryCodeForRegion(r.iso) != code {
				t.Errorf("%d %s: not a calling code of that country", code, r.iso)
			}
			if r.min < len(r.prefix) || r.max < r.min || strings.Trim(r.prefix, "0123456789") != "" {
				t.Errorf("%+v: the lengths and the prefix do not fit", r)
			}
		}
	}
	for _, bad := range []string{"86\tCN\t1\t11\tiot\tyes", "x\tCN\t1\t11\tiot\tyes\ts", "86\tCN\t1\tx\tiot\tyes\ts",
		"86\tCN\t1\t1-x\tiot\tyes\ts", "86\tCN\t1\t11\tcow\tyes\ts", "86\tCN\t1\t11\tiot\tperhaps\ts", "86\tCN\t1\t11\tiot\tyes\t"} {
		if _, err := parseRanges(bad); err == nil {
			t.Errorf("parseRanges(%q) found no fault", bad)
		}
	}
}

// said is a look-up that always says the same.
type said struct {
	line Line
	err  error
}

func (s said) Line(context.Context, string) (Line, error) { return s.line, s.err }

func TestAsk(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name   string
		policy Policy
		lookup Lookup
		input  string
		want   string
	}{
		{"nobody to ask", Policy{}, nil, "+8613800138000", "+8613800138000 CN mobile"},
		{"mobile", Policy{}, said{line: Mobile}, "+8613800138000", "+8613800138000 CN mobile"},
		{"keeps the risk", Policy{}, said{line: Mobile}, "+8617012345678", "+8617012345678 CN mobile mvno"},
		{"machine", Policy{}, said{line: IoT}, "+8613800138000", "phone_not_personal iot"},
		{"voip refused", Policy{}, said{line: VoIP}, "+8613800138000", "phone_not_mobile voip"},
		{"voip taken", Policy{VoIP: true}, said{line: VoIP}, "+8613800138000", "+8613800138000 CN voip"},
		{"premium", Policy{}, said{line: Premium}, "+8613800138000", "phone_not_mobile premium"},
		{"allowed", Policy{Allow: []string{"+86138"}}, said{line: IoT}, "+8613800138000", "+8613800138000 CN mobile"},
		{"cannot tell", Policy{}, said{line: Unknown}, "+8613800138000", "+8613800138000 CN mobile"},
		{"down", Policy{}, said{line: Unknown, err: down}, "+8613800138000", "+8613800138000 CN mobile"},
		{"new range, mobile", Policy{}, said{line: Mobile}, "+8615412345678", "+8615412345678 CN mobile"},
		{"new range, country not served", Policy{Served: []string{"US"}}, said{line: Mobile}, "+8615412345678", "country_not_served CN"},
		{"new range, fixed", Policy{}, said{line: Fixed}, "+8615412345678", "phone_invalid unknown_range"},
		{"new range, down", Policy{}, said{err: down}, "+8615412345678", "phone_invalid unknown_range"},
		{"no number at all", Policy{}, said{line: Mobile}, "hello", "phone_invalid unknown_range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := New(c.policy, c.lookup)
			n, _ := plan.Read(c.input, "")
			if n.E164 == "" {
				n.Line = Unknown
			}
			if got := verdict(plan.Ask(t.Context(), n)); got != c.want {
				t.Errorf("Ask = %q, want %q", got, c.want)
			}
			if plan.HasLookup() != (c.lookup != nil) {
				t.Error("HasLookup is wrong")
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	plan := New(Policy{}, nil)
	for name, c := range map[string][2]string{"international": {"+8613800138000", ""}, "national": {"13800138000", "CN"}, "us": {"+14155552671", ""}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := plan.Read(c[0], c[1]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
