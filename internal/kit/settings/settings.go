// Package settings holds the configuration: its types with their defaults,
// bounds and explanations in one place, from which the strict reader, the
// commented example and the list of effective values are all made. It is data
// only: it must never know an account, open a database or dial.
package settings

import (
	"net/netip"
	"net/url"
	"time"
)

// Settings is the whole configuration. The tags of a field say everything about
// its key: toml the name, doc the explanation, min, max and in the bounds,
// required that it has no default, eg what the example shows when the default is empty,
// show that the example shows it switched on.
type Settings struct {
	PublicURL      string            `toml:"public_url" required:"yes" eg:"https://id.example.com" doc:"The address that people and apps use. https only. Links, cookies and metadata are made from it, never from what a request says."`
	Listen         string            `toml:"listen" doc:"Where pages and API are served, host:port."`
	AdminListen    string            `toml:"admin_listen" doc:"Where /livez, /readyz and /metrics are served, host:port. Keep it private."`
	TrustedProxies []netip.Prefix    `toml:"trusted_proxies" eg:"[\"10.0.0.0/8\"]" doc:"Networks whose X-Forwarded-For is believed. None unless you name them."`
	OfferedRegions []string          `toml:"offered_regions" doc:"The regions in force, by name from the tables [regions.*]; the first is the default."`
	TLS            TLS               `toml:"tls" doc:"Certificate of the public listener. Leave it out behind a proxy that ends TLS."`
	Database       Database          `toml:"database" doc:"Where everything is stored."`
	Keys           Keys              `toml:"keys" doc:"The key ring that seals personal data."`
	Brand          Brand             `toml:"brand" doc:"How the pages introduce themselves."`
	Regions        map[string]Region `toml:"regions" doc:"Policy sets. An account's region is fixed when it is made."`
	Journeys       Journeys          `toml:"journeys" doc:"Sign-in and the other journeys."`
	Codes          Codes             `toml:"codes" doc:"Verification codes by text message and e-mail."`
	Passwords      Passwords         `toml:"passwords" doc:"Password rules and their cost."`
	Proofs         Proofs            `toml:"proofs" doc:"The other ways to prove that an account is yours."`
	Contacts       Contacts          `toml:"contacts" doc:"Changes of the phone and the e-mail of an account."`
	Passkeys       Passkeys          `toml:"passkeys" doc:"Passkeys (WebAuthn)."`
	Questions      Questions         `toml:"questions" doc:"Security questions."`
	Sessions       Sessions          `toml:"sessions" doc:"How long a sign-in lasts."`
	SMS            SMS               `toml:"sms" doc:"Text messages."`
	Numbers        Numbers           `toml:"numbers" doc:"Which phone numbers are taken."`
	Mail           Mail              `toml:"mail" doc:"E-mail by SMTP."`
	Providers      Providers         `toml:"providers" doc:"Third-party accounts. One is on when its ID is set; which are offered where, and in which order, is in the regions (docs/providers.md)."`
	Captcha        Captcha           `toml:"captcha" doc:"The challenges that slow programs down."`
	GeoIP          GeoIP             `toml:"geoip" doc:"Approximate places of devices."`
	Risk           Risk              `toml:"risk" doc:"What makes the house ask for more proof than usual."`
	Limits         Limits            `toml:"limits" doc:"Limits of the public listener."`
	Shutdown       Shutdown          `toml:"shutdown" doc:"What happens at SIGTERM."`
	Tracing        Tracing           `toml:"tracing" doc:"OpenTelemetry traces. Costs nothing while the endpoint is empty."`
	Log            Log               `toml:"log" doc:"The log, JSON lines on standard error."`

	// Demo is set by the demo command only; no key of a file reaches it (S-162).
	Demo bool `toml:"-"`
}

