// Package words holds everything that the house says to people, one catalog a
// language, and nothing else: no logic, no formatting (kit/locale speaks it).
// It must never hold a key in one language only; tests say so.
package words

import (
	"embed"

	"github.com/selfsame-id/selfsame/internal/kit/locale"
)

//go:generate go run gen.go

// Files are the catalogs: <language>.toml, and <language>.countries.toml made by gen.go.
//
//go:embed *.toml
var Files embed.FS

// Book is the catalogs, read. They are part of the binary and tested, so a
// fault in them is a fault of the program: it panics.
func Book() *locale.Book {
	b, err := locale.Load(Files)
	if err != nil {
		panic(err)
	}
	return b
}
