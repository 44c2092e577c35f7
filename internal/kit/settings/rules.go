package settings

import (
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	colorForm   = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	countryForm = regexp.MustCompile(`^[A-Z]{2}$`)
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	apkHashForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	prefixForm  = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
)

// rules are what one key alone cannot tell.
func (r *reader) rules(s *Settings) {
	r.addresses(s)
	r.regions(s)
	r.senders(s)
	r.secrets(s)
	r.others(s)
	r.passkeys(s)
	r.providers(s)
}

func (r *reader) addresses(s *Settings) {
	if u, err := url.Parse(s.PublicURL); s.PublicURL != "" {
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			r.fault("public_url", "is not an address", `Write it as "https://id.example.com"`)
		case u.Scheme == "http":
			r.fault("public_url", "plain http would send passwords and sessions in clear", "Use https; for a trial on one machine there is selfsame demo")
		case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
			r.fault("public_url", "has more than a host", "Leave out path, query and user: pages live at the root of their own host")
		default:
			s.PublicURL = "https://" + strings.ToLower(u.Host)
		}
	}
	for key, addr := range map[string]string{"listen": s.Listen, "admin_listen": s.AdminListen} {
		if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
			r.fault(key, "is not host:port", `Write it as "127.0.0.1:8080" or ":8080"`)
		}
	}
	if s.Listen == s.AdminListen {
		r.fault("admin_listen", "is the public listener", "Give it a port of its own that strangers cannot reach")
	}
	for i, p := range s.TrustedProxies {
		if p.IsValid() && p.Bits() == 0 {
			r.fault("trusted_proxies", p.String()+" trusts everybody, and anybody could claim any address", "Name the networks of your proxies only")
		}
		if p.Addr().Is4In6() {
			s.TrustedProxies[i] = netip.PrefixFrom(p.Addr().Unmap(), max(0, p.Bits()-96))
		}
	}
	if (s.TLS.CertFile == "") != (s.TLS.KeyFile == "") {
		r.fault("tls", "needs both cert_file and key_file", "Give both, or neither behind a proxy")
	}
}

func (r *reader) regions(s *Settings) {
	if len(s.OfferedRegions) == 0 {
		r.fault("offered_regions", "names no region", `Name at least one, such as ["intl"]`)
	}
	for i, name := range s.OfferedRegions {
		if _, has := s.Regions[name]; !has {
			r.fault("offered_regions", name+" has no table", "Write [regions."+name+"] or use "+strings.Join(slices.Sorted(maps.Keys(s.Regions)), ", "))
		}
		if slices.Contains(s.OfferedRegions[:i], name) {
			r.fault("offered_regions", name+" stands twice", "Name it once")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Regions)) {
		r.region("regions."+name, name, s.Regions[name])
	}
}

func (r *reader) region(key, name string, g Region) {
	if !nameForm.MatchString(name) {
		r.fault(key, "is not a name for a region", "Use small letters, digits and dashes")
	}
	if len(g.SignUp) == 0 {
		r.fault(key+".sign_up", "offers no way in", `Use ["phone"], ["email"] or both`)
	}
	if _, err := time.LoadLocation(g.Zone); err != nil || g.Zone == "Local" || g.Zone == "" {
		r.fault(key+".zone", "is not a time zone", `Use a name such as "Europe/Berlin" or "UTC"`)
	}
	r.country(key+".country", g.Country)
}

func (r *reader) country(key string, codes ...string) {
	for _, c := range codes {
		if !countryForm.MatchString(c) {
			r.fault(key, c+" is not a country", `Use ISO 3166-1 alpha-2 codes such as "CN"`)
		}
	}
}

func (r *reader) senders(s *Settings) {
	seen := map[string]bool{}
	for i, route := range s.SMS.Routes {
		key := "sms.routes[" + itoa(i) + "]"
		if route.Name != "" && (!nameForm.MatchString(route.Name) || seen[route.Name]) {
			r.fault(key+".name", "is not a name of its own", "Use small letters, digits and dashes, each name once")
		}
		seen[route.Name] = true
		r.outside(key+".url", route.URL)
		r.country(key+".countries", route.Countries...)
	}
	r.outside("numbers.lookup.url", s.Numbers.Lookup.URL)
	r.country("numbers.served_countries", s.Numbers.Served...)
	for _, p := range s.Numbers.Allow {
		if !prefixForm.MatchString(p) {
			r.fault("numbers.allow", p+" is not a prefix", `Write it as "+861476"`)
		}
	}
	if s.Mail.Host != "" {
		r.mail(s.Mail)
	}
	for _, name := range s.OfferedRegions {
		g := s.Regions[name]
		if len(s.SMS.Routes) == 0 && (slices.Contains(g.SignUp, "phone") || g.Required == "phone") {
			r.fault("sms.routes", "region "+name+" needs text messages and there is no carrier", "Write [[sms.routes]], or take phone out of that region")
			break
		}
	}
	for _, name := range s.OfferedRegions {
		g := s.Regions[name]
		if s.Mail.Host == "" && (slices.Contains(g.SignUp, "email") || g.Required == "email") {
			r.fault("mail.host", "region "+name+" needs e-mail and there is no mail server", "Give mail.host, or take email out of that region")
			break
		}
	}
}

