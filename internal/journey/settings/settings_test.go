package settings_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/change"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/words"
)

// home is the settings of a house with two people in it.
type home struct {
	*settings.House
	t     *testing.T
	clock *clock.Clock
	ada   *session.Live // on her phone; has a phone and an e-mail
	other string        // the token of her other device
	eve   *session.Live
}

func each(t *testing.T, f func(h *home)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB, c *clock.Clock) {
		ring, err := seal.New()
		if err != nil {
			t.Fatal(err)
		}
		letters := courier.New(db, c, job.New(db, c, slog.New(slog.DiscardHandler)), ring, courier.Options{})
		h := &home{t: t, clock: c, House: &settings.House{
			DB: db, Accounts: account.New(ring), Contacts: contact.New(ring), Devices: device.New(ring), Audit: audit.New(ring),
			Passwords: credential.New(credential.NewGate(credential.Profile{MemoryKiB: 64, Time: 1, Threads: 1}, 2, 100, c), ring, credential.Rules{}),
			Book:      quota.New(ring.Key("quota")), Brand: "Selfsame", Tags: []string{"en", "zh-Hans"},
			Notices:      proof.NewNotices(letters, words.Book(), "Selfsame", func(string) *time.Location { return time.UTC }),
			ProfileLimit: quota.Limit{Name: "profile.changes", Windows: []quota.Window{{Max: 5, Per: time.Hour}}},
		}}
		h.Sessions = session.New(h.Accounts, h.Devices, session.Life{Idle: 14 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour})
		h.Changes = change.New(ring)
		h.Endings = &proof.Endings{Sessions: h.Sessions, Devices: h.Devices, Changes: h.Changes}
		p := &proof.Prover{Policy: policy.New(policy.Settings{}), Accounts: h.Accounts, Contacts: h.Contacts, Devices: h.Devices, Audit: h.Audit, Book: h.Book}
		p.Means = []proof.Means{proof.BySMS(p), proof.ByEmail(p), proof.ByPassword(p, &proof.Passwords{Stored: h.Passwords, Book: h.Book, Audit: h.Audit})}
		h.Prover = p
		id := h.move("+14155550123", "ada@example.com")
		h.ada, _ = h.signIn(id, "phone")
		_, h.other = h.signIn(id, "laptop")
		h.eve, _ = h.signIn(h.move("+14155550124", ""), "eve's phone")
		f(h)
	})
}

func (h *home) do(f func(ctx context.Context, tx *sqldb.Tx) error) {
	h.t.Helper()
	if err := h.DB.InTx(h.t.Context(), func(tx *sqldb.Tx) error { return f(h.t.Context(), tx) }); err != nil {
		h.t.Fatal(err)
	}
}

// move makes an account with its contacts.
func (h *home) move(phone, email string) account.ID {
	h.t.Helper()
	id := account.NewID()
	h.do(func(ctx context.Context, tx *sqldb.Tx) error {
		if err := h.Accounts.Create(ctx, tx, account.Account{ID: id, Region: "intl", Locale: "en"}); err != nil {
			return err
		}
		for kind, address := range map[contact.Kind]string{contact.Phone: phone, contact.Email: email} {
			if address == "" {
				continue
			}
			if won, err := h.Contacts.Claim(ctx, tx, kind, address, id); err != nil || !won {
				return fmt.Errorf("claim: %v, %w", won, err)
			}
			if err := h.Contacts.Add(ctx, tx, id, kind, address); err != nil {
				return err
			}
		}
		return nil
	})
	return id
}

func (h *home) signIn(id account.ID, name string) (*session.Live, string) {
	h.t.Helper()
	token := ""
	h.do(func(ctx context.Context, tx *sqldb.Tx) error {
		who, err := h.Accounts.Load(ctx, tx, id)
		if err != nil {
			return err
		}
		d, err := h.Devices.Remember(ctx, tx, id, name, device.Device{Name: name, Kind: "phone", Place: "Oslo"})
		if err != nil {
			return err
		}
		token, _, _, err = h.Sessions.Open(ctx, tx, who, d.ID, []session.Proof{{Method: "sms_code", At: tx.Now()}})
		return err
	})
	return h.live(token), token
}

