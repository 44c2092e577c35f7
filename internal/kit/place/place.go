// Package place holds the approximate place of an address, read from a local
// GeoIP file in MaxMind's DB format (a City or Country database). Without a file
// every place is unknown. It asks nobody and keeps nothing.
package place

import (
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Atlas looks places up. A nil Atlas knows none.
type Atlas struct {
	file     *maxminddb.Reader
	language string
}

// Open reads the file at path; an empty path answers nil. language is the key
// of the names to take ("en"); where a name is missing the country code stands in.
func Open(path, language string) (*Atlas, error) {
	if path == "" {
		return nil, nil
	}
	file, err := maxminddb.Open(path)
	if err != nil {
		return nil, err
	}
	return &Atlas{file, language}, nil
}

// Of answers "City, Country", the country alone, or "" where nothing is known.
func (a *Atlas) Of(addr netip.Addr) string {
	if a == nil || !addr.IsValid() || addr.IsLoopback() || addr.IsPrivate() {
		return ""
	}
	var found struct {
		City struct {
			Names map[string]string `maxminddb:"names"`
		} `maxminddb:"city"`
		Country struct {
			Code  string            `maxminddb:"iso_code"`
			Names map[string]string `maxminddb:"names"`
		} `maxminddb:"country"`
	}
	if err := a.file.Lookup(addr).Decode(&found); err != nil {
		return ""
	}
	country := found.Country.Names[a.language]
	if country == "" {
		country = found.Country.Code
	}
	if city := found.City.Names[a.language]; city != "" && country != "" {
		return city + ", " + country
	}
	return country
}

// Close closes the file.
func (a *Atlas) Close() error {
	if a == nil {
		return nil
	}
	return a.file.Close()
}
