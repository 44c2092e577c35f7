package locale

import (
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kit/fault"
)

// Fault says a refusal: title and detail of the catalog, filled with the
// fault's arguments and, when waiting helps, {retry_at} and {wait}. The detail
// is the most special one that the catalog has:
//
//	fault.<code>.with_<argument>     the argument is there (with_replaced_at)
//	fault.<code>.<argument>_<value>  the argument is this text (limit_network)
//	fault.<code>.detail_open         no time to retry is known
//	fault.<code>.detail
//
// Sentences that tell the time to retry are passed over when there is none. An
// argument that the catalog has a name for is said by it: provider=google is said as
// the message provider.google.
func (v Voice) Fault(f *fault.Fault) (title, detail string) {
	prefix := "fault." + f.Code + "."
	timed := !f.RetryAt.IsZero()
	args := make([]any, 0, 2*len(f.Args)+4)
	key := prefix + "detail"
	if !timed && v.book.find(v.tag, prefix+"detail_open") != nil {
		key = prefix + "detail_open"
	}
	special := func(k string) bool {
		m := v.book.find(v.tag, prefix+k)
		return m != nil && (timed || !m.tellsTime())
	}
	with := ""
	for _, name := range slices.Sorted(maps.Keys(f.Args)) {
		args = append(args, name, v.named(name, f.Args[name]))
		if value, is := f.Args[name].(string); is && special(name+"_"+value) {
			key = prefix + name + "_" + value
		}
		if special("with_" + name) {
			with = prefix + "with_" + name
		}
	}
	if with != "" {
		key = with
	}
	if timed {
		args = append(args, "retry_at", f.RetryAt, "wait", f.RetryAt.Sub(v.now))
	}
	return v.T(prefix+"title", args...), v.T(key, args...)
}

// named is an argument as people call it.
func (v Voice) named(name string, value any) any {
	word, is := value.(string)
	if !is || v.book.find(v.tag, name+"."+word) == nil {
		return value
	}
	return v.T(name + "." + word)
}

func (m *message) tellsTime() bool {
	places := m.places()
	return slices.Contains(places, "retry_at") || slices.Contains(places, "wait")
}