// TLS is the certificate of the public listener.
type TLS struct {
	CertFile string `toml:"cert_file" eg:"/etc/selfsame/tls.crt" doc:"Certificate chain, PEM. Read again when it changes."`
	KeyFile  string `toml:"key_file" eg:"/etc/selfsame/tls.key" doc:"Its private key, PEM."`
}

// Database says where everything is stored.
type Database struct {
	URL   Secret `toml:"url" required:"yes" eg:"sqlite:/var/lib/selfsame/selfsame.db" doc:"sqlite:PATH for the embedded store, or postgres://user:password@host/name."`
	Conns int    `toml:"conns" min:"0" max:"1000" doc:"Connections: all of them on PostgreSQL, the readers on SQLite. 0 chooses by the number of cores."`
}

// Keys is the key ring.
type Keys struct {
	File       string `toml:"file" required:"yes" eg:"/var/lib/selfsame/keys.json" doc:"The key ring file. Without it and its passphrase no personal data can be read again: keep a copy of both elsewhere."`
	Passphrase Secret `toml:"passphrase" required:"yes" eg:"/etc/selfsame/passphrase" doc:"Wraps the key ring; at least 16 characters."`
}

// Brand is how the pages introduce themselves.
type Brand struct {
	Name      string `toml:"name" max:"40" doc:"The name that people know you by: on pages, in texts and mails."`
	Accent    string `toml:"accent" doc:"Accent color, #rrggbb."`
	Logo      string `toml:"logo" eg:"/etc/selfsame/logo.svg" doc:"A logo, SVG or PNG. Empty draws the name."`
	Templates string `toml:"templates" eg:"/etc/selfsame/templates" doc:"A folder whose page templates and word catalogs lie over ours."`
	Support   string `toml:"support" eg:"https://www.example.com/support" doc:"Where people find your support."`
}

// Region is a policy set.
type Region struct {
	SignUp   []string `toml:"sign_up" in:"phone,email,provider" doc:"Ways to create an account: phone, email, provider (a third-party account)."`
	Required string   `toml:"required_contact" in:",phone,email" doc:"The contact that an account must have: phone, email, or empty."`
	AskFor   string   `toml:"ask_for_contact" in:"no,yes,must" doc:"Whether it is asked for after a sign-up by another way: no, yes (can be skipped), must."`
	AskAfter string   `toml:"ask_after_provider" in:"no,yes,must" doc:"The same after a sign-up by a third-party account."`
	Zone     string   `toml:"zone" doc:"Time zone of times in messages (IANA name)."`
	Country  string   `toml:"country" doc:"Country of phone numbers typed without one, ISO 3166-1 alpha-2."`

	Providers      []string `toml:"providers" doc:"Third-party accounts that pages offer, in this order; one that is not configured is not shown."`
	ProvidersApp   []string `toml:"providers_app" eg:"[\"wechat\", \"apple\"]" doc:"Those that native apps offer. Empty: the same."`
	ProvidersSetup []string `toml:"providers_setup" eg:"[\"wechat\"]" doc:"Those that the set-up of a device offers. Empty: those of native apps."`
}

// Journeys are sign-in and the others.
type Journeys struct {
	Life             time.Duration `toml:"life" min:"5m" max:"1h" doc:"How long a journey that was begun may be finished."`
	PerNetworkMinute int           `toml:"per_network_minute" min:"10" max:"10000000" doc:"Journeys that one address (IPv6: one /64) may begin in a minute. Carriers put many people behind one address."`
}

