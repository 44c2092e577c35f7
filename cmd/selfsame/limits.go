package main

import (
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/help"
	"github.com/selfsame-id/selfsame/internal/identity/credential"
	"github.com/selfsame-id/selfsame/internal/identity/device"
	"github.com/selfsame-id/selfsame/internal/identity/question"
	"github.com/selfsame-id/selfsame/internal/identity/recoverycode"
	"github.com/selfsame-id/selfsame/internal/identity/region"
	"github.com/selfsame-id/selfsame/internal/journey/proof"
	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/journey/signin"
	"github.com/selfsame-id/selfsame/internal/kit/quota"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/remote/numbers"
)

const day = 24 * time.Hour

// freshFor is how long a proof is good for a sensitive act (S-67).
const freshFor = policy.FreshFor

// passwordMost is the longest password, in characters.
const passwordMost = 256

func within(n int, per time.Duration) quota.Window { return quota.Window{Max: n, Per: per} }

func limit(name string, windows ...quota.Window) quota.Limit {
	return quota.Limit{Name: name, Windows: windows}
}

// codeLimits are the numbers in force for verification codes.
func codeLimits(s settings.Settings) proof.Limits {
	c := s.Codes
	return proof.Limits{
		Length: c.Length, Life: c.Life, Tries: c.Tries, ResendAfter: c.ResendAfter,
		Destination:      limit("codes.destination", within(c.PerDestinationHour, time.Hour), within(c.PerDestinationDay, day)),
		DestinationTries: limit("codes.tries", within(c.WrongPerHour, time.Hour), within(c.WrongPerDay, day)),
		Device:           limit("codes.device", within(c.PerDeviceHour, time.Hour), within(c.PerDeviceDay, day)),
		Network:          limit("codes.network", within(c.PerNetworkHour, time.Hour)),
		NetworkWide:      limit("codes.network_wide", within(c.PerWideNetworkHour, time.Hour)),
		Country:          limit("codes.country", within(c.CountryBudget, c.CountryPer)),
		CountryCredit:    c.CountryCredit, ChallengeAfter: c.ChallengeAfter,
	}
}

// delays are the waits between wrong passwords once they begin.
var delays = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}

// passwordRules are the numbers in force for tries of passwords.
func passwordRules(s settings.Settings) proof.PasswordRules {
	p := s.Passwords
	tries := limit("password.tries", within(p.WrongPerDay, day))
	tries.Pace = append(make([]time.Duration, max(0, p.DelayAfter-1)), delays...)
	return proof.PasswordRules{
		Tries:        tries,
		TriesNetwork: limit("password.network", within(p.PerNetworkHour, time.Hour)),
		TriesWide:    limit("password.network_wide", within(p.PerWideHour, time.Hour)),
		CaptchaAfter: p.CaptchaAfter, PictureAfter: p.PictureAfter,
	}
}

// signInRules are the numbers in force at sign-in.
func signInRules(s settings.Settings) signin.Rules {
	return signin.Rules{MinLength: s.Passwords.MinLength, MaxLength: passwordMost, Alone: s.Passwords.Alone, Life: s.Journeys.Life}
}

// secretTries bounds the wrong tries at one secret of an account (S-13, S-38).
func secretTries(s settings.Settings) quota.Limit {
	return limit("proof.tries", within(s.Proofs.WrongPerHour, time.Hour), within(s.Proofs.WrongPerDay, day))
}

func profile(s settings.Settings) credential.Profile {
	if s.Passwords.Profile == "strict" {
		return credential.Strict
	}
	return credential.Default
}

// regions reads the policy sets in their order; the zones were checked with the configuration.
func regions(s settings.Settings) (*region.Book, error) {
	var list []region.Region
	for _, name := range s.OfferedRegions {
		r := s.Regions[name]
		zone, err := time.LoadLocation(r.Zone)
		if err != nil {
			return nil, err
		}
		list = append(list, region.Region{
			Name: name, Country: r.Country, Zone: zone, SignUp: r.SignUp, Required: r.Required, AskFor: r.AskFor, AskAfterProvider: r.AskAfter,
			Providers: offered(r),
		})
	}
	return region.New(list...), nil
}