// outside checks an address that we call: in clear only on this machine.
func (r *reader) outside(key, address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		r.fault(key, "is not an address", `Write it as "https://host/path", with nothing secret in it`)
		return
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		r.fault(key, "plain http would send phone numbers and tokens in clear", "Use https")
	}
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (r *reader) mail(m Mail) {
	if a, err := mail.ParseAddress(m.From); err != nil || a.Address == "" {
		r.fault("mail.from", "is not a sender", `Write it as "Selfsame <no-reply@example.com>"`)
	}
	if m.ReplyTo != "" {
		if _, err := mail.ParseAddress(m.ReplyTo); err != nil {
			r.fault("mail.reply_to", "is not an address", `Write it as "help@example.com"`)
		}
	}
	if m.TLS == "none" && !loopback(m.Host) {
		r.fault("mail.tls", "none would send codes and passwords in clear", `Use "starttls" or "tls"`)
	}
	if (m.User == "") != (m.Password == "") {
		r.fault("mail.password", "user and password belong together", "Give both or neither")
	}
}

// secrets refuses what protects nothing (S-162).
func (r *reader) secrets(s *Settings) {
	if p := s.Keys.Passphrase.Reveal(); p != "" && weak(p) {
		r.fault("keys.passphrase", "is too weak", "Use at least 16 characters that nobody can guess, for instance from: openssl rand -base64 24")
	}
	if db := s.Database.URL.Reveal(); db != "" {
		if path, is := strings.CutPrefix(db, "sqlite:"); is && (path == "" || strings.HasPrefix(path, ":memory:")) {
			r.fault("database.url", "keeps nothing", `Name a file: "sqlite:/var/lib/selfsame/selfsame.db"`)
		} else if !is && !strings.HasPrefix(db, "postgres://") && !strings.HasPrefix(db, "postgresql://") {
			r.fault("database.url", "is not a database that is known", `Use "sqlite:PATH" or "postgres://user@host/name"`)
		}
	}
	for i, route := range s.SMS.Routes {
		if k := route.Signing.Reveal(); k != "" && weak(k) {
			r.fault("sms.routes["+itoa(i)+"].callback_secret", "is too weak", "Use at least 16 characters that nobody can guess")
		}
	}
}

// weak is short, of few different characters, or one of the words of examples.
func weak(s string) bool {
	different := map[rune]bool{}
	for _, c := range s {
		different[c] = true
	}
	low := strings.ToLower(s)
	return len(s) < 16 || len(different) < 6 || slices.ContainsFunc([]string{"password", "changeme", "change-me", "change_me", "passphrase", "example", "selfsame", "secret"},
		func(w string) bool { return strings.Contains(low, w) && len(s) < len(w)+16 })
}

// passkeys checks that browsers will take the domain and the origins.
func (r *reader) passkeys(s *Settings) {
	p := s.Passkeys
	host := ""
	if u, err := url.Parse(s.PublicURL); err == nil {
		host = u.Hostname()
	}
	if p.RPID != "" && host != "" && (p.RPID != host && (!strings.HasSuffix(host, "."+p.RPID) || !strings.Contains(p.RPID, "."))) {
		r.fault("passkeys.rp_id", "is neither the host of public_url nor a domain above it", "Use "+host+", or leave it out")
	}
	for _, o := range p.Origins {
		if hash, app := strings.CutPrefix(o, "android:apk-key-hash:"); app {
			if !apkHashForm.MatchString(hash) {
				r.fault("passkeys.origins", o+" is not an app", "Write android:apk-key-hash: and the SHA-256 of its certificate in base64url, 43 characters")
			}
			continue
		}
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" || u.Host == "" || "https://"+strings.ToLower(u.Host) != o || u.Port() == "443" {
			r.fault("passkeys.origins", o+" is not an origin", `Write it as browsers do: "https://www.example.com", small letters, no path, no port 443`)
		}
	}
}

func (r *reader) others(s *Settings) {
	if !colorForm.MatchString(s.Brand.Accent) {
		r.fault("brand.accent", "is not a color", `Write it as "#1f5eff"`)
	}
	if strings.TrimSpace(s.Brand.Name) == "" || strings.ContainsAny(s.Brand.Name, "\r\n") {
		r.fault("brand.name", "is empty or has line breaks", "Give the name that people know you by")
	}
	if u, err := url.Parse(s.Brand.Support); s.Brand.Support != "" && (err != nil || u.Scheme != "https" && u.Scheme != "mailto") {
		r.fault("brand.support", "is not an address for people", `Write it as "https://..." or "mailto:..."`)
	}
	if s.Passwords.Alone && s.Passwords.MinLength < 15 {
		r.fault("passwords.min_length", "is too short where a password alone opens a session", "Use at least 15, or passwords.alone = false")
	}
	if s.Passwords.PictureAfter < s.Passwords.CaptchaAfter {
		r.fault("passwords.picture_after", "comes before captcha_after", "Make it the same or more")
	}
	if s.Sessions.Idle > s.Sessions.Absolute {
		r.fault("sessions.idle", "is longer than sessions.absolute", "Make it the same or less")
	}
	if s.Codes.PerDestinationHour > s.Codes.PerDestinationDay {
		r.fault("codes.per_destination_hour", "is more than per_destination_day", "Make it the same or less")
	}
	if len(s.Codes.ResendAfter) == 0 {
		r.fault("codes.resend_after", "names no wait", `Use for instance ["60s", "120s", "300s"]`)
	}
	if s.Tracing.Endpoint != "" {
		if u, err := url.Parse(s.Tracing.Endpoint); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			r.fault("tracing.endpoint", "is not an address", `Write it as "https://otel.example.com:4318"`)
		}
	}
}