// Codes are the numbers of verification codes.
type Codes struct {
	Length      int             `toml:"length" min:"6" max:"8" doc:"Digits."`
	Life        time.Duration   `toml:"life" min:"1m" max:"10m" doc:"How long a code is good."`
	Tries       int             `toml:"tries" min:"1" max:"5" doc:"Wrong tries before a code is dead."`
	ResendAfter []time.Duration `toml:"resend_after" min:"10s" max:"1h" doc:"Waits before the second, third ... code; the last repeats."`

	PerDestinationHour int `toml:"per_destination_hour" min:"1" max:"100" doc:"Codes to one phone number or e-mail address in an hour."`
	PerDestinationDay  int `toml:"per_destination_day" min:"1" max:"100" doc:"The same in 24 hours."`
	WrongPerHour       int `toml:"wrong_per_hour" min:"5" max:"100" doc:"Wrong codes for one phone number or e-mail address in an hour, all journeys together."`
	WrongPerDay        int `toml:"wrong_per_day" min:"5" max:"100" doc:"The same in 24 hours."`
	PerDeviceHour      int `toml:"per_device_hour" min:"1" max:"1000" doc:"Codes asked for by one device in an hour."`
	PerDeviceDay       int `toml:"per_device_day" min:"1" max:"1000" doc:"The same in 24 hours."`
	PerNetworkHour     int `toml:"per_network_hour" min:"1" max:"1000000" doc:"Codes asked for from one address (IPv6: one /64) in an hour. Carriers put many people behind one address."`
	PerWideNetworkHour int `toml:"per_wide_network_hour" min:"1" max:"10000000" doc:"The same from one /24 (IPv6: one /48)."`
	ChallengeAfter     int `toml:"challenge_after" min:"0" max:"1000000" doc:"Codes from one address in an hour before a captcha comes first. 0 asks always."`

	CountryBudget int           `toml:"country_budget" min:"1" max:"100000000" doc:"Texts to one country that nobody has verified yet, within country_per. Stops text pumping."`
	CountryPer    time.Duration `toml:"country_per" min:"10m" max:"168h" doc:"The window of country_budget."`
	CountryCredit int           `toml:"country_credit" min:"1" max:"100" doc:"How many unverified texts one verified code makes up for: with 4, a country may go on while at least one text in four is verified."`
}

// Passwords are the rules of passwords and what they cost.
type Passwords struct {
	Profile        string `toml:"profile" in:"default,strict" doc:"Cost of argon2id: default (19 MiB, 2 passes) or strict (64 MiB, 2 passes)."`
	MinLength      int    `toml:"min_length" min:"8" max:"64" doc:"Shortest password, in characters."`
	Alone          bool   `toml:"alone" doc:"Whether a password alone opens a session on a new device. Needs min_length of at least 15."`
	AtOnce         int    `toml:"at_once" min:"0" max:"256" doc:"Passwords hashed at the same time. 0 is the number of cores."`
	Queue          int    `toml:"queue" min:"1" max:"100000" doc:"How many may wait for that; the next ones are told when to come back."`
	WrongPerDay    int    `toml:"wrong_per_day" min:"10" max:"100" doc:"Wrong passwords of one account in 24 hours, from devices that it does not know."`
	DelayAfter     int    `toml:"delay_after" min:"1" max:"100" doc:"Wrong passwords of one account before each next try has to wait."`
	CaptchaAfter   int    `toml:"captcha_after" min:"1" max:"100" doc:"Wrong passwords of one account before a captcha comes first."`
	PictureAfter   int    `toml:"picture_after" min:"1" max:"100" doc:"And before that captcha is a picture."`
	PerNetworkHour int    `toml:"per_network_hour" min:"1" max:"1000000" doc:"Password tries from one address (IPv6: one /64) in an hour."`
	PerWideHour    int    `toml:"per_wide_network_hour" min:"1" max:"10000000" doc:"The same from one /24 (IPv6: one /48)."`
}

// Questions says whether security questions can be used.
type Questions struct {
	Enabled bool `toml:"enabled" doc:"Let people set three security questions, as one proof beside a strong one. Off by default: answers can be guessed and forgotten, and ASVS 6.4.2 forbids them."`
}

// Proofs are the numbers of authenticator apps, recovery codes and the like.
type Proofs struct {
	WrongPerHour int `toml:"wrong_per_hour" min:"5" max:"100" doc:"Wrong tries at one such secret of an account in an hour, from devices that it does not know, all journeys together."`
	WrongPerDay  int `toml:"wrong_per_day" min:"5" max:"100" doc:"The same in 24 hours."`
}

