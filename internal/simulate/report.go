package simulate

import (
	"fmt"
	"io"
	"strings"
)

// Print writes what came of it as Markdown tables, one a setting, that read well as
// plain text too.
func Print(w io.Writer, rows []Row) error {
	var b strings.Builder
	last := ""
	for _, r := range rows {
		if r.Setting != last {
			last = r.Setting
			fmt.Fprintf(&b, "\n### %s\n\n", strings.ToUpper(last[:1])+last[1:])
			fmt.Fprintf(&b, "| %-30s | people  | was in   | keeps it | owner out | wrongly  | disturbed | median |\n", "attacker")
			fmt.Fprintf(&b, "| %s | ------- | -------- | -------- | --------- | -------- | --------- | ------ |\n", strings.Repeat("-", 30))
		}
		share := func(n int) string {
			if n == 0 {
				return "0"
			}
			return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(r.People))
		}
		fmt.Fprintf(&b, "| %-30s | %7d | %8s | %8s | %9s | %8s | %9s | %4.0f h |\n",
			r.Attacker, r.People, share(r.Entered), share(r.Kept), share(r.Out), share(r.Wrongly), share(r.Disturbed), r.Hours)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
