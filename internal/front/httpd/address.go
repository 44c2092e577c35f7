package httpd

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddress is the socket's address unless that is a configured proxy; then
// the forwarding list is walked from the right past the known proxies (S-151).
// A list that cannot be read ends the walk at the last address that is certain.
func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	addr := plainAddr(peer.Addr())
	if len(proxies) == 0 || !among(addr, proxies) {
		return addr
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for hops := 0; rest != "" && hops < 32; hops++ {
			var entry string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				rest, entry = "", rest
			}
			next, ok := forwardedAddr(strings.TrimSpace(entry))
			if !ok {
				return addr
			}
			addr = next
			if !among(addr, proxies) {
				return addr
			}
		}
	}
	return addr
}

func forwardedAddr(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return plainAddr(a), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return plainAddr(ap.Addr()), true
	}
	return netip.Addr{}, false
}

// plainAddr undoes the mapping of IPv4 into IPv6 and drops the zone.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func among(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