// Contacts are the numbers of changes of contacts.
type Contacts struct {
	Wait          time.Duration `toml:"wait" min:"72h" max:"14d" doc:"How long a change without the old contact waits, and a dispute over a contact, while everybody concerned can object."`
	ObjectFor     time.Duration `toml:"object_for" min:"72h" max:"14d" doc:"How long a change that has happened can be undone by the link that was sent to the old contact."`
	ChangesMonth  int           `toml:"changes_per_30_days" min:"1" max:"30" doc:"Changes of one contact of an account in 30 days."`
	DisputesMonth int           `toml:"disputes_per_30_days" min:"1" max:"30" doc:"Disputes that one account begins in 30 days."`
	DisputedMonth int           `toml:"disputed_per_30_days" min:"1" max:"30" doc:"Disputes over one contact in 30 days."`
	TypedPerHour  int           `toml:"named_per_hour" min:"3" max:"100" doc:"New contacts that one account names in an hour, whether or not anything comes of it."`
}

// Passkeys say where passkeys are good.
type Passkeys struct {
	RPID         string   `toml:"rp_id" eg:"example.com" doc:"The domain that passkeys belong to: the host of public_url or a domain above it. Empty is that host. Never change it: every passkey made before would be useless."`
	Origins      []string `toml:"origins" eg:"[\"https://www.example.co.uk\"]" doc:"Where passkeys are used besides public_url: https://host of other sites of yours, android:apk-key-hash:... of apps. Sites are listed in /.well-known/webauthn."`
	Verification string   `toml:"user_verification" in:"preferred,required" doc:"Whether the device must verify the person by finger, face or PIN: required, or preferred, where a passkey without counts as one kind of proof only."`
}

// Sessions say how long a sign-in lasts.
type Sessions struct {
	Idle     time.Duration `toml:"idle" min:"5m" max:"30d" doc:"A session ends when it was not used for so long."`
	Absolute time.Duration `toml:"absolute" min:"1h" max:"30d" doc:"And so long after sign-in at the latest."`
}

// SMS is text messages.
type SMS struct {
	Routes []SMSRoute `toml:"routes" show:"yes" doc:"Carriers that speak our HTTP protocol (docs/protocols/http-carrier.md). Tried in this order."`
}

// SMSRoute is one carrier.
type SMSRoute struct {
	Name      string        `toml:"name" required:"yes" eg:"main" doc:"Its name, also in the address of its callbacks: /hooks/sms/main."`
	URL       string        `toml:"url" required:"yes" eg:"https://sms.example.com/v1" doc:"Base address of the carrier."`
	Token     Secret        `toml:"token" required:"yes" eg:"/etc/selfsame/sms-token" doc:"Bearer token."`
	Signing   Secret        `toml:"callback_secret" eg:"/etc/selfsame/sms-callback" doc:"Shared secret that signs its callbacks. Without it there are no receipts."`
	From      string        `toml:"from" eg:"Selfsame" doc:"Sender shown; empty lets the carrier choose."`
	Countries []string      `toml:"countries" eg:"[\"CN\"]" doc:"Countries that it serves, ISO 3166-1 alpha-2. Empty is all."`
	Timeout   time.Duration `toml:"timeout" min:"1s" max:"30s" doc:"How long it may take to accept a message."`
}

// Numbers say which phone numbers are taken.
type Numbers struct {
	Served        []string `toml:"served_countries" eg:"[\"CN\", \"SG\"]" doc:"Countries whose numbers are taken, ISO 3166-1 alpha-2. Empty is all."`
	VoIP          bool     `toml:"voip" doc:"Whether internet numbers are taken."`
	Satellite     bool     `toml:"satellite" doc:"Whether satellite phones are taken. Texts to them are dear."`
	OnlyConfirmed bool     `toml:"only_confirmed" doc:"Use only those rows of our table of machine (IoT) ranges whose source is confirmed."`
	Allow         []string `toml:"allow" eg:"[\"+861476\"]" doc:"Prefixes that are taken as mobile whatever the tables say."`
	Lookup        Lookup   `toml:"lookup" doc:"A service that knows the kind of a line (docs/protocols/line-lookup.md)."`
}

