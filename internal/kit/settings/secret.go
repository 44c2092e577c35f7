package settings

import "log/slog"

// Secret is a value that no listing, log or error shows. In a file its key may
// be given in three ways: key = "the value", key_file = "a path", key_env =
// "the name of an environment variable" (S-163).
type Secret string

// Reveal is the value itself.
func (s Secret) Reveal() string { return string(s) }

// String says only whether it is there.
func (s Secret) String() string {
	if s == "" {
		return "not set"
	}
	return "set"
}

// GoString keeps %#v from showing it.
func (s Secret) GoString() string { return s.String() }

// LogValue keeps slog from showing it.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps encoders from showing it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
