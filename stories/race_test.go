//go:build race

package stories

func init() { buildFlags = append(buildFlags, "-race") }
