package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/identity/audit"
	"github.com/selfsame-id/selfsame/internal/identity/contact"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/directory"
	"github.com/selfsame-id/selfsame/internal/identity/footprint"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/identity/session"
	"github.com/selfsame-id/selfsame/internal/journey/contacts"
	"github.com/selfsame-id/selfsame/internal/journey/flow"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	accountpage "github.com/selfsame-id/selfsame/internal/journey/settings"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/journey/stepup"
	"github.com/selfsame-id/selfsame/internal/kit/captcha"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/job"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	"github.com/selfsame-id/selfsame/internal/kit/place"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/seal"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
	"github.com/selfsame-id/selfsame/internal/remote/courier"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
	"github.com/selfsame-id/selfsame/internal/words"
)

// site is the house on its way up: each floor adds what the next one stands on.
type site struct {
	vitals
	set settings.Settings

	words  *locale.Book
	db     *sqldb.DB
	ring   *seal.Ring
	jobs   *job.Queue
	book   *quota.Book
	atlas  *place.Atlas
	studio *captcha.Studio
	lab    *demoLab // nil but in the demo

	numbers *numbers.Plan
	courier *courier.Courier

	regions    *region.Book
	accounts   *account.Store
	contacts   *contact.Store
	devices    *device.Store
	sessions   *session.Store
	audit      *audit.Store
	footprints *footprint.Store
	directory  *directory.Directory
	gate       *credential.Gate
	passwords  *credential.Passwords

	prover  *proof.Prover
	guesses *proof.Passwords
	keys    *passkeyParts
	factors *factorParts

	life       *lifeParts
	federation *federationParts

	runner         *flow.Runner
	signIn         *signin.House
	stepUp         *stepup.House
	contactChanges *contacts.House
	settings       *accountpage.House

	router *httpd.Router
	public http.Handler

	senders []telemetry.Check
	try     []string
	runs    []func(ctx context.Context) error
	closes  []func() error
}

// build wires the house: one short function per floor. What it took it gives
// back if a floor fails.
var build = func(ctx context.Context, s settings.Settings, v vitals) (_ *house, err error) {
	b := &site{vitals: v, set: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	for _, floor := range []func(context.Context) error{b.kit, b.outside, b.remote, b.identity, b.journeys, b.front} {
		if err := floor(ctx); err != nil {
			return nil, err
		}
	}
	b.gauges()
	ready := telemetry.NewReadiness(v.Log, telemetry.Check{Name: "database", Run: b.db.Ping})
	return &house{
		Public: b.public, Admin: telemetry.Admin(v.Metrics, ready), Ready: ready, Run: b.run, Close: b.close,
		Senders: b.senders, Try: b.try, ShowAccount: b.showAccount, SignOut: b.signOut, ChangeState: b.changeState, Seed: b.seed, Reseal: b.reseal,
	}, nil
}

// close gives back what the floors took, the last first.
func (b *site) close() error {
	var all []error
	for i := len(b.closes) - 1; i >= 0; i-- {
		all = append(all, b.closes[i]())
	}
	b.closes = nil
	return errors.Join(all...)
}

// run works in the background until ctx ends.
func (b *site) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, f := range b.runs {
		g.Go(func() error { return f(ctx) })
	}
	return g.Wait()
}

// kit is floor 1: the tools.
func (b *site) kit(ctx context.Context) (err error) {
	var over []fs.FS
	if dir := b.set.Brand.Templates; dir != "" {
		over = append(over, os.DirFS(dir))
	}
	var both errgroup.Group // the words are read while the passphrase is stretched
	both.Go(func() (err error) {
		b.words, err = locale.Load(append([]fs.FS{words.Files}, catalogs(over)...)...)
		return err
	})
	both.Go(func() (err error) {
		if b.db, b.ring, err = openStore(ctx, b.set, b.Clock); err == nil {
			b.closes = append(b.closes, b.db.Close)
		}
		return err
	})
	if err := both.Wait(); err != nil {
		return err
	}
	b.jobs = job.New(b.db, b.Clock, b.Log)
	b.book = quota.New(b.ring.Key("quota"))
	if b.atlas, err = place.Open(b.set.GeoIP.File, "en"); err != nil {
		return fmt.Errorf("geoip.file: %w", err)
	}
	b.closes = append(b.closes, b.atlas.Close)
	b.studio = captcha.NewStudio(b.Clock, 2, 32)
	b.runs = append(b.runs, b.jobs.Run, b.watchKeys, tidy)
	b.jobs.Every("quota.sweep", time.Hour, func(ctx context.Context) error { return b.book.Sweep(ctx, b.db) })
	return nil
}

