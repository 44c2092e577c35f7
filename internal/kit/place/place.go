// Package place holds the approximate place of an address, read from a local
// GeoIP file in MaxMind's DB format (a City or Country database). Without a file
// every place is unknown. It asks nobody and keeps nothing.
package place

import (
	"math"
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

// Spot is a place as a machine compares it.
type Spot struct {
	Country string  `json:"country,omitempty"` // ISO 3166-1 alpha-2; empty: not known
	Lat     float64 `json:"lat,omitempty"`     // degrees, the middle of a city or a country
	Lon     float64 `json:"lon,omitempty"`
}

// Known tells whether there is a position.
func (s Spot) Known() bool { return s.Lat != 0 || s.Lon != 0 }

// earth is the mean radius of the earth in kilometers.
const earth = 6371

// KMTo is how far it is to another spot, in kilometers along the great circle; 0 if
// one of them has no position.
func (s Spot) KMTo(o Spot) float64 {
	if !s.Known() || !o.Known() {
		return 0
	}
	rad := func(degrees float64) float64 { return degrees * math.Pi / 180 }
	dLat, dLon := rad(o.Lat-s.Lat)/2, rad(o.Lon-s.Lon)/2
	h := math.Sin(dLat)*math.Sin(dLat) + math.Cos(rad(s.Lat))*math.Cos(rad(o.Lat))*math.Sin(dLon)*math.Sin(dLon)
	return 2 * earth * math.Asin(math.Sqrt(min(1, h)))
}

// record is what we read of an entry of the file.
type record struct {
	City struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"city"`
	Country struct {
		Code  string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"country"`
	Location struct {
		Lat float64 `maxminddb:"latitude"`
		Lon float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

func (a *Atlas) find(addr netip.Addr) (r record, ok bool) {
	if a == nil || !addr.IsValid() || addr.IsLoopback() || addr.IsPrivate() {
		return r, false
	}
	return r, a.file.Lookup(addr).Decode(&r) == nil
}

// SpotOf answers the spot of an address, as far as the file tells.
func (a *Atlas) SpotOf(addr netip.Addr) Spot {
	found, ok := a.find(addr)
	if !ok {
		return Spot{}
	}
	return Spot{found.Country.Code, found.Location.Lat, found.Location.Lon}
}

// Of answers "City, Country", the country alone, or "" where nothing is known.
func (a *Atlas) Of(addr netip.Addr) string {
	found, ok := a.find(addr)
	if !ok {
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
