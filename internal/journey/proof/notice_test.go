package proof

import "testing"

// TestS018_DeviceInNotice: the name of a device stands in a notice only if nobody
// can be led anywhere by it.
func TestS018_DeviceInNotice(t *testing.T) {
	for _, name := range []string{"Pixel 9", "iPhone 15 Pro Max", "Samsung Internet on Android", "Ada's phone", "小米 14", "SM-S918B", "MacBook Pro (16)"} {
		if plain(name) != name {
			t.Errorf("%q is not said", name)
		}
	}
	for _, name := range []string{"evil.example", "https://evil", "Call +1 900 555 0123", "Call 19005550123", "a@b", "Dear customer your account is locked please answer",
		"your account is locked now", "a\nb", "a\u202eb", "evil\u3002com", "x/y", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		if got := plain(name); got != "" {
			t.Errorf("%q is said as %q", name, got)
		}
	}
}
