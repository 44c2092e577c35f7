// Package fault holds the one typed error that reaches people. Each package
// declares its own faults in faults.go; front renders them as problem+json
// (RFC 9457) or as a page in the reader's language. Any other error is internal:
// logged whole, shown as "something went wrong". A Fault never carries personal
// data in Args that is not already masked.
package fault

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// Fault is a refusal with a stable code. A declared Fault is a template: the
// With methods return copies.
type Fault struct {
	Code    string         // stable; the message keys are fault.<code>.title and fault.<code>.detail
	Status  int            // HTTP status
	Topic   string         // help article, "section/slug"
	Field   string         // the input field it is about
	Args    map[string]any // for the sentence; also members of the problem document
	RetryAt time.Time      // when waiting helps
	cause   error
}

var (
	mu       sync.Mutex
	declared = map[string]*Fault{}
)

// Declare registers a fault. A code has one declaration in the whole program.
func Declare(code string, status int, topic string) *Fault {
	mu.Lock()
	defer mu.Unlock()
	if _, twice := declared[code]; twice {
		panic("fault: " + code + " is declared twice")
	}
	f := &Fault{Code: code, Status: status, Topic: topic}
	declared[code] = f
	return f
}

// All lists the declared faults by code; tests and docs/errors.md are made from it.
func All() []*Fault {
	mu.Lock()
	defer mu.Unlock()
	return slices.SortedFunc(maps.Values(declared), func(a, b *Fault) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
}

func (f *Fault) Error() string {
	if f.cause != nil {
		return f.Code + ": " + f.cause.Error()
	}
	return f.Code
}

// Unwrap gives the hidden cause.
func (f *Fault) Unwrap() error { return f.cause }

// Is makes errors.Is compare by code.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Code == f.Code
}

func (f *Fault) clone() *Fault {
	c := *f
	c.Args = maps.Clone(f.Args)
	return &c
}

// On names the input field.
func (f *Fault) On(field string) *Fault { c := f.clone(); c.Field = field; return c }

// With adds an argument for the sentence, which the problem document also carries.
func (f *Fault) With(name string, value any) *Fault {
	c := f.clone()
	if c.Args == nil {
		c.Args = map[string]any{}
	}
	c.Args[name] = value
	return c
}

// Until says when trying again will work.
func (f *Fault) Until(at time.Time) *Fault { c := f.clone(); c.RetryAt = at; return c }

// Because keeps the cause for the log.
func (f *Fault) Because(err error) *Fault { c := f.clone(); c.cause = err; return c }

// From finds the fault in an error; nil if there is none.
func From(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Faults that belong to no single room.
var (
	InvalidInput = Declare("invalid_input", 422, "signing-in/why-cant-i-sign-in")
	NotFound     = Declare("not_found", 404, "signing-in/why-cant-i-sign-in")
	Conflict     = Declare("conflict", 409, "signing-in/why-cant-i-sign-in")
	RateLimited  = Declare("rate_limited", 429, "signing-in/why-cant-i-sign-in")
	Unavailable  = Declare("unavailable", 503, "signing-in/why-cant-i-sign-in")
	Internal     = Declare("internal", 500, "signing-in/why-cant-i-sign-in")
)
