//go:build ignore

// This program writes en.countries.toml and zh-Hans.countries.toml from the
// Unicode CLDR data of golang.org/x/text, which would weigh 2.4 MB in the binary.
// For another language: go run gen.go de
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// newer holds names that changed after the CLDR release of golang.org/x/text,
// and CLDR's short forms where a list of countries wants them.
var newer = map[string]map[string]string{
	"en":      {"SZ": "Eswatini", "MK": "North Macedonia", "TR": "Türkiye", "CV": "Cape Verde", "HK": "Hong Kong", "MO": "Macao", "PS": "Palestine", "MM": "Myanmar", "CG": "Congo", "CD": "Congo (DR)"},
	"zh-Hans": {"SZ": "斯威士兰", "MK": "北马其顿", "HK": "香港", "MO": "澳门", "PS": "巴勒斯坦"},
}

func main() {
	tags := os.Args[1:]
	if len(tags) == 0 {
		tags = []string{"en", "zh-Hans"}
	}
	for _, tag := range tags {
		names := display.Regions(language.MustParse(tag))
		var s strings.Builder
		fmt.Fprintf(&s, "# Names of the countries and territories that have a calling code.\n# Written by \"go run gen.go %s\"; do not edit.\n\n[country]\n", tag)
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				iso := string([]rune{a, b})
				if phonenumbers.GetCountryCodeForRegion(iso) == 0 {
					continue
				}
				name := newer[tag][iso]
				if name == "" {
					name = names.Name(language.MustParseRegion(iso))
				}
				fmt.Fprintf(&s, "%s = %q\n", iso, strings.ReplaceAll(name, "’", "'"))
			}
		}
		if err := os.WriteFile(tag+".countries.toml", []byte(s.String()), 0o644); err != nil {
			panic(err)
		}
	}
}
