package stories

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The finished program, built once for all stories: as people get it, for those
// with a browser, which take long enough; and for the others as the tests
// themselves are made, with the race detector if they have it.
var (
	program    string
	watched    string
	buildFlags []string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "selfsame-stories-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program, watched = filepath.Join(dir, "selfsame"), filepath.Join(dir, "watched")
	if err := build(program, "CGO_ENABLED=0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if len(buildFlags) == 0 {
		watched = program
	} else if err := build(watched, "CGO_ENABLED=1", buildFlags...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer closeChromium()
	return m.Run()
}

func build(to, env string, flags ...string) error {
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", to}, flags, []string{"../cmd/selfsame"})...)
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("stories: the program does not build: %w\n%s", err, out)
	}
	return nil
}
