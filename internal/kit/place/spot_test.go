package place_test

import (
	"math"
	"net/netip"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kit/place"
)

// Distances between towns, as maps give them.
func TestKMTo(t *testing.T) {
	berlin, tokyo, paris := place.Spot{Lat: 52.52, Lon: 13.405}, place.Spot{Lat: 35.6895, Lon: 139.6917}, place.Spot{Lat: 48.8566, Lon: 2.3522}
	for _, tt := range []struct {
		name string
		a, b place.Spot
		want float64
	}{
		{"Berlin to Paris", berlin, paris, 878},
		{"Berlin to Tokyo", berlin, tokyo, 8918},
		{"nowhere", berlin, place.Spot{Country: "JP"}, 0},
		{"home", berlin, berlin, 0},
		{"across the date line", place.Spot{Lat: 0, Lon: 179.5}, place.Spot{Lat: 0, Lon: -179.5}, 111},
		{"to the other side", place.Spot{Lat: 0.001, Lon: 0.001}, place.Spot{Lat: -0.001, Lon: -179.999}, 20015},
	} {
		for _, got := range []float64{tt.a.KMTo(tt.b), tt.b.KMTo(tt.a)} {
			if math.Abs(got-tt.want) > 10 {
				t.Errorf("%s: %.0f km, want %.0f", tt.name, got, tt.want)
			}
		}
	}
}

func TestNoFileKnowsNothing(t *testing.T) {
	a, err := place.Open("", "en")
	if err != nil || a.SpotOf(netip.MustParseAddr("192.0.2.1")) != (place.Spot{}) || a.Of(netip.MustParseAddr("192.0.2.1")) != "" {
		t.Errorf("%v", err)
	}
}