// offered are the third-party providers of a region by surface: where a narrower
// list is left out, that of the next wider one stands.
func offered(r settings.Region) map[string][]string {
	app, setup := r.ProvidersApp, r.ProvidersSetup
	if len(app) == 0 {
		app = r.Providers
	}
	if len(setup) == 0 {
		setup = app
	}
	return map[string][]string{"page": r.Providers, "in_app": r.Providers, "app": app, "setup": setup}
}

// proofFacts are those about proving and keeping an account.
func proofFacts(s settings.Settings) help.ProofFacts {
	return help.ProofFacts{
		Young: policy.Young, Wait: policy.UsualWait, GuardedWait: policy.GuardedWait, RestoreFor: policy.RestoreFor, WeakFreeze: proof.WeakFor,
		TrustFor: device.TrustFor, Silence: policy.DefaultThresholds.SilentPhone, Codes: recoverycode.Count, Prompts: promptsAnHour,
		QuestionsOn: s.Questions.Enabled, Questions: question.Count, Answers: proof.TriesADay,
	}
}

// configured are those of some providers that are configured.
func configured(s settings.Settings, names []string) (out []string) {
	on := s.Providers.On()
	for _, name := range names {
		if slices.Contains(on, name) {
			out = append(out, name)
		}
	}
	return out
}

// titles are the names of the operator's own providers, as people know them.
func titles(s settings.Settings) map[string]string {
	out := map[string]string{}
	for _, o := range s.Providers.OIDC {
		out[o.Name] = o.Title
	}
	return out
}

// facts are the numbers in force as the help center prints them.
func facts(s settings.Settings, l proof.Limits, r *region.Book) help.Facts {
	windows := func(q quota.Limit) (out []help.Window) {
		for _, w := range q.Windows {
			out = append(out, help.Window{Max: w.Max, Per: w.Per})
		}
		return out
	}
	f := help.Facts{
		Brand: s.Brand.Name,
		Code: help.CodeFacts{Length: l.Length, Life: l.Life, Tries: l.Tries, Resend: l.ResendAfter,
			Sends: []help.Window{{Max: s.Codes.PerDestinationDay, Per: day}}, Wrong: windows(l.DestinationTries)},
		Password:    help.PasswordFacts{Min: s.Passwords.MinLength, Max: passwordMost, Alone: s.Passwords.Alone, Page: "/account/password"},
		Session:     help.SessionFacts{Idle: s.Sessions.Idle, Absolute: s.Sessions.Absolute, Fresh: freshFor},
		Captcha:     help.CaptchaFacts{After: s.Passwords.CaptchaAfter, PictureAfter: s.Passwords.PictureAfter},
		Proof:       proofFacts(s),
		JourneyLife: s.Journeys.Life, Titles: titles(s), Home: r.All()[0].Country, Ranges: map[string][]help.Range{},
	}
	if s.Codes.PerDestinationHour < s.Codes.PerDestinationDay {
		f.Code.Sends = windows(l.Destination)
	}
	for _, one := range r.All() {
		f.Regions = append(f.Regions, help.RegionFacts{ID: one.Name, Phone: one.MaySignUp("phone"), Email: one.MaySignUp("email"), Contact: one.Required, Elsewhere: one.MaySignUp("provider"),
			Providers: configured(s, one.Providers["page"]), AppProviders: configured(s, one.Providers["app"]), SetupProviders: configured(s, one.Providers["setup"])})
	}
	for iso, ranges := range numbers.MachineRanges(s.Numbers.OnlyConfirmed) {
		for _, m := range ranges {
			f.Ranges[iso] = append(f.Ranges[iso], help.Range(m))
		}
	}
	return f
}
