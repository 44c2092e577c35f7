// Package internal_test holds the rules of the house, written as text and data
// and checked over every package of the module: which floor may import which,
// what each package must say of itself, who owns which table, which calls stand
// where, how long things may be. It must never hold a test of what the code
// does, and it reads the source only: it works while the tree does not build.
//
// A rule that has to give way somewhere does so by a line of an exceptions
// table with its reason. A line that nothing needs any more fails the test too.
package internal_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// floors says what each package may import of the module, outside its tests.
// The first line that fits a package counts. "x/..." is x and everything below
// it; a package may always import what lies below its own folder. Paths begin
// in internal/, but for cmd, bench, stories and lab. What may be imported stands below,
// what imports it above: read from the bottom of the house to its doors.
const floors = `
# The ground: the schema and the catalogs are data.
schema                      : kit/sqldb
words                       : kit/locale

# Floor 1, tools that do not know what an account is. They do not import each
# other; a clock and the one error type anyone may have.
kit/clock                   : -
kit/fault                   : -
kit/sqldb/sqldbtest         : kit/clock kit/sqldb schema
kit/quota                   : kit/clock kit/fault kit/sqldb
kit/job                     : kit/clock kit/fault kit/sqldb
kit/...                     : kit/clock kit/fault

# Floor 2a, the only rooms that dial out. An adapter knows the interface it
# fills, never another adapter.
remote/courier/attempt      : kit/...
remote/sms                  : kit/... remote/courier/attempt
remote/sms/...              : kit/... remote/courier/attempt remote/sms
remote/mail                 : kit/... remote/courier/attempt
remote/mail/...             : kit/... remote/courier/attempt remote/mail
remote/courier              : kit/... remote/sms remote/mail remote/numbers
remote/numbers              : kit/...
remote/provider             : kit/...
remote/provider/idtoken     : kit/... remote/provider
remote/provider/codeflow    : kit/... remote/provider
remote/provider/...         : kit/... remote/provider remote/provider/idtoken remote/provider/codeflow
remote/notify               : kit/...

# Floor 2b, the nouns.
identity/region             : kit/...
identity/rekey              : kit/...
identity/account            : kit/... identity/rekey
identity/session            : kit/... identity/account identity/region identity/device
identity/grant              : kit/... identity/account identity/region identity/device identity/session identity/client
identity/directory          : kit/... identity/...
identity/...                : kit/... identity/account identity/region identity/rekey

# Beside the rooms: what is true across them.
simulate                    : journey/proof/policy
invariant                   : kit/... schema identity/...

# Floor 3, the verbs. A hand-off from one journey to another is a value.
journey/flow/step           : kit/...
journey/flow                : kit/... identity/... remote/courier remote/provider remote/numbers
journey/proof/policy        : -
journey/proof               : kit/... identity/... remote/courier remote/provider remote/numbers journey/flow/...
journey/towntest            : kit/... schema words identity/... remote/... journey/...
journey/...                 : kit/... identity/... remote/courier remote/provider remote/numbers journey/flow/... journey/proof/...

# Floor 4, the doors.
front/httpd                 : kit/...
front/httpd/httpdtest       : kit/...
front/...                   : kit/... identity/... journey/... front/httpd

# The street. A simulator that shared our code would share its misunderstandings,
# and a story knows no more of the house than a person does.
cmd/...                     : cmd/... internal/... lab/...
bench/...                   : bench/... internal/... lab/...
stories/...                 : stories/...
lab/...                     : lab/...
`

// testFloors says what a package's tests may import beyond what it may itself.
// A package whose name ends in "test" is for tests: those may import it
// everywhere, and nobody else may but another of its kind.
const testFloors = `
lab/...                     : lab/...
kit/...                     : kit/... schema
schema                      : kit/...
words                       : kit/...
remote/...                  : kit/... schema words remote/... lab/...
identity/...                : kit/... schema words identity/...
invariant                   : kit/... schema identity/...
journey/...                 : kit/... schema words identity/... remote/... journey/... lab/...
front/...                   : kit/... schema words identity/... remote/... journey/... front/... lab/...
cmd/...                     : cmd/... internal/... lab/...
bench/...                   : bench/... internal/... lab/...
simulate                    : journey/proof/policy
stories/...                 : stories/...
invariant                   : kit/... identity/... schema
crash                       : kit/... invariant schema lab/...
docs                        : kit/...
internal                    : kit/... schema
`

// importExceptions are imports, "who > what", that a floor does not allow.
var importExceptions = map[string]string{
	"kit/captcha > kit/randid":                    "a challenge is made of the same unbiased digits as every other secret, and randid imports nothing",
	"remote/provider/providertest > lab/provider": "the contract runs an adapter against its simulator, and is imported by tests only",
	"front/api > remote/numbers":                  "masks a phone number (numbers.Mask), which reads no table and dials nobody",
}

