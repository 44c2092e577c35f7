package recovery_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity/account"
	"github.com/selfsame-id/selfsame/internal/journey/flow/step"
	"github.com/selfsame-id/selfsame/internal/journey/towntest"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
)

// TestS077_TimesOfBlindSteps: the steps before a proof answer the same, and their
// times, one of each kind after the other, are printed as two distributions (go test
// -v): medians, quartiles, and the greatest distance of the two (Kolmogorov-Smirnov;
// by chance alone it stays below 1.36*sqrt(2/n) in 95 of 100 runs). Times are not
// judged here: a busy machine would make it a lottery.
func TestS077_TimesOfBlindSteps(t *testing.T) {
	const n = 40
	towntest.Each(t, func(w *towntest.Town) {
		for k, kind := range []string{"recover", "freeze"} {
			times := map[string]map[bool][]time.Duration{}
			for i := range n {
				p := w.Person(fmt.Sprintf("+1415555%04d", 100*(k+1)+i), "", "")
				said := map[bool]string{}
				for _, there := range []bool{i%2 == 0, i%2 != 0} {
					who := p.ID
					if !there {
						who = account.NewID()
					}
					v := begin(w, kind)
					said[there] = timed(v, who, func(act string, d time.Duration) {
						if times[act] == nil {
							times[act] = map[bool][]time.Duration{}
						}
						times[act][there] = append(times[act][there], d)
					})
				}
				if said[true] != said[false] {
					t.Fatalf("an account is told from none:\n%s\n%s", said[true], said[false])
				}
				w.Later(time.Hour) // the next one meets no limit of the network
			}
			for act, of := range times {
				t.Logf("%s, %s: account %s, nobody %s, distance %.2f", kind, act, quartiles(of[true]), quartiles(of[false]), distance(of[true], of[false]))
			}
		}
	})
}

// timed goes through the blind steps and answers what was said, without the name.
func timed(v *towntest.Visit, who account.ID, tell func(act string, d time.Duration)) (said string) {
	v.Helper()
	take := func(act string, f func()) {
		elapsed := clock.Stopwatch()
		f()
		tell(act, elapsed())
	}
	take("naming it", func() { v.Username(who.String()) })
	take("a code by text", func() { v.By("sms_code") })
	v.Want(step.TypeCode, "")
	take("a wrong code", func() { v.Code("000000") })
	return v.Said()
}

func quartiles(of []time.Duration) string {
	s := slices.Sorted(slices.Values(of))
	return fmt.Sprintf("%d/%d/%d µs", s[len(s)/4].Microseconds(), s[len(s)/2].Microseconds(), s[len(s)*3/4].Microseconds())
}

// distance is the greatest difference of the two empirical distributions.
func distance(a, b []time.Duration) (most float64) {
	below := func(list []time.Duration, d time.Duration) float64 {
		n := 0
		for _, x := range list {
			if x <= d {
				n++
			}
		}
		return float64(n) / float64(len(list))
	}
	for _, d := range slices.Concat(a, b) {
		most = max(most, below(a, d)-below(b, d), below(b, d)-below(a, d))
	}
	return most
}
