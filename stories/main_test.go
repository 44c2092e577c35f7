package stories

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the finished program, built once for all stories; buildFlags make
// it as the tests themselves are made.
var (
	program    string
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
	program = filepath.Join(dir, "selfsame")
	args := append([]string{"build", "-o", program}, buildFlags...)
	build := exec.Command("go", append(args, "../cmd/selfsame")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "stories: the program does not build: %v\n%s", err, out)
		return 1
	}
	defer closeChromium()
	return m.Run()
}