func TestFloors(t *testing.T) {
	rules, testRules := readFloors(t, floors), readFloors(t, testFloors)
	used := map[string]bool{}
	for _, r := range house(t) {
		who := short(r.path)
		may, known := rules.of(who)
		if !known && !r.testsOnly() {
			t.Errorf("%s stands on no floor: give it a line in floors", r.path)
		}
		mayTests, knownTests := testRules.of(who)
		if !knownTests && r.testsOnly() {
			t.Errorf("%s stands on no floor: give it a line in testFloors", r.path)
		}
		for _, f := range r.files {
			for _, imported := range f.ownImports() {
				what := short(imported)
				allowed := within(what, who+"/...") || fits(what, may)
				if f.test {
					allowed = allowed || within(what, who) || fits(what, mayTests)
				}
				if forTests(what) {
					allowed = f.test || forTests(who)
				}
				pair := who + " > " + what
				if _, excepted := importExceptions[pair]; !allowed && excepted {
					used[pair], allowed = true, true
				}
				if !allowed {
					t.Errorf("%s: %s may not import %s", f.path, who, what)
				}
			}
		}
	}
	checkUsed(t, importExceptions, used)
}

// The rules themselves have to say what ARCHITECTURE says; a table that allows
// everything would pass every tree.
func TestFloors_refuse(t *testing.T) {
	rules := readFloors(t, floors)
	for _, pair := range [][2]string{
		{"kit/seal", "kit/sqldb"},
		{"kit/clock", "kit/fault"},
		{"kit/sqldb", "kit/quota"},
		{"kit/quota", "kit/job"},
		{"remote/sms/httpgw", "remote/sms/other"},
		{"remote/courier", "identity/account"},
		{"remote/numbers", "journey/flow"},
		{"identity/account", "identity/contact"},
		{"identity/contact", "identity/device"},
		{"identity/device", "identity/session"},
		{"identity/session", "journey/flow"},
		{"identity/credential", "remote/courier"},
		{"journey/flow", "journey/proof"},
		{"journey/flow/step", "journey/flow"},
		{"journey/signin", "journey/settings"},
		{"journey/recovery", "journey/signin"},
		{"journey/signin", "remote/sms"},
		{"journey/signin", "front/httpd"},
		{"front/pages", "front/help"},
		{"front/httpd", "journey/flow"},
		{"front/pages", "remote/courier"},
		{"front/api", "cmd/selfsame"},
		{"lab/carrier", "kit/clock"},
		{"kit/clock", "lab"},
		{"stories", "journey/signin"},
	} {
		if may, known := rules.of(pair[0]); !known || fits(pair[1], may) {
			t.Errorf("floors let %s import %s", pair[0], pair[1])
		}
	}
}

// floor is one line of the tables above.
type floor struct {
	who string
	may []string
}

type floorTable []floor

func readFloors(t *testing.T, text string) floorTable {
	t.Helper()
	var table floorTable
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		who, may, found := strings.Cut(line, ":")
		if !found {
			t.Fatalf("a line without a colon: %s", line)
		}
		table = append(table, floor{strings.TrimSpace(who), strings.Fields(may)})
	}
	return table
}

// of finds the first line that fits.
func (f floorTable) of(who string) (may []string, known bool) {
	for _, line := range f {
		if within(who, line.who) {
			return line.may, true
		}
	}
	return nil, false
}

func fits(what string, may []string) bool {
	return slices.ContainsFunc(may, func(pattern string) bool { return within(what, pattern) })
}

// within tells whether path is pattern, or below it if that ends in "/...".
func within(path, pattern string) bool {
	if pattern == "internal/..." { // everything that short cut
		return !within(path, "cmd/...") && !within(path, "lab/...") && !within(path, "bench/...") && !within(path, "stories/...")
	}
	folder, below := strings.CutSuffix(pattern, "/...")
	return path == folder || below && strings.HasPrefix(path, folder+"/")
}

// short is a folder of the module without the leading internal/.
func short(folder string) string { return strings.TrimPrefix(folder, "internal/") }

// forTests tells whether a package is for tests only.
func forTests(folder string) bool { return strings.HasSuffix(folder, "test") }

// checkUsed fails for exceptions that nothing needs any more.
func checkUsed(t *testing.T, exceptions map[string]string, used map[string]bool) {
	t.Helper()
	for _, place := range slices.Sorted(maps.Keys(exceptions)) {
		if exceptions[place] == "" {
			t.Errorf("the exception %q has no reason", place)
		}
		if !used[place] {
			t.Errorf("the exception %q is needed no more: take it out", place)
		}
	}
}
