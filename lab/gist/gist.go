// Package gist holds what a person takes from a message at a glance: the code
// in it and its links. It must never know what the product's messages look like
// beyond that; it owns no table.
package gist

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

var address = regexp.MustCompile(`https?://[^\s<>"'）】]+`)

// Code is the first run of 4 to 8 digits in text that stands alone, one of six
// digits before others, or "". Digits within links, dates, times, masked numbers
// and grouped numbers do not stand alone.
func Code(text string) string {
	if strings.Contains(text, "://") {
		text = address.ReplaceAllString(text, " ")
	}
	first := ""
	for i := 0; i < len(text); {
		if !digit(text[i]) {
			i++
			continue
		}
		end := i
		for end < len(text) && digit(text[end]) {
			end++
		}
		if n := end - i; n >= 4 && n <= 8 && alone(text, i, end) {
			if n == 6 {
				return text[i:end]
			}
			if first == "" {
				first = text[i:end]
			}
		}
		i = end
	}
	return first
}

// alone tells whether text[start:end] is not a part of something longer.
func alone(text string, start, end int) bool {
	before, after := text[:start], text[end:]
	if n := len(before); n > 0 {
		c := before[n-1]
		if letter(c) || strings.IndexByte("+*_=%$", c) >= 0 {
			return false
		}
		if c == ':' && n > 1 && letter(before[n-2]) && strings.HasPrefix(after, "/") { // a port, as of localhost:8080/freeze
			return false
		}
		if n > 1 && strings.IndexByte("-./:,", c) >= 0 && digit(before[n-2]) {
			return false
		}
		if word := before[strings.LastIndexByte(before[:n-1], ' ')+1:]; c == ' ' && group(word[:len(word)-1]) {
			return false
		}
	}
	if after != "" {
		c := after[0]
		if letter(c) || c == '*' || c == '_' || c == '%' {
			return false
		}
		if len(after) > 1 && strings.IndexByte("-./:,", c) >= 0 && digit(after[1]) {
			return false
		}
		if c == ' ' {
			word, _, _ := strings.Cut(after[1:], " ")
			return !group(strings.TrimRight(word, ".,;\n"))
		}
	}
	return true
}

// group tells whether word is one group of a number written in groups, such as
// 4821 0937 5564 or +86 138 **** 8000.
func group(word string) bool {
	if len(word) < 2 {
		return false
	}
	digits := 0
	for i := range len(word) {
		switch {
		case digit(word[i]):
			digits++
		case word[i] != '*' && word[i] != '+':
			return false
		}
	}
	return digits > 2 || digits < len(word)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool {
	return c < utf8.RuneSelf && (c|0x20 >= 'a' && c|0x20 <= 'z')
}

// Links are the web addresses in text and the targets of links in htmlText, each
// once, in the order of reading.
func Links(text, htmlText string) []string {
	found := []string{}
	add := func(link string) {
		link = strings.TrimRight(link, ".,;:!?)]}。，；：！？")
		for _, have := range found {
			if have == link {
				return
			}
		}
		found = append(found, link)
	}
	for _, link := range address.FindAllString(text, -1) {
		add(link)
	}
	tokens := html.NewTokenizer(strings.NewReader(htmlText))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			for _, a := range tokens.Token().Attr {
				if a.Key == "href" && (strings.HasPrefix(a.Val, "http://") || strings.HasPrefix(a.Val, "https://")) {
					add(a.Val)
				}
			}
		}
	}
}

// Plain is the text that a reader sees of htmlText, in one line a block.
func Plain(htmlText string) string {
	var out strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(htmlText))
	hidden := 0
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return strings.TrimSpace(out.String())
		}
		token := tokens.Token()
		switch token.Data {
		case "style", "script", "title", "head":
			switch kind {
			case html.StartTagToken:
				hidden++
			case html.EndTagToken:
				hidden = max(0, hidden-1)
			}
			continue
		}
		if kind == html.TextToken && hidden == 0 {
			if words := strings.Join(strings.Fields(token.Data), " "); words != "" {
				out.WriteString(words)
				out.WriteByte('\n')
			}
		}
	}
}
