package httpd

import "strings"

const maxReturnPath = 2048

// ReturnPath accepts a place on this site to go back to after a journey: an
// absolute path with an optional query, and nothing else (S-121). There is one
// spelling: no scheme, host, fragment, backslash, control character, double
// slash, dot segment or escape in the path. What it refuses, the caller
// replaces by the start page.
func ReturnPath(s string) (string, bool) {
	if s == "" || len(s) > maxReturnPath || s[0] != '/' {
		return "", false
	}
	path, query, _ := strings.Cut(s, "?")
	if !returnPathOnly(path) || !returnQuery(query) {
		return "", false
	}
	return s, true
}

func returnPathOnly(path string) bool {
	for i := range len(path) {
		c := path[i]
		if c != '/' && !unreserved(c) {
			return false
		}
	}
	for i, segment := range strings.Split(path[1:], "/") {
		if segment == "." || segment == ".." {
			return false
		}
		if segment == "" && i < strings.Count(path, "/")-1 {
			return false // "//" anywhere; one slash may end the path
		}
	}
	return path == "/" || !strings.HasPrefix(path, "//")
}

func returnQuery(query string) bool {
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '%' {
			if i+2 >= len(query) || !hex(query[i+1]) || !hex(query[i+2]) || query[i+1] < '2' || query[i+1:i+3] == "7F" || query[i+1:i+3] == "7f" {
				return false // cut short, or a control character
			}
			i += 2
			continue
		}
		if !unreserved(c) && strings.IndexByte("!$&'()*+,;=:@/?", c) < 0 {
			return false
		}
	}
	return true
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
