package wechat

import (
	"encoding/base64"
	"testing"
)

// Values that two other programs computed.
func TestVectors(t *testing.T) {
	if got := signature("simtoken", "1700000000", "nonce123"); got != "1adac743bcd498ba019f541d0378232e187cec7b" {
		t.Errorf("signature %s", got)
	}
	key, err := base64.StdEncoding.DecodeString("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG=")
	if err != nil {
		t.Fatal(err)
	}
	const want = "Q3stYC6hdFzMh9T8HCvyDPAyh+8fDt9HP0pdaFCMfTVuwdYiB0dUE9ZZoJ9w24b4glVDUyI0+9UKrM1PZSXutrAjRK9NQkJGxXtvNLABVTLI0qZivh0Hl+yVf983r4WP7a0mmRl0DZih8QCPQB5Oe1M6eApUq3Z+j/bI6fZM1rI="
	got, err := encrypt(key, [16]byte([]byte("0123456789abcdef")),
		`{"MsgType":"event","Event":"user_authorization_revoke","OpenID":"oEXAMPLE"}`, "wx0123456789abcdef")
	if err != nil || got != want {
		t.Errorf("Encrypt %s %v", got, err)
	}
	if got := signature(want, "simtoken", "1700000000", "nonce123"); got != "1d98ca71fa79ab45375d25ee12e9102b6e1f8b28" {
		t.Errorf("msg_signature %s", got)
	}
}
