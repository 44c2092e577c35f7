package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by release builds: -ldflags "-X main.version=v1.2.3".
var version string

type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func versionNow() versionInfo {
	v := versionInfo{Version: version, Commit: "unknown", Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = cmp.Or(v.Version, info.Main.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	v.Version = cmp.Or(v.Version, "development")
	return v
}

func runVersion(_ context.Context, sh *shell, args []string) error {
	fs := flags("version")
	asJSON := fs.Bool("json", false, "")
	if _, err := parse(fs, args); err != nil {
		return err
	}
	v := versionNow()
	if *asJSON {
		return printJSON(sh.out, v)
	}
	_, err := fmt.Fprintf(sh.out, "selfsame %s\ncommit %s\n%s\n", v.Version, v.Commit, v.Go)
	return err
}
