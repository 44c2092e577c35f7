package settings

import (
	"errors"
	"strings"
	"testing"
)

// TestPasskeys: what browsers would refuse is refused at the start, with the fix.
func TestPasskeys(t *testing.T) {
	for _, c := range []struct{ text, key string }{
		{`rp_id = "id.example.com"`, ""},
		{`rp_id = "example.com"`, ""},
		{`rp_id = "com"`, "passkeys.rp_id"},
		{`rp_id = "ample.com"`, "passkeys.rp_id"},
		{`rp_id = "www.example.com"`, "passkeys.rp_id"},
		{`origins = ["https://www.example.co.uk", "https://shop.example.com:8443"]`, ""},
		{`origins = ["android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]`, ""},
		{`origins = ["android:apk-key-hash:short"]`, "passkeys.origins"},
		{`origins = ["http://www.example.co.uk"]`, "passkeys.origins"},
		{`origins = ["https://www.example.co.uk/"]`, "passkeys.origins"},
		{`origins = ["https://www.example.co.uk:443"]`, "passkeys.origins"},
		{`origins = ["https://WWW.example.co.uk"]`, "passkeys.origins"},
		{`user_verification = "required"`, ""},
		{`user_verification = "never"`, "passkeys.user_verification"},
	} {
		_, err := Parse("s.toml", []byte(minimal+"\n[passkeys]\n"+c.text+"\n"), source)
		problems, _ := errors.AsType[Problems](err)
		switch {
		case c.key == "" && err != nil:
			t.Errorf("%s: %v", c.text, err)
		case c.key != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0].Key, c.key) || problems[0].Fix == ""):
			t.Errorf("%s: %v", c.text, err)
		}
	}
}
