package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// String is a row for the terminal.
func (r row) String() string {
	s := fmt.Sprintf("%8.0f/s  p50 %.2f ms  p99 %.2f ms  cpu %.0f us", r.perSecond, r.p50, r.p99, r.cpu)
	if r.db > 0 {
		s += fmt.Sprintf(" + %.0f us in the database", r.db)
	}
	if r.of > 0 {
		s += fmt.Sprintf("  %.2f of the limit", r.of)
	}
	if r.failed > 0 {
		s += fmt.Sprintf("  FAILED %d", r.failed)
	}
	return s
}

// markdown is what the page says of a run.
func (r *results) markdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("Measured on %s: %s, %d cores, %s, %s. Each number is the median of %d rounds of %v.", now.Now().UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), runtime.Version(), system(), r.rounds, r.forTime)
	p("\n### What the machine does by itself\n")
	p("| limit | per second |\n| --- | ---: |")
	for _, l := range r.limits {
		p("| %s | %s |", l.what, count(l.perSecond))
	}
	p("\n### What Selfsame does\n")
	p("CPU is processor time for one act: of Selfsame, of PostgreSQL, and of the load process, which has the same cores.\n")
	p("| act | engine | accounts | clients | per second | of the limit | p50 ms | p99 ms | CPU µs | database µs | load µs |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, x := range r.rows {
		what := x.what
		if x.failed > 0 {
			what += fmt.Sprintf(" (**%d failed**)", x.failed)
		}
		p("| %s | %s | %s | %d | %s | %s | %.2f | %.2f | %.0f | %s | %.0f |", what, x.engine, count(float64(x.accounts)), x.clients, count(x.perSecond), share(x.of), x.p50, x.p99, x.cpu, some(x.db), x.own)
	}
	r.growth(p)
	p("\n### Start and memory\n")
	p("| engine | ready, new store | ready, existing store | resident, idle | after the load | half a minute later |\n| --- | ---: | ---: | ---: | ---: | ---: |")
	for _, s := range r.starts {
		p("| %s | %s | %s | %.0f MiB | %.0f MiB | %s |", s.engine, millis(s.fresh), millis(s.existing), s.idle, s.after, mib(s.later))
	}
	return b.String()
}

// growth compares the largest store with the first.
func (r *results) growth(p func(string, ...any)) {
	if len(r.accounts) < 2 {
		return
	}
	small, large := r.accounts[0], r.accounts[len(r.accounts)-1]
	p("\n### From %s to %s accounts\n", count(float64(small)), count(float64(large)))
	p("| act | engine | CPU of both, then and now | throughput |\n| --- | --- | ---: | ---: |")
	for _, x := range r.rows {
		for _, y := range r.rows {
			if y.what == x.what && y.engine == x.engine && y.clients == x.clients && x.accounts == small && y.accounts == large {
				p("| %s | %s | %+.0f %% | %+.0f %% |", x.what, x.engine, 100*((y.cpu+y.db)/(x.cpu+x.db)-1), 100*(y.perSecond/x.perSecond-1))
			}
		}
	}
}

// count writes a number with thin groups of three.
func count(f float64) string {
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func share(f float64) string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", f)
}

func some(f float64) string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", f)
}

func millis(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func mib(f float64) string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MiB", f)
}

// processor is the name of the machine's processor.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}

func system() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(text))
}

// The page keeps what people wrote around the numbers.
const (
	begins = "<!-- measured: go run ./bench -->\n"
	ends   = "<!-- end of what was measured -->\n"
)

// rewrite replaces the numbers of a page.
func rewrite(path, numbers string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), begins)
	_, after, found2 := strings.Cut(rest, ends)
	if !found || !found2 {
		return errors.New(path + " has no place for the numbers: " + strings.TrimSpace(begins) + " and " + strings.TrimSpace(ends))
	}
	return os.WriteFile(path, []byte(before+begins+"\n"+numbers+"\n"+ends+after), 0o644)
}