// catalogs are the word catalogs of an operator's folder, if it holds any.
func catalogs(over []fs.FS) (out []fs.FS) {
	for _, f := range over {
		if found, _ := fs.Glob(f, "*.toml"); len(found) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// tidy gives back what the start needed and nobody needs any more: an idle server
// is billed for what it holds (measured: 4 MiB).
func tidy(context.Context) error {
	debug.FreeOSMemory()
	return nil
}

// watchKeys takes a rotated key ring over from its file while running.
func (b *site) watchKeys(ctx context.Context) error {
	b.ring.Watch(ctx, b.Clock, b.set.Keys.File, []byte(b.set.Keys.Passphrase.Reveal()), keysReadEvery, func(err error) {
		if err != nil {
			b.Log.ErrorContext(ctx, "the key ring could not be read again", slog.Any("error", err))
		}
	})
	return nil
}

// identity is floor 2b: the nouns.
func (b *site) identity(context.Context) (err error) {
	if b.regions, err = regions(b.set); err != nil {
		return err
	}
	b.accounts, b.contacts, b.devices, b.audit = account.New(b.ring), contact.New(b.ring), device.New(b.ring), audit.New(b.ring)
	b.footprints = footprint.New(b.ring)
	b.sessions = session.New(b.accounts, b.devices, session.Life{Idle: b.set.Sessions.Idle, Absolute: b.set.Sessions.Absolute})
	b.directory = directory.New(b.contacts, phones{b.numbers})
	b.gate = credential.NewGate(profile(b.set), b.set.Passwords.AtOnce, b.set.Passwords.Queue, b.Clock)
	b.passwords = credential.New(b.gate, b.ring, credential.Rules{Min: b.set.Passwords.MinLength, Context: []string{b.set.Brand.Name, b.set.Public().Hostname()}})
	return nil
}

// phones lets the directory read phone numbers.
type phones struct{ plan *numbers.Plan }

func (p phones) Mobile(text, country string) (string, bool) {
	n, err := p.plan.Read(text, country)
	return n.E164, err == nil
}

// journeys is floor 3: the verbs.
func (b *site) journeys(context.Context) error {
	b.runner = flow.New(b.db, b.ring, func(kind, event string) { b.Metrics.Journeys.Add(kind, event) })
	notices := b.notices()
	if err := b.proofs(); err != nil {
		return err
	}
	b.prover.Notices, b.guesses.Notices = notices, notices
	prompts := b.prompting(notices)
	b.passkeys(notices)
	b.otherFactors(notices)
	b.linkable()
	b.lives(notices)
	b.signIn = &signin.House{
		Regions: b.regions, Numbers: b.numbers, Accounts: b.accounts, Contacts: b.contacts, Devices: b.devices, Sessions: b.sessions,
		Audit: b.audit, Directory: b.directory, Passwords: b.passwords, Book: b.book,
		Codes: b.prover.Codes, Captchas: b.prover.Captchas, Guesses: b.guesses, Prover: b.prover, Passkeys: b.keys.proof,
		Notices: notices, Courier: b.courier, Brand: b.set.Brand.Name, Rules: signInRules(b.set),
		Links: b.federation.links, Desk: b.federation.desk,
	}
	b.runner.LimitBegins(quota.NewBurst(b.Clock, b.set.Journeys.PerNetworkMinute, time.Minute))
	flow.Add(b.runner, signin.Journey(b.signIn))
	b.contactJourneys(notices)
	b.linkJourneys(notices)
	b.stepUp = &stepup.House{Prover: b.prover, Accounts: b.accounts, Sessions: b.sessions, Audit: b.audit, Life: b.set.Journeys.Life}
	flow.Add(b.runner, stepup.Journey(b.stepUp))
	b.settings = &accountpage.House{
		DB: b.db, Accounts: b.accounts, Contacts: b.contacts, Devices: b.devices, Sessions: b.sessions, Audit: b.audit,
		Passwords: b.passwords, Book: b.book, Notices: notices, Prover: b.prover, Brand: b.set.Brand.Name,
		Changes: b.life.changes, Endings: b.life.endings, Watch: b.life.freeze,
		Passkeys: b.keys.store, Party: b.keys.party, TOTP: b.factors.totp, RecoveryCodes: b.factors.codes, Questions: b.factors.questions, Prompts: prompts, Watching: b.watching(prompts),
		ProfileLimit: limit("profile.changes", within(30, time.Hour), within(100, day)),
	}
	for _, tag := range b.words.Tags() {
		b.settings.Tags = append(b.settings.Tags, string(tag))
	}
	b.jobs.Every("journey.sweep", time.Hour, b.runner.Sweep)
	b.jobs.Every("keys.reseal", day, b.resealDaily)
	return nil
}

func (b *site) zone(name string) *time.Location {
	r, err := b.regions.Get(name)
	if err != nil {
		return time.UTC
	}
	return r.Zone
}

// gauges are the numbers that are asked for when somebody looks.
func (b *site) gauges() {
	b.Metrics.Gauge("selfsame_jobs_due", "Jobs that are due.", func() float64 { due, _, _, _ := b.jobs.Stats(context.Background()); return float64(due) })
	b.Metrics.Gauge("selfsame_jobs_dead", "Jobs that were given up.", func() float64 { _, dead, _, _ := b.jobs.Stats(context.Background()); return float64(dead) })
	b.Metrics.Gauge("selfsame_passwords_waiting", "Callers that wait for a password to be hashed.", func() float64 { return float64(b.gate.Stats().Waiting) })
}

// formKey makes the key of form tokens from the ring.
func (b *site) formKey() []byte {
	key := sha256.Sum256(b.ring.Key("form"))
	return key[:]
}

// translate makes what a kit says of itself a refusal that people understand.
func (b *site) translate(err error) error {
	if sqldb.Busy(err) || errors.Is(err, sqldb.ErrUnknownOutcome) {
		return fault.Unavailable.Until(b.Clock.Now().Add(5 * time.Second)).Because(err)
	}
	return err
}

func (b *site) placeOf(addr netip.Addr) string { return b.atlas.Of(addr) }
