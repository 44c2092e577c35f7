package locale

import (
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Fault says a refusal: title and detail of the catalog, filled with the
// fault's arguments and, when waiting helps, {retry_at} and {wait}. The detail
// is the most special one that the catalog has: fault.<code>.<argument>_<value>
// for an argument that is a text (fault.codes_limited.limit_network), then
// fault.<code>.detail, or fault.<code>.detail_open when no time to retry is
// known. Sentences that tell a time are passed over when there is none.
func (v Voice) Fault(f *fault.Fault) (title, detail string) {
	prefix := "fault." + f.Code + "."
	timed := !f.RetryAt.IsZero()
	args := make([]any, 0, 2*len(f.Args)+4)
	key := prefix + "detail"
	if !timed && v.book.find(v.tag, prefix+"detail_open") != nil {
		key = prefix + "detail_open"
	}
	for _, name := range slices.Sorted(maps.Keys(f.Args)) {
		args = append(args, name, f.Args[name])
		value, is := f.Args[name].(string)
		if !is {
			continue
		}
		special := prefix + name + "_" + value
		if m := v.book.find(v.tag, special); m != nil && (timed || !m.tellsTime()) {
			key = special
		}
	}
	if timed {
		args = append(args, "retry_at", f.RetryAt, "wait", f.RetryAt.Sub(v.now))
	}
	return v.T(prefix+"title", args...), v.T(key, args...)
}

func (m *message) tellsTime() bool {
	places := m.places()
	return slices.Contains(places, "retry_at") || slices.Contains(places, "wait")
}