// Lookup is a line look-up.
type Lookup struct {
	URL     string        `toml:"url" eg:"https://lines.example.com/v1" doc:"Base address. Empty asks nobody."`
	Token   Secret        `toml:"token" eg:"/etc/selfsame/lookup-token" doc:"Bearer token."`
	WaitFor time.Duration `toml:"wait_for" min:"100ms" max:"5s" doc:"How long an answer is waited for; none never refuses a number."`
	KeepFor time.Duration `toml:"keep_for" min:"0s" max:"24h" doc:"How long an answer is used again."`
}

// Mail is e-mail by SMTP.
type Mail struct {
	Host     string `toml:"host" show:"yes" eg:"smtp.example.com" doc:"SMTP server. Empty sends no mail."`
	Port     int    `toml:"port" min:"1" max:"65535" doc:"Its port: 587 for STARTTLS, 465 for TLS from the start."`
	TLS      string `toml:"tls" in:"starttls,tls,none" doc:"starttls, tls, or none (only to this machine)."`
	User     string `toml:"user" eg:"selfsame" doc:"User name. Empty signs in with none."`
	Password Secret `toml:"password" eg:"/etc/selfsame/smtp-password" doc:"Its password."`
	From     string `toml:"from" show:"yes" eg:"Selfsame <no-reply@example.com>" doc:"Sender."`
	ReplyTo  string `toml:"reply_to" eg:"help@example.com" doc:"Where answers go."`
}

// Captcha is what slows programs down.
type Captcha struct {
	Difficulty int `toml:"difficulty" min:"100" max:"10000000" doc:"Cost of the proof of work that browsers solve in the background."`
}

// Risk is what makes the house ask for more.
type Risk struct {
	Networks string `toml:"networks" eg:"/etc/selfsame/networks.txt" doc:"A file of networks that attacks came from, one a line (192.0.2.0/24 or a single address, # begins a remark). Who comes from there proves more. Read at the start."`
}

// GeoIP is approximate places.
type GeoIP struct {
	File string `toml:"file" eg:"/var/lib/selfsame/city.mmdb" doc:"A city database in MaxMind's format. Empty shows no places."`
}

// Limits are those of the public listener.
type Limits struct {
	PerAddress int           `toml:"connections_per_address" min:"8" max:"100000" doc:"Connections of one address (IPv6: one /64) at once; proxies of ours are not counted."`
	Deadline   time.Duration `toml:"request_deadline" min:"1s" max:"60s" doc:"How long one request may take."`
}

// Shutdown is what happens at SIGTERM.
type Shutdown struct {
	Notice time.Duration `toml:"notice" min:"0s" max:"60s" doc:"Time between /readyz saying no and the end of new requests, for the balancer to notice."`
	Grace  time.Duration `toml:"grace" min:"1s" max:"5m" doc:"Time for requests in flight."`
}

// Tracing is OpenTelemetry traces.
type Tracing struct {
	Endpoint string  `toml:"endpoint" eg:"https://otel.example.com:4318" doc:"OTLP over HTTP. Empty traces nothing."`
	Sample   float64 `toml:"sample" min:"0" max:"1" doc:"The share of requests that is traced."`
}

// Log is the log.
type Log struct {
	Level string `toml:"level" in:"debug,info,warn,error" doc:"debug, info, warn or error. info has one line a request."`
}

// Public is the public URL, read. It must have been checked.
func (s Settings) Public() *url.URL {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		panic(err) // Parse and the demo let none such through
	}
	return u
}
