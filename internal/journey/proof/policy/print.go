package policy

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Printed is the policy as `selfsame policy show` prints it for programs.
type Printed struct {
	Methods []PrintedMethod `json:"methods"`
	Actions []PrintedAction `json:"actions"`
	Signals []PrintedSignal `json:"signals"`
	Rules   []string        `json:"rules"`
}

// PrintedMethod is a method.
type PrintedMethod struct {
	Method   Method   `json:"method"`
	Kinds    []string `json:"kinds"`
	Alone    string   `json:"alone"` // the level that it reaches by itself
	TwoSteps string   `json:"two_steps"`
}

// PrintedAction is a row of the table.
type PrintedAction struct {
	Action  Action    `json:"action"`
	At      [3]string `json:"at"` // at low, medium and high risk
	Wait    string    `json:"wait,omitempty"`
	Besides []string  `json:"besides,omitempty"`
}

// PrintedSignal is a row of the risk table.
type PrintedSignal struct {
	Signal Signal `json:"signal"`
	Points int    `json:"points"`
	Doubts Method `json:"doubts,omitempty"`
}

// String names the level.
func (l Level) String() string {
	return [...]string{"none", "low", "medium", "high"}[min(max(l, None), High)]
}

// String names the kinds of a set.
func (k Kind) String() string {
	var out []string
	for i, name := range []string{"knowledge", "possession", "inherence"} {
		if k&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " and ")
}

func hours(d time.Duration) string { return strconv.Itoa(int(d.Hours())) + " h" }

// besides are what actions ask beside a level, in the order in which it is told.
var besides = []struct {
	asks asks
	says string
}{
	{door, "2-step"}, {twoKinds, "two kinds if guarded"}, {twoProofs, "two proofs"}, {whole, "not less if the account has less"},
	{settled, "nothing new counts"}, {held, "not after a recovery"}, {setsUp, "one proof while newborn"}, {anyProof, "any proof"},
}

// Print is the policy in force.
func (p *Policy) Print() Printed {
	var out Printed
	for i, m := range methods {
		if m.name == Questions && !p.settings.Questions {
			continue
		}
		alone, s := (set(1) << i).level().String(), "none"
		kinds := []string{m.kinds.String()}
		if m.verified != 0 {
			alone += ", verified " + (set(1)<<i | verified).level().String()
			kinds = append(kinds, "verified "+m.verified.String())
		}
		switch {
		case m.second:
			s = "first or second"
		case m.first:
			s = "first"
		}
		out.Methods = append(out.Methods, PrintedMethod{m.name, kinds, alone, s})
	}
	for _, row := range table {
		a := PrintedAction{Action: row.action, At: [3]string{row.at[0].String(), row.at[1].String(), row.at[2].String()}}
		if row.asks&mayWait != 0 && !p.settings.NoWaits {
			a.Wait = hours(UsualWait) + ", guarded " + hours(GuardedWait)
		}
		for _, b := range besides {
			if row.asks&b.asks != 0 {
				a.Besides = append(a.Besides, b.says)
			}
		}
		if row.takes != "" {
			a.Besides = append(a.Besides, "not by "+string(row.takes)+" alone")
		}
		out.Actions = append(out.Actions, a)
	}
	for _, s := range signs {
		out.Signals = append(out.Signals, PrintedSignal{s.signal, s.points, s.doubts})
	}
	out.Rules = p.rules()
	return out
}

func (p *Policy) rules() []string {
	t := DefaultThresholds
	rules := []string{
		"One proof is low. A strong one, or two kinds, are medium. Two kinds, one of them possession by more than an e-mail, or a passkey that verified the person, are high. Two methods of one kind are one.",
		"An action needs the level of the table or as much as the account could have shown " + hours(Young) + " ago, whichever is less, and at least low.",
		"A proof counts for " + strconv.Itoa(int(FreshFor.Minutes())) + " minutes. What was proved for a smaller action, or on another network than the one that asks now, does not count.",
		"A contact or method younger than " + hours(Young) + " carries nothing by itself: it lifts by one level what an older proof carries. What came in the first hour is as old as the account. Signing in on a device known for longer is excepted. For what says \"nothing new counts\" it does not count at all.",
		"What is doubted (below) carries nothing by itself either; where the owner has chosen that texts alone are never enough, texts are always doubted.",
		"2-step: with 2-step verification on, two different methods of which one may be the second step, or a passkey that verified the person. A trusted device skips it at sign-in only, and is never a proof.",
		"Guarded: the account has a passkey, an authenticator app, 2-step verification, or the choice that texts alone are never enough.",
		"A way is not taken away or replaced by itself alone if the account has another. What came within the last " + hours(Young) + " goes with one older proof.",
		"Nothing opens a door behind that would not be enough to sign in on an unknown device, but for a wait.",
		"A wait stands in for what is missing once an older, undoubted proof of possession is given; every contact is told and can object. With 2-step verification on it takes a strong proof, two proofs, or a contact that was not itself the proof.",
		"After a recovery, what says so is held for " + hours(Young) + ". For " + strconv.Itoa(int(RestoreFor.Hours()/24)) + " days the contacts and the password of before a change still open a recovery that restores them together.",
		fmt.Sprintf("Risk is medium from %d points and high from %d.", t.Medium, t.High),
	}
	if p.settings.PasswordAlone {
		rules = append(rules, "A password alone opens a session on an unknown device.")
	} else {
		rules = append(rules, "A password alone opens nothing but a known device.")
	}
	if p.settings.Questions {
		rules = append(rules, "Security questions lift a text and an e-mail together to medium, and nothing else.")
	}
	return rules
}

// Write writes the policy as Markdown that reads well as plain text too.
func (p Printed) Write(w io.Writer) error {
	rows := [][]string{{"method", "kinds", "alone", "2-step"}}
	for _, m := range p.Methods {
		rows = append(rows, []string{string(m.Method), strings.Join(m.Kinds, ", "), m.Alone, m.TwoSteps})
	}
	text := "# What is enough\n\n## Methods\n\nThe strongest first, as they are offered.\n\n" + aligned(rows)
	rows = [][]string{{"action", "low risk", "medium", "high", "a wait stands in", "besides"}}
	for _, a := range p.Actions {
		rows = append(rows, []string{string(a.Action), a.At[0], a.At[1], a.At[2], a.Wait, strings.Join(a.Besides, ", ")})
	}
	text += "\n## Actions\n\n" + aligned(rows)
	rows = [][]string{{"signal", "points", "doubts"}}
	for _, s := range p.Signals {
		rows = append(rows, []string{string(s.Signal), strconv.Itoa(s.Points), string(s.Doubts)})
	}
	text += "\n## Risk\n\n" + aligned(rows) + "\n## Rules\n\n"
	for _, r := range p.Rules {
		text += "- " + r + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// aligned is a Markdown table with columns of equal width.
func aligned(rows [][]string) string {
	wide := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			wide[i] = max(wide[i], len(c))
		}
	}
	var b strings.Builder
	for n, r := range rows {
		for i, c := range r {
			fmt.Fprintf(&b, "| %-*s ", wide[i], c)
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range wide {
				b.WriteString("| " + strings.Repeat("-", max(width, 3)) + " ")
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