func (h *home) live(token string) *session.Live {
	h.t.Helper()
	l, err := h.Live(h.t.Context(), token)
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

func (h *home) want(what string, err error, f *fault.Fault) {
	h.t.Helper()
	if f == nil && err != nil || f != nil && !f.Is(err) {
		h.t.Errorf("%s: %v; want %v", what, err, f)
	}
}

// acts are the acts of an account, the newest first.
func (h *home) acts(l *session.Live) []audit.Entry {
	h.t.Helper()
	list, err := h.Activity(h.t.Context(), l, time.Time{}, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *home) messages() (n int) {
	h.t.Helper()
	if err := h.DB.QueryRow(h.t.Context(), `SELECT COUNT(*) FROM courier_message`).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// TestTopic_L04_Devices: the present device stands first, each with what its
// owner knows it by and never a token (S-59); one that is removed is signed out
// at once and told by its name.
func TestTopic_L04_Devices(t *testing.T) {
	each(t, func(h *home) {
		list, err := h.ListDevices(h.t.Context(), h.ada)
		if err != nil || len(list) != 2 || !list[0].Current || list[0].Name != "phone" || list[1].Current || list[1].Name != "laptop" || !list[1].SignedIn || list[1].Place != "Oslo" {
			h.t.Fatalf("devices %+v, %v", list, err)
		}
		h.want("removing", h.RemoveDevice(h.t.Context(), h.ada, list[1].ID), nil)
		if _, err := h.Live(h.t.Context(), h.other); !session.Required.Is(err) {
			h.t.Errorf("the removed device: %v", err)
		}
		if e := h.acts(h.ada)[0]; e.Kind != audit.DeviceRemoved || e.Details["device"] != "laptop" || e.DeviceID != h.ada.DeviceID {
			h.t.Errorf("the act is %+v", e)
		}
		h.want("removing again", h.RemoveDevice(h.t.Context(), h.ada, list[1].ID), fault.NotFound)
		if list, _ = h.ListDevices(h.t.Context(), h.ada); len(list) != 1 {
			h.t.Errorf("%d devices are left", len(list))
		}
		h.want("removing the present one", h.RemoveDevice(h.t.Context(), h.ada, h.ada.DeviceID), nil) // the list signs out where it is looked at too
		h.want("anything after that", h.RemoveDevice(h.t.Context(), h.ada, h.ada.DeviceID), session.Required)
	})
}

// TestS062_StrangersDevice: a stranger's device and a missing one are the same
// refusal, whatever text names it.
func TestS062_StrangersDevice(t *testing.T) {
	each(t, func(h *home) {
		for _, id := range []string{h.eve.DeviceID, "", "AAAAAAAAAAAAAAAAAAAAAA", "\x00", "\xff", strings.Repeat("A", 5000), h.ada.DeviceID + "\x00"} {
			h.want(fmt.Sprintf("%.30q", id), h.RemoveDevice(h.t.Context(), h.ada, id), fault.NotFound)
		}
		if _, err := h.Sessions.Devices(h.t.Context(), h.DB, h.eve.AccountID); err != nil {
			h.t.Fatal(err)
		}
		list, err := h.ListDevices(h.t.Context(), h.eve)
		if err != nil || len(list) != 1 || !list[0].SignedIn {
			h.t.Errorf("the stranger has %+v, %v", list, err)
		}
		before := h.ada.Account.Avatar
		h.ada.Account.Avatar = "AAAAAAAAAAAAAAAAAAAAAA"
		if _, err := h.Avatar(h.t.Context(), h.ada); !fault.NotFound.Is(err) {
			h.t.Errorf("a picture that is not there: %v", err)
		}
		h.ada.Account.Avatar = before
	})
}

// TestS061_SignOutOthers: every other session ends at once, every other device
// is new again, and nobody else's is touched.
func TestS061_SignOutOthers(t *testing.T) {
	each(t, func(h *home) {
		n, err := h.SignOutOthers(h.t.Context(), h.ada)
		if err != nil || n != 1 {
			h.t.Errorf("%d ended, %v; want 1", n, err)
		}
		if _, err := h.Live(h.t.Context(), h.other); !session.Required.Is(err) {
			h.t.Errorf("the other device: %v", err)
		}
		if _, known, err := h.Devices.Known(h.t.Context(), h.DB, h.ada.AccountID, "laptop"); err != nil || known {
			h.t.Errorf("the other device is known: %v, %v", known, err)
		}
		for _, l := range []*session.Live{h.ada, h.eve} {
			h.do(func(ctx context.Context, tx *sqldb.Tx) error {
				if still, err := h.Sessions.Still(ctx, tx, l); err != nil || !still {
					h.t.Errorf("a session that should stand: %v, %v", still, err)
				}
				return nil
			})
		}
		if n, err := h.SignOutOthers(h.t.Context(), h.ada); err != nil || n != 0 {
			h.t.Errorf("again: %d ended, %v", n, err)
		}
	})
}

// TestS060_EndedMeanwhile: a request that was let in just before its session
// ended, its account was frozen or left its epoch, changes nothing.
func TestS060_EndedMeanwhile(t *testing.T) {
	name, locale := "Ada", "zh-Hans"
	each(t, func(h *home) {
		acts := map[string]func(l *session.Live) error{
			"nickname":       func(l *session.Live) error { return h.ChangeProfile(h.t.Context(), l, &name, nil) },
			"locale":         func(l *session.Live) error { return h.ChangeProfile(h.t.Context(), l, nil, &locale) },
			"avatar":         func(l *session.Live) error { return h.SetAvatar(h.t.Context(), l, nil) },
			"password":       func(l *session.Live) error { return h.SetPassword(h.t.Context(), l, "seven purple walruses", false) },
			"contacts":       func(l *session.Live) error { _, err := h.FullContacts(h.t.Context(), l); return err },
			"device":         func(l *session.Live) error { return h.RemoveDevice(h.t.Context(), l, h.ada.DeviceID) },
			"other sessions": func(l *session.Live) error { _, err := h.SignOutOthers(h.t.Context(), l); return err },
		}
		ends := map[string]func(l *session.Live){
			"signed out": func(l *session.Live) { h.want("sign-out", h.SignOut(h.t.Context(), l), nil) },
			"frozen":     func(*session.Live) { h.exec(`UPDATE account SET state = 'frozen'`) },
			"epoch":      func(*session.Live) { h.exec(`UPDATE account SET epoch = epoch + 1`) },
		}
		for how, end := range ends {
			h.exec(`DELETE FROM quota`)
			l, _ := h.signIn(h.ada.AccountID, "tablet "+how)
			end(l)
			for what, act := range acts {
				h.want(what+" when "+how, act(l), session.Required)
			}
			if stored, err := h.Passwords.Load(h.t.Context(), h.DB, h.ada.AccountID); err != nil || stored.IsSet() {
				h.t.Errorf("%s: a password was set, %v", how, err)
			}
			h.want("leaving", h.SignOut(h.t.Context(), l), nil)
			h.exec(`UPDATE account SET state = 'active'`)
		}
	})
}

func (h *home) exec(query string) {
	h.t.Helper()
	h.do(func(ctx context.Context, tx *sqldb.Tx) error { _, err := tx.Exec(ctx, query); return err })
}

// TestS028_SetPassword: a new password ends every other session, is told to every
// contact and to nobody else, and stands in the history.
func TestS028_SetPassword(t *testing.T) {
	each(t, func(h *home) {
		before := h.messages()
		h.want("setting", h.SetPassword(h.t.Context(), h.ada, "seven purple walruses", false), nil)
		if n := h.messages() - before; n != 2 {
			h.t.Errorf("%d notices; want 2", n)
		}
		if _, err := h.Live(h.t.Context(), h.other); !session.Required.Is(err) {
			h.t.Errorf("the other device: %v", err)
		}
		if e := h.acts(h.ada)[0]; e.Kind != audit.PasswordSet {
			h.t.Errorf("the act is %+v", e)
		}
		_, h.other = h.signIn(h.ada.AccountID, "laptop")
		h.want("keeping others", h.SetPassword(h.t.Context(), h.ada, "eight purple walruses", true), nil)
		h.live(h.other)
		stored, err := h.Passwords.Load(h.t.Context(), h.DB, h.ada.AccountID)
		if err != nil {
			h.t.Fatal(err)
		}
		if v, err := h.Passwords.Check(h.t.Context(), stored, "eight purple walruses"); err != nil || !v.Right {
			h.t.Errorf("the new password: %+v, %v", v, err)
		}
		if o, err := h.Overview(h.t.Context(), h.ada); err != nil || !o.Password.Equal(h.clock.Now()) || len(o.Contacts) != 2 {
			h.t.Errorf("overview %+v, %v", o, err)
		}
	})
}

// TestS024_OwnData: one's own phone, mail and name are no password; a refused one
// changes nothing and is no try.
func TestS024_OwnData(t *testing.T) {
	each(t, func(h *home) {
		for range 3 {
			for password, f := range map[string]*fault.Fault{"short": credential.PasswordShort, "+14155550123": credential.PasswordPersonal, "ada@example.com": credential.PasswordPersonal,
				"Selfsame1": credential.PasswordPersonal, "password1": credential.PasswordCommon, strings.Repeat("x", 257): credential.PasswordLong, strings.Repeat("y", 60_000): credential.PasswordLong} {
				h.want(fmt.Sprintf("%.20q", password), h.SetPassword(h.t.Context(), h.ada, password, false), f)
			}
		}
		h.live(h.other)
		for i := range 11 {
			err := h.SetPassword(h.t.Context(), h.ada, fmt.Sprintf("%d purple walruses", 1000+i*7919), true)
			if i < 10 {
				h.want("a good one", err, nil)
			} else if h.want("the eleventh", err, fault.RateLimited); fault.From(err).RetryAt.Sub(h.clock.Now()) != time.Hour {
				h.t.Errorf("retry in %v", fault.From(err).RetryAt.Sub(h.clock.Now()))
			}
		}
	})
}

// TestS067_Fresh: what is sensitive needs a proof of the last ten minutes, says
// what for, and reading contacts in full leaves a trace.
func TestS067_Fresh(t *testing.T) {
	each(t, func(h *home) {
		list, err := h.FullContacts(h.t.Context(), h.ada)
		if err != nil || len(list) != 2 || list[0].Address != "+14155550123" || list[1].Address != "ada@example.com" {
			h.t.Errorf("contacts %v, %v", len(list), err)
		}
		if e := h.acts(h.ada)[0]; e.Kind != audit.ContactsViewed {
			h.t.Errorf("the act is %+v", e)
		}
		h.clock.Advance(10 * time.Minute)
		h.want("at ten minutes", h.SetPassword(h.t.Context(), h.ada, "seven purple walruses", true), nil)
		h.clock.Advance(time.Microsecond)
		for action, act := range map[string]func() error{
			"set_password":  func() error { return h.SetPassword(h.t.Context(), h.ada, "seven purple walruses", true) },
			"view_contacts": func() error { _, err := h.FullContacts(h.t.Context(), h.ada); return err },
		} {
			err := act()
			if h.want(action, err, session.ProofRequired); fault.From(err).Args["for"] != action {
				h.t.Errorf("%s: for %v", action, fault.From(err).Args["for"])
			}
		}
	})
}

// TestProfile: names and languages, what may not stand in them, and how often
// they change.
func TestProfile(t *testing.T) {
	text := func(s string) *string { return &s }
	each(t, func(h *home) {
		h.want("nothing", h.ChangeProfile(h.t.Context(), h.ada, nil, nil), nil)
		if n := len(h.acts(h.ada)); n != 0 {
			h.t.Errorf("a change of nothing left %d acts", n)
		}
		for _, bad := range []string{"+1 415 555 0123", "ada@example.com", "Selfsame", "Support", "a\u202eb", "a\x00b", strings.Repeat("x", 41), strings.Repeat("x", 5000), "\xff"} {
			h.want(fmt.Sprintf("%.20q", bad), h.ChangeProfile(h.t.Context(), h.ada, text(bad), nil), account.NicknameInvalid)
		}
		for _, bad := range []string{"", "fr", "EN", "en\x00", strings.Repeat("e", 5000)} {
			h.want(fmt.Sprintf("locale %.20q", bad), h.ChangeProfile(h.t.Context(), h.ada, nil, text(bad)), fault.InvalidInput)
		}
		h.want("both, one bad", h.ChangeProfile(h.t.Context(), h.ada, text("Ada"), text("fr")), fault.InvalidInput)
		h.want("both", h.ChangeProfile(h.t.Context(), h.ada, text("  Ada   L. "), text("zh-Hans")), nil)
		now := h.reload()
		if now.Account.Nickname != "Ada L." || now.Account.Locale != "zh-Hans" {
			h.t.Errorf("the account is %+v", now.Account)
		}
		for range 4 {
			h.want("within the limit", h.ChangeProfile(h.t.Context(), h.ada, text(""), nil), nil)
		}
		err := h.ChangeProfile(h.t.Context(), h.ada, text("Once more"), nil)
		if h.want("beyond", err, fault.RateLimited); fault.From(err).RetryAt.Sub(h.clock.Now()) != time.Hour {
			h.t.Errorf("retry in %v", fault.From(err).RetryAt.Sub(h.clock.Now()))
		}
		if h.reload().Account.Nickname != "" {
			h.t.Error("the refused change was made")
		}
		if n := len(h.acts(h.ada)); n != 5 {
			h.t.Errorf("%d acts; want 5", n)
		}
	})
}

// reload signs in anew and answers the account as it is.
func (h *home) reload() *session.Live {
	l, _ := h.signIn(h.ada.AccountID, "another look")
	return l
}

func sample(w, hgt int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, hgt))
	for y := range hgt {
		for x := range w {
			m.Set(x, y, color.NRGBA{uint8(x), uint8(y), 128, 255})
		}
	}
	return m
}

func encoded(t *testing.T, f func(b *bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is a PNG whose header promises w by h pixels and whose data is short.
func bomb(w, h uint32) []byte {
	head := make([]byte, 0, 64)
	head = append(head, "\x89PNG\r\n\x1a\n"...)
	ihdr := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	ihdr = append(ihdr, 8, 6, 0, 0, 0)
	head = binary.BigEndian.AppendUint32(head, 13)
	head = append(head, ihdr...)
	return binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(ihdr))
}

// TestS135_Avatar: pictures come out as our own PNG, square, with nothing of what
// else was in the file; what is no picture, or too large, is refused.
func TestS135_Avatar(t *testing.T) {
	pngData := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, sample(300, 200)) })
	jpegData := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, sample(64, 900), nil) })
	exif := append([]byte("\xff\xe1\x00\x2aExif\x00\x00"), bytes.Repeat([]byte("GPS 59.91N"), 4)[:34]...)
	withPlace := append(append(bytes.Clone(jpegData[:2]), exif...), jpegData[2:]...)
	polyglot := append(bytes.Clone(pngData), "<script>alert(1)</script>PK\x03\x04"...)
	goodPictures := map[string][]byte{"a PNG": pngData, "a JPEG": jpegData, "a JPEG with its place": withPlace, "a PNG with a page behind it": polyglot}
	badPictures := map[string]struct {
		data   []byte
		reason string
	}{
		"text":             {[]byte("hello"), "kind"},
		"an SVG":           {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "kind"},
		"a GIF":            {encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, sample(10, 10), nil) }), "kind"},
		"half a PNG":       {pngData[:len(pngData)/2], "kind"},
		"half a JPEG":      {jpegData[:40], "kind"},
		"a bomb":           {bomb(50_000, 50_000), "large"},
		"a long bomb":      {bomb(1, 2_000_000_000), "large"},
		"an empty picture": {bomb(0, 0), "kind"},
		"too many bytes":   {append(bytes.Clone(pngData), make([]byte, 6<<20)...), "large"},
	}
	each(t, func(h *home) {
		h.ProfileLimit.Windows[0].Max = 100
		for name, data := range goodPictures {
			if err := h.SetAvatar(h.t.Context(), h.ada, data); err != nil {
				h.t.Errorf("%s: %v", name, err)
				continue
			}
			stored, err := h.Avatar(h.t.Context(), h.reload())
			if err != nil {
				h.t.Fatal(err)
			}
			m, kind, err := image.Decode(bytes.NewReader(stored))
			if err != nil || kind != "png" || m.Bounds() != image.Rect(0, 0, 256, 256) {
				h.t.Errorf("%s: stored as %s, %v, %v", name, kind, m.Bounds(), err)
			}
			for _, left := range []string{"GPS", "script", "PK\x03\x04", "Exif"} {
				if bytes.Contains(stored, []byte(left)) {
					h.t.Errorf("%s: %q is left in it", name, left)
				}
			}
		}
		for name, bad := range badPictures {
			err := h.SetAvatar(h.t.Context(), h.ada, bad.data)
			if f := fault.From(err); f == nil || f.Code != "avatar_invalid" || f.Args["reason"] != bad.reason || f.Field != "avatar" {
				h.t.Errorf("%s: %v; want reason %s", name, err, bad.reason)
			}
		}
		if _, err := h.Avatar(h.t.Context(), h.reload()); err != nil {
			h.t.Errorf("the refused ones took the picture away: %v", err)
		}
		h.want("removing", h.SetAvatar(h.t.Context(), h.ada, nil), nil)
		if _, err := h.Avatar(h.t.Context(), h.reload()); !fault.NotFound.Is(err) {
			h.t.Errorf("after removing: %v", err)
		}
		h.ProfileLimit.Windows[0].Max = 1 // S-152: no picture is decoded beyond the limit
		h.want("beyond the limit", h.SetAvatar(h.t.Context(), h.ada, []byte("hello")), fault.RateLimited)
	})
}

// TestTopic_S04_SignOut: a sign-out ends the session on every node and is told
// once, however often it is asked for.
func TestTopic_S04_SignOut(t *testing.T) {
	each(t, func(h *home) {
		l := h.live(h.other)
		for range 3 {
			h.want("sign-out", h.SignOut(h.t.Context(), l), nil)
		}
		if _, err := h.Live(h.t.Context(), h.other); !session.Required.Is(err) {
			h.t.Errorf("after it: %v", err)
		}
		var kinds []audit.Kind
		for _, e := range h.acts(h.ada) {
			kinds = append(kinds, e.Kind)
		}
		if diff := cmp.Diff([]audit.Kind{audit.SignedOut}, kinds); diff != "" {
			h.t.Error(diff)
		}
		for _, bad := range []string{"", "sst_", "sst_" + strings.Repeat("A", 51), strings.Repeat("x", 5000), "sst_\x00"} {
			if _, err := h.Live(h.t.Context(), bad); !session.Required.Is(err) {
				h.t.Errorf("token %.10q: %v", bad, err)
			}
		}
	})
}
