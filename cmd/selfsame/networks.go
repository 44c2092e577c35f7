package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// networkList is a list of networks that the operator knows nothing good of.
type networkList struct {
	sizes []int // the lengths of prefixes that occur
	has   map[netip.Prefix]bool
}

// readNetworks reads a file of networks, one a line in CIDR notation or a single
// address; what follows a # is a remark. No path is no list.
func readNetworks(path string) (*networkList, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l := &networkList{has: map[netip.Prefix]bool{}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if addr, alone := netip.ParseAddr(text); alone == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: not a network such as 192.0.2.0/24", n)
		}
		l.has[prefix.Masked()] = true
		if !slices.Contains(l.sizes, prefix.Bits()) {
			l.sizes = append(l.sizes, prefix.Bits())
		}
	}
	return l, lines.Err()
}

// holds tells whether an address is in one of the networks.
func (l *networkList) holds(addr netip.Addr) bool {
	if l == nil {
		return false
	}
	addr = addr.Unmap()
	return slices.ContainsFunc(l.sizes, func(bits int) bool {
		prefix, err := addr.Prefix(bits)
		return err == nil && l.has[prefix]
	})
}
