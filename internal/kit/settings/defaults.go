package settings

import "time"

const day = 24 * time.Hour

// Default is the configuration before any file is read; what is required is empty.
func Default() Settings {
	return Settings{
		Listen:         "127.0.0.1:8080",
		AdminListen:    "127.0.0.1:8081",
		OfferedRegions: []string{"intl", "cn"},
		Brand:          Brand{Name: "Selfsame", Accent: "#1f5eff"},
		Regions: map[string]Region{
			"cn": {
				SignUp: []string{"phone", "provider"}, Required: "phone", AskFor: "must", AskAfter: "must",
				Zone: "Asia/Shanghai", Country: "CN",
				Providers: []string{"wechat", "weibo", "qq", "alipay", "apple"},
			},
			"intl": newRegion(),
		},
		Journeys: Journeys{Life: 15 * time.Minute, PerNetworkMinute: 1200},
		Codes: Codes{
			Length: 6, Life: 5 * time.Minute, Tries: 5,
			ResendAfter:        []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute},
			PerDestinationHour: 10, PerDestinationDay: 10, WrongPerHour: 10, WrongPerDay: 30,
			PerDeviceHour: 10, PerDeviceDay: 30, PerNetworkHour: 100, PerWideNetworkHour: 1000, ChallengeAfter: 10,
			CountryBudget: 500, CountryPer: day, CountryCredit: 4,
		},
		Passwords: Passwords{
			Profile: "default", MinLength: 8, Queue: 256,
			WrongPerDay: 100, DelayAfter: 5, CaptchaAfter: 10, PictureAfter: 20, PerNetworkHour: 300, PerWideHour: 3000,
		},
		Proofs:    Proofs{WrongPerHour: 10, WrongPerDay: 30},
		Contacts:  Contacts{Wait: 72 * time.Hour, ObjectFor: 72 * time.Hour, ChangesMonth: 3, DisputesMonth: 3, DisputedMonth: 2, TypedPerHour: 10},
		Passkeys:  Passkeys{Verification: "preferred"},
		Sessions:  Sessions{Idle: 14 * day, Absolute: 30 * day},
		Numbers:   Numbers{Lookup: Lookup{WaitFor: 2 * time.Second, KeepFor: 10 * time.Minute}},
		Mail:      Mail{Port: 587, TLS: "starttls"},
		Providers: Providers{WaitFor: 8 * time.Second, PerNetworkMinute: 300, Facebook: Facebook{Version: "v26.0"}},
		Captcha:   Captcha{Difficulty: 8_000},
		Limits:    Limits{PerAddress: 512, Deadline: 10 * time.Second},
		Shutdown:  Shutdown{Notice: 3 * time.Second, Grace: 25 * time.Second},
		Tracing:   Tracing{Sample: 1},
		Log:       Log{Level: "info"},
	}
}

// newRegion is what a region is before its table is read.
func newRegion() Region {
	return Region{
		SignUp: []string{"phone", "email", "provider"}, Required: "email", AskFor: "no", AskAfter: "yes",
		Zone: "UTC", Country: "US",
		Providers: []string{"google", "facebook", "apple"},
	}
}

// newSMSRoute is what a carrier is before its table is read.
func newSMSRoute() SMSRoute { return SMSRoute{Timeout: 10 * time.Second} }
