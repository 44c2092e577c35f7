package quota

import "net/netip"

// Groups answers under which names a client's address is counted (S-151): IPv4
// by itself and by its /24; IPv6 by its /64, which is what one customer has at
// the least, and by its /48. A mapped IPv4 address is IPv4. No address counts as
// "none", so that what cannot be told apart shares one count.
func Groups(addr netip.Addr) (narrow, wide string) {
	addr = addr.Unmap().WithZone("")
	bits := [2]int{64, 48}
	if addr.Is4() {
		bits = [2]int{32, 24}
	}
	return group(addr, bits[0]), group(addr, bits[1])
}

func group(addr netip.Addr, bits int) string {
	p, err := addr.Prefix(bits)
	if err != nil || !addr.IsValid() {
		return "none"
	}
	return p.String()
}
