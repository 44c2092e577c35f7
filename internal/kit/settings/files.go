package settings

import (
	"io/fs"
	"os"
	"strings"
)

// Load reads the configuration of a production server from a file. On top of
// Parse it looks at the files themselves: secrets and databases that everybody
// on the machine could read are refused (S-162).
func Load(path string, getenv func(string) string) (Settings, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Settings{}, Problems{{File: path, What: "cannot be read: " + err.Error(), Fix: "Make one with: selfsame config example > " + path}}
	}
	tree := &seen{}
	s, err := Parse(path, text, Source{ReadFile: tree.read, Getenv: getenv})
	problems, _ := err.(Problems)
	problems = append(problems, openFiles(path, text, s, tree)...)
	if len(problems) > 0 {
		return s, problems
	}
	return s, nil
}

// seen remembers which files secrets came from.
type seen struct{ paths []string }

func (o *seen) read(path string) ([]byte, error) {
	o.paths = append(o.paths, path)
	return os.ReadFile(path)
}

func openFiles(path string, text []byte, s Settings, tree *seen) Problems {
	var out Problems
	complain := func(file, what string) {
		if mode, ok := openToAll(file); ok {
			out = append(out, Problem{File: path, What: what + " " + file + " is open to everybody on this machine (" + mode.String() + ")", Fix: "Run: chmod go-rwx " + file})
		}
	}
	for _, p := range tree.paths {
		complain(p, "the secret in")
	}
	if inline(text) {
		complain(path, "a secret stands in this file, and")
	}
	if s.Keys.File != "" {
		complain(s.Keys.File, "the key ring")
	}
	if db, is := strings.CutPrefix(s.Database.URL.Reveal(), "sqlite:"); is {
		db, _, _ = strings.Cut(db, "?")
		for _, suffix := range []string{"", "-wal", "-shm"} {
			complain(db+suffix, "the database")
		}
	}
	if s.TLS.KeyFile != "" {
		complain(s.TLS.KeyFile, "the private key")
	}
	return out
}

// openToAll says whether others may read or write; a missing file is not open.
func openToAll(path string) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || os.PathSeparator != '/' {
		return 0, false
	}
	return info.Mode().Perm(), info.Mode().Perm()&0o006 != 0
}

// inline says whether a secret, rather than where it is, stands in the text.
func inline(text []byte) bool {
	for key := range linesOf(text) {
		name := key[strings.LastIndexByte(key, '.')+1:]
		switch name {
		case "passphrase", "password", "token", "callback_secret":
			return true
		case "url":
			if key == "database.url" && strings.Contains(string(text), "postgres") {
				return true
			}
		}
	}
	return false
}
