package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNetworks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "networks.txt")
	if err := os.WriteFile(file, []byte("# bad\n192.0.2.0/24\n198.51.100.7 # one\n\n2001:db8::/32\n10.1.2.3/8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := readNetworks(file)
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"192.0.2.200": true, "192.0.3.1": false, "198.51.100.7": true, "198.51.100.8": false,
		"2001:db8:1::1": true, "2001:db9::1": false, "::ffff:192.0.2.1": true, "10.9.9.9": true,
	} {
		if got := list.holds(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if list.holds(netip.Addr{}) || (*networkList)(nil).holds(netip.MustParseAddr("192.0.2.1")) {
		t.Error("nothing is in the list, or no list holds something")
	}
	if err := os.WriteFile(file, []byte("192.0.2.0/24\nsomewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readNetworks(file); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a line that is no network: %v", err)
	}
	if _, err := readNetworks(file + ".gone"); err == nil {
		t.Error("a missing file is no error")
	}
}
