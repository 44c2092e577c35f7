package provider

import (
	"slices"
	"sync"
)

// Last is the last thing of each key, such as the last message about a person. The
// zero value has none.
type Last[V any] struct {
	mu   sync.Mutex
	kept map[string]V
}

// Put keeps v.
func (l *Last[V]) Put(key string, v V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = map[string]V{}
	}
	l.kept[key] = v
}

// Get is what was kept last; ok is false and v is zero if nothing was.
func (l *Last[V]) Get(key string) (v V, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok = l.kept[key]
	return v, ok
}

// Clear forgets everything.
func (l *Last[V]) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.kept)
}

// Message is one message of a vendor that repeats the last one of its key.
type Message struct {
	Key   string // what "replay" repeats: the kind and the person
	Write func() (string, error)
	Send  func(text string) (int, error)
	// Happens makes true what the message says; nil: it is false, and is not kept.
	Happens func()
}

// Send writes a message and sends it. "replay" sends the last one of its key once
// more; without one it sends a fresh one twice.
func Send(sent *Last[string], variant string, m Message) (int, error) {
	text, had := sent.Get(m.Key)
	if variant == "replay" && had {
		return m.Send(text)
	}
	text, err := m.Write()
	if err != nil {
		return 0, err
	}
	if variant == "replay" {
		if status, err := m.Send(text); err != nil {
			return status, err
		}
	}
	if m.Happens != nil {
		sent.Put(m.Key, text)
		m.Happens()
	}
	return m.Send(text)
}

// Pick is the first of list that fits; ok is false if none does.
func Pick[T any](list []T, fits func(T) bool) (one T, ok bool) {
	i := slices.IndexFunc(list, fits)
	if i < 0 {
		return one, false
	}
	return list[i], true
}
