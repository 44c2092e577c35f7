package simulate

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/simulation.md")

// TestNobodyKeepsWhatIsNotTheirs: what the house promises, with fewer people than
// `selfsame simulate` plays.
func TestNobodyKeepsWhatIsNotTheirs(t *testing.T) {
	people := 8000
	if testing.Short() {
		people = 1600
	}
	seen := map[string]bool{}
	for _, r := range Run(people, 7, Settings()[:1]) {
		seen[r.Attacker] = true
		switch r.Attacker {
		case "stranger":
			if r.Entered > 0 || r.Kept > 0 {
				t.Errorf("strangers: %+v", r)
			}
		case "cookie thief":
			if r.Kept > 0 || r.Out > 0 {
				t.Errorf("cookie thieves: %+v", r)
			}
		case "SIM thief":
			if r.Entered == 0 {
				t.Error("no SIM thief was ever in: the attackers do not try")
			}
		case badLuck:
			if r.Disturbed == 0 || r.Hours == 0 {
				t.Errorf("nobody lost anything: %+v", r)
			}
		}
		if r.Wrongly > 0 {
			t.Errorf("owners with a strong method or any two are shut out: %+v", r)
		}
	}
	if len(seen) != len(attackers) {
		t.Errorf("only %d attackers", len(seen))
	}
}

// TestTheAttackersAreAble: where the policy is taken away they win, so that their
// losing means something.
func TestTheAttackersAreAble(t *testing.T) {
	settings := Settings()
	for _, s := range settings[1:] {
		rows := play(4000, 7, &s)
		by := map[string]Row{}
		for _, r := range rows {
			by[r.Attacker] = r
		}
		switch s.Name {
		case "a password alone opens":
			if by["stranger"].Entered == 0 {
				t.Error("a leaked password opens nothing where it opens alone")
			}
		case "no waits":
			if by[badLuck].Wrongly == 0 {
				t.Error("without waits nobody with two methods is shut out")
			}
		case "numbers never doubted":
			if r := by["new owner of the number"]; r.Kept < r.People/4 {
				t.Errorf("new owners of numbers that are never doubted: %+v", r)
			}
		case "nobody is told":
			if by["spiteful acquaintance"].Kept == 0 {
				t.Error("without notices nothing is lost")
			}
		}
	}
}

func TestTheSameSeedTellsTheSameStory(t *testing.T) {
	first, again := Run(400, 3, Settings()[:2]), Run(400, 3, Settings()[:2])
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	if cmp.Equal(first, Run(400, 4, Settings()[:2])) {
		t.Error("another seed tells the same story")
	}
}

// TestSimulationDocumentIsCurrent writes the document, or compares all of it but its
// numbers.
func TestSimulationDocumentIsCurrent(t *testing.T) {
	const path = "../../docs/simulation.md"
	people := 160
	if *update {
		people = 100_000
	}
	var b bytes.Buffer
	b.WriteString(before)
	if err := Print(&b, Run(people, 1, Settings())); err != nil {
		t.Fatal(err)
	}
	b.WriteString(after)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string {
		return regexp.MustCompile(`(\| +[0-9][0-9.]* *(%|h)? *)+\|`).ReplaceAllString(s, "|")
	}
	if diff := cmp.Diff(plain(b.String()), plain(string(have))); diff != "" {
		t.Errorf("docs/simulation.md is not current; run go test ./internal/simulate -update (-want +have):\n%s", diff)
	}
	if !strings.Contains(string(have), "12500") {
		t.Error("the document was not written with all the people")
	}
}

const before = `# Simulated people

What would become of a hundred thousand people and those who would like to have their accounts? ` + "`selfsame simulate`" + ` plays it: owners with their habits,
attackers with what they hold, sixty days of virtual time, and the policy of the program itself ([policy.md](policy.md)) deciding every time. The same seed always
gives the same numbers. This page is written by ` + "`go test ./internal/simulate -update`" + `, which plays 100,000 people with seed 1; the usual setting with all of them, the others
with the first tenth, to compare.

## How to read it

Each person meets one kind of attacker, or only bad luck. **was in**: the attacker had a session at some time; who begins with a stolen one always had. **keeps it**: sixty days later the attacker is in, or could sign
in at once, or has destroyed the account. **owner out**: the owner has wanted in for a week at the end and cannot without an appeal. **wrongly**: so although a passkey, an authenticator app, a recovery
code or any two methods are left. **disturbed**: the owner could not get in for some time; **median**: how long, for those who got back.

Attackers try everything that the policy grants, the most useful first: sign in, recover, wait, freeze and lift the freeze, then add a passkey, set the password, take over phone and e-mail, remove what is
left, turn 2-step verification on or delete. They come back for weeks, whenever a wait or the youth of what they added is over. Owners read notices after hours or days or never (a quarter read none), undo, freeze, restore what was before, recover,
lose things, and have thrown away 5 to 10 % of their mailboxes. What accounts have, how long a SIM card stays stolen and who reads what are guesses, written down in ` + "`internal/simulate/people.go`" + `: compare rows, do not quote them. Guessing codes and passwords
is not played: the limits bound it. Nor are malware on the device, lies told on the phone, and staff.

## What came of it
`

const after = `
## What was found on the way

By playing, by the matrix, by the fuzz target of the policy, and by thinking like the attackers above while writing them. All of it is mended.

1. Played: **a prompt was worth as much as an authenticator app.** A stolen phone, or a stolen session, approved what its thief asked elsewhere, and 1.9 % of the accounts stayed with phone thieves. A prompt now counts like a text.
2. Played: **objections were a weapon.** The new owner of an abandoned number stopped every wait of the old one, for ever; so did the contact that a thief had put in. Now a contact that could not carry a decision itself stops
nothing, and one contact does not stop who has shown two other proofs. It was the last lock-out of owners with two methods.
3. Played: **waits are what keeps people in.** Without them owners with two methods left are shut out by bad luck and by every freeze that somebody else causes.
4. Matrix: **removing the e-mail first made the phone the only method, which then could be changed by itself.** Removing a contact now takes two proofs, and what was there 72 hours ago still counts.
5. Fuzzed: **doubt could make things easier**, because what was doubted lowered what the account could be asked for. Now it lowers nothing without everything being shown.
6. Thought: **a wait is worth little where only the proved phone is told of it**: a SIM thief reads the notices that are meant for the owner. With 2-step verification such a wait does not begin. And a password, which strangers have from leaks, begins none.
7. Thought: **proofs traveled with a stolen session.** Within ten minutes of a sign-in a cookie thief could use what the owner had just proved. What was given on another network does not count.

And what is left, which a policy cannot mend:

- **What a text opens belongs to who has the number**, until the owner has it back. A SIM thief gets into more than half of the accounts, and keeps none, because who is robbed of a number notices, and within 14 days restores what was before.
- **For the new owner of an abandoned number the 180 days decide**: most of those who get in come before they are over. 90 days would stop nine of ten of them; more owners would have to prove a second thing, and some of those whose phone
was stolen could not. A carrier that answers questions about recycled numbers does it without.
- **Who steals the password with the cookie** (one program takes both) signs in on "a known device", and is the only one who does well. Owners are told when a known device comes from a new network, which helps those who read it; a passkey ends it.
- **Phones that can be read for a month**, at home, are not told from their owners.
- **A password that opens alone** lets strangers in, and those whose owners read nothing stay.
`
