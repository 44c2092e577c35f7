package sms

import (
	"strings"
	"testing"
)

func TestSegments(t *testing.T) {
	code := "482913 is your Selfsame code. Valid 5 minutes. Do not share it.\n\n@id.example.test #482913"
	for _, c := range []struct {
		text string
		want Count
	}{
		{"", Count{false, 0, 1}},
		{code, Count{false, len(code), 1}},
		{strings.Repeat("a", 160), Count{false, 160, 1}},
		{strings.Repeat("a", 161), Count{false, 161, 2}},
		{strings.Repeat("a", 306), Count{false, 306, 2}},
		{strings.Repeat("a", 307), Count{false, 307, 3}},
		{strings.Repeat("€", 80), Count{false, 160, 1}},
		{strings.Repeat("€", 81), Count{false, 162, 2}},
		{strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), Count{false, 306, 3}}, // the pair moves to part two
		{"ÇØøÅåΔΦΓ ñüà", Count{false, 12, 1}},
		{"ça", Count{true, 2, 1}},
		{"“a”", Count{true, 3, 1}},
		{strings.Repeat("验", 70), Count{true, 70, 1}},
		{strings.Repeat("验", 71), Count{true, 71, 2}},
		{strings.Repeat("验", 134), Count{true, 134, 2}},
		{strings.Repeat("验", 135), Count{true, 135, 3}},
		{strings.Repeat("😀", 35), Count{true, 70, 1}},
		{strings.Repeat("😀", 36), Count{true, 72, 2}},
		{strings.Repeat("😀", 67), Count{true, 134, 3}}, // 33 whole pairs fit into 67 units
		{"a\xffb", Count{true, 3, 1}},
	} {
		if got := Segments(c.text); got != c.want {
			t.Errorf("Segments(%.20q, %d bytes) = %+v, want %+v", c.text, len(c.text), got, c.want)
		}
	}
	if n := len([]rune(gsm + gsmTwo)); n != 127+10 || len(septets) != n {
		t.Errorf("the tables have %d characters, %d of them different; want 137", n, len(septets))
	}
}

func TestValidNumber(t *testing.T) {
	for number, want := range map[string]bool{
		"+8613800138000": true, "+29012345": true, "+861440123456789": true,
		"": false, "+": false, "8613800138000": false, "+0613800138000": false, "+86138\n00138000": false, "+86138,+86139": false,
		"+86 13800138000": false, "+86138001380001234567": false, "+٨٦١٣٨٠٠١٣٨٠٠٠": false, "+1234": false,
	} {
		if ValidNumber(number) != want {
			t.Errorf("ValidNumber(%q) = %v", number, !want)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"0Zc1vQy3T0mJ8m1xKq3b2w": true, "a-_": true, "": false, "a b": false, "a\n": false, "é": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
	} {
		if ValidID(id) != want {
			t.Errorf("ValidID(%q) = %v", id, !want)
		}
	}
}
