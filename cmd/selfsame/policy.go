package main

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/journey/proof/policy"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
)

// runPolicyShow prints which proofs are enough for what, as data: with a
// configuration as it sets them, else as they are by default.
func runPolicyShow(_ context.Context, sh *shell, args []string) error {
	fs := flags("policy show")
	config := fs.String("config", "", "")
	asJSON := fs.Bool("json", false, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	chosen := policy.Settings{}
	if *config != "" || sh.getenv("SELFSAME_CONFIG") != "" {
		s, err := sh.loadConfig(*config)
		if err != nil {
			return err
		}
		chosen = policySettings(s)
	}
	p := policy.New(chosen).Print()
	if *asJSON {
		return printJSON(sh.out, p)
	}
	return p.Write(sh.out)
}

// policySettings is what a configuration says of the policy.
func policySettings(s settings.Settings) policy.Settings {
	return policy.Settings{PasswordAlone: s.Passwords.Alone, Questions: s.Questions.Enabled}
}
