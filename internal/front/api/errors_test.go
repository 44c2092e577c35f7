package api_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/selfsame-id/selfsame/internal/front/help"
	_ "github.com/selfsame-id/selfsame/internal/front/hooks"
	_ "github.com/selfsame-id/selfsame/internal/front/pages"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/locale"
	_ "github.com/selfsame-id/selfsame/internal/remote/mail/smtp"
	_ "github.com/selfsame-id/selfsame/internal/remote/sms/httpgw"
	"github.com/selfsame-id/selfsame/internal/words"
)

const errorsHead = `# Errors

Every refusal has a code that does not change. The API answers it as
` + "`application/problem+json`" + ` (RFC 9457); the pages say the same sentences. What
stands in braces is filled in: ` + "`{retry_at}`" + ` and ` + "`{wait}`" + ` when waiting helps. A line
that begins with a member and its value is said instead when the refusal carries it.

This page is made from the code and the English catalog by
` + "`go test ./internal/front/api -update`" + `.

`

// errorsPaper writes docs/errors.md.
func errorsPaper(b *locale.Book) string {
	var out strings.Builder
	out.WriteString(errorsHead)
	for _, f := range fault.All() {
		prefix := "fault." + f.Code + "."
		fmt.Fprintf(&out, "## `%s`\n\n%d, article `/help/%s`\n\n**%s.** %s\n\n", f.Code, f.Status, f.Topic, plainly(b, prefix+"title"), plainly(b, prefix+"detail"))
		variants := ""
		for _, key := range slices.Sorted(slices.Values(b.Keys("en"))) {
			variant, ok := strings.CutPrefix(key, prefix)
			if ok && variant != "title" && variant != "detail" {
				variants += "- " + variantName(variant) + ": " + plainly(b, key) + "\n"
			}
		}
		if variants != "" {
			out.WriteString(variants + "\n")
		}
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// variantName says when a special sentence is said: with_replaced_at,
// reason_too_long, detail_open.
func variantName(variant string) string {
	if variant == "detail_open" {
		return "no time is known"
	}
	if name, ok := strings.CutPrefix(variant, "with_"); ok {
		return "with `" + name + "`"
	}
	for _, name := range []string{"reason", "limit", "hint", "username"} {
		if value, ok := strings.CutPrefix(variant, name+"_"); ok {
			return "`" + name + "` `" + value + "`"
		}
	}
	return "`" + variant + "`"
}

// plainly says a message with its places as they are.
func plainly(b *locale.Book, key string) string {
	var args []any
	for _, place := range b.Places("en", key) {
		args = append(args, place, "{"+place+"}")
	}
	return b.T("en", key, args...)
}

var declares = regexp.MustCompile(`\bDeclare\(\s*"([a-z0-9_]+)"`)

func TestErrors_ThePaperHasAll(t *testing.T) {
	codes := map[string]bool{}
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile("../../" + name)
		for _, m := range declares.FindAllStringSubmatch(string(text), -1) {
			codes[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fault.All() {
		delete(codes, f.Code)
	}
	if len(codes) > 0 {
		t.Errorf("declared in packages that this test does not import: %v", codes)
	}
	text := errorsPaper(words.Book())
	if i := slices.Index([]bool{strings.Contains(text, "fault."), strings.Contains(text, "%!")}, true); i >= 0 {
		t.Error("a sentence is missing")
	}
	paper(t, "errors.md", []byte(text))
}
