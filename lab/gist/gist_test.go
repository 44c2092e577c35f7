package gist_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/lab/gist"
)

func TestCode(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "Selfsame: 482913 is your sign-in code. We never ask for it.\n\n@id.example.test #482913", "482913"},
		{"at the end", "Your code is 482913.", "482913"},
		{"followed by a number", "482913 is your code. Valid 5 minutes.", "482913"},
		{"a short number beside it", "Code 482913 5 minutes", "482913"},
		{"Chinese", "【自在】验证码482913，5分钟内有效。", "482913"},
		{"four digits", "Your PIN: 4821", "4821"},
		{"eight digits", "Your code: 48210937", "48210937"},
		{"year before", "On 22 November 2026 someone asked for a code: 482913", "482913"},
		{"date", "On 2026-11-22 at 10:05 your password was changed.", ""},
		{"account ID", "Account 4821 0937 5564 was signed in.", ""},
		{"masked number", "Your phone +86 138 **** 8000 was removed.", ""},
		{"whole number", "A sign-in from +8613800138000.", ""},
		{"nine digits", "Ticket 123456789", ""},
		{"link", "Undo: https://id.example.test/u/482913?c=1234", ""},
		{"address without a scheme", "Not you? Freeze your account at localhost:41623/freeze", ""},
		{"letters beside", "Reference A482913", ""},
		{"money", "It costs 1,234.5678 euros", ""},
		{"none", "Hello", ""},
		{"empty", "", ""},
		{"only digits", "482913", "482913"},
		{"leading zero", "code: 004217", "004217"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := gist.Code(tt.text); got != tt.want {
				t.Errorf("Code(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	got := gist.Links("Undo it: http://127.0.0.1:8080/undo?k=a&b=1.\nor (https://example.test/x)",
		`<p><a href="http://127.0.0.1:8080/undo?k=a&amp;b=1">Undo</a> <a href="https://example.test/y">y</a><a href="javascript:alert(1)">z</a><a href="mailto:a@example.test">m</a>`)
	want := []string{"http://127.0.0.1:8080/undo?k=a&b=1", "https://example.test/x", "https://example.test/y"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{}, gist.Links("", "")); diff != "" {
		t.Errorf("no links must be an empty list, which JSON shows as [] (-want +got):\n%s", diff)
	}
}

func TestPlain(t *testing.T) {
	got := gist.Plain("<html><head><title>no</title><style>p{}</style></head><body><p>Your  code &amp; more</p>\n<b>482913</b></body></html>")
	if want := "Your code & more\n482913"; got != want {
		t.Errorf("Plain = %q, want %q", got, want)
	}
}

func FuzzCode(f *testing.F) {
	f.Add("Selfsame: 482913 is your code")
	f.Add(" 1234 ")
	f.Add("*1234 5678")
	f.Fuzz(func(t *testing.T, text string) {
		code := gist.Code(text)
		if n := len(code); n != 0 && (n < 4 || n > 8) {
			t.Errorf("Code(%q) = %q: want 4 to 8 digits or none", text, code)
		}
		gist.Links(text, text)
		gist.Plain(text)
	})
}
