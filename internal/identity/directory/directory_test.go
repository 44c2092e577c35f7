package directory_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
)

// phones reads American and Chinese mobile numbers as remote/numbers does.
type phones struct{}

func (phones) Mobile(text, country string) (string, bool) {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789+", r) {
			return r
		}
		if strings.ContainsRune(" ()-", r) {
			return -1
		}
		return 'x'
	}, text)
	digits = regexp.MustCompile(`^00`).ReplaceAllString(digits, "+")
	for iso, form := range map[string]string{"US": `^(?:\+1)?([2-9]\d{9})$`, "CN": `^(?:\+86)?(1[3-9]\d{9})$`} {
		m := regexp.MustCompile(form).FindStringSubmatch(digits)
		if m != nil && (iso == country || digits[0] == '+') {
			return map[string]string{"US": "+1", "CN": "+86"}[iso] + m[1], true
		}
	}
	return "", false
}

func read() *directory.Directory { return directory.New(nil, phones{}) }

// right is an account ID; typo the same with its last digit wrong.
const right = "482109375560"

func id(t testing.TB) (right, typo string) {
	t.Helper()
	for d := range 10 {
		text := "48210937556" + string(rune('0'+d))
		if _, ok := account.ReadID(text); ok {
			return text, "48210937556" + string(rune('0'+(d+1)%10))
		}
	}
	t.Fatal("no check digit fits")
	return "", ""
}

// TestS006_OneReading: each text is read in one way, by one rule, in the country
// that was picked, and never in a second way.
func TestS006_OneReading(t *testing.T) {
	right, typo := id(t)
	spaced := right[:4] + " " + right[4:8] + " " + right[8:]
	for _, tt := range []struct {
		text, country string
		way           directory.Way
		value, hint   string
	}{
		{"ada@example.com", "US", directory.ByEmail, "ada@example.com", ""},
		{"  Ada@EXAMPLE.com ", "US", directory.ByEmail, "ada@example.com", ""},
		{"ada+news@example.com", "US", directory.ByEmail, "ada+news@example.com", ""},
		{"+1 415 555 0123", "CN", directory.ByPhone, "+14155550123", ""},
		{"(415) 555-0123", "US", directory.ByPhone, "+14155550123", ""},
		{"13800138000", "CN", directory.ByPhone, "+8613800138000", ""},
		{"0086 138 0013 8000", "CN", directory.ByPhone, "+8613800138000", ""},
		{"+8613800138000", "", directory.ByPhone, "+8613800138000", ""},
		{right, "US", directory.ByID, right, ""},
		{spaced, "CN", directory.ByID, right, ""},
		{strings.ReplaceAll(spaced, " ", "-"), "", directory.ByID, right, ""},
		{typo, "US", "", "", "account_id"},
		{"13800138000", "US", "", "", "none"}, // no fallback to another country
		{"ada", "US", "", "", "none"}, {"", "US", "", "", "none"}, {"   ", "US", "", "", "none"},
		{"ada@", "US", "", "", "email"}, {"@", "US", "", "", "email"}, {"a@b@example.com", "US", "", "", "email"}, {"ada＠example.com", "US", "", "", "email"},
		{"+", "US", "", "", "phone"}, {"+999 1", "US", "", "", "phone"}, {"1064812345678", "CN", "", "", "none"}, {"+861064812345678", "CN", "", "", "phone"},
		{strings.Repeat("9", 321), "US", "", "", "none"}, {strings.Repeat("a", 9999) + "@example.com", "US", "", "", "none"},
		{"a\x00b@example.com", "US", "", "", "email"}, {"\xff", "US", "", "", "none"},
	} {
		u, err := read().Read(tt.text, tt.country)
		if tt.way != "" {
			if err != nil || u != (directory.Username{Way: tt.way, Value: tt.value}) {
				t.Errorf("%.30q in %s: %+v, %v; want %s %s", tt.text, tt.country, u, err, tt.way, tt.value)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Code != "username_invalid" || f.Field != "username" || f.Args["hint"] != tt.hint {
			t.Errorf("%.30q in %s: %+v, %v; want the hint %s", tt.text, tt.country, u, err, tt.hint)
		}
	}
}

// FuzzRead: what is read once is read the same again, in any country.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"ada@example.com", "+14155550123", right, "４１５５５５０１２３", "a@b", "+"} {
		f.Add(text, "US")
	}
	d := read()
	f.Fuzz(func(t *testing.T, text, country string) {
		u, err := d.Read(text, country)
		if err != nil {
			if fault.From(err) == nil {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := d.Read(u.Value, country)
		if err != nil && u.Way != directory.ByID || err == nil && u.Way != directory.ByID && again != u {
			t.Fatalf("%q is %+v and then %+v, %v", text, u, again, err)
		}
	})
}

// TestFind: a username leads to the account that holds it, and to nobody else's.
func TestFind(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, _ *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		contacts := contact.New(ring)
		d := directory.New(contacts, phones{})
		ada := account.NewID()
		err = db.InTx(t.Context(), func(tx *sqldb.Tx) error {
			for kind, address := range map[contact.Kind]string{contact.Phone: "+14155550123", contact.Email: "ada@example.com"} {
				if won, err := contacts.Claim(t.Context(), tx, kind, address, ada); err != nil || !won {
					t.Fatalf("claim: %v, %v", won, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]account.ID{
			"415 555 0123": ada, "ADA@example.com": ada, ada.Spaced(): ada, "415 555 0124": 0, "adb@example.com": 0,
		} {
			u, err := d.Read(text, "US")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := d.Find(t.Context(), db, u); err != nil || got != want {
				t.Errorf("%s: %v, %v; want %v", text, got, err, want)
			}
		}
		if got, err := d.Find(t.Context(), db, directory.Username{}); err != nil || got != 0 {
			t.Errorf("no username: %v, %v", got, err)
		}
	})
}
