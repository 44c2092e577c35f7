package alipay

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"testing"
)

// A value that another program computed.
func TestToSign(t *testing.T) {
	got := toSign(url.Values{
		"version": {"1.0"}, "app_id": {"2021000000000001"}, "method": {"alipay.system.oauth.token"}, "format": {"JSON"},
		"charset": {"utf-8"}, "sign_type": {"RSA2"}, "timestamp": {"2026-01-02 03:04:05"}, "biz_content": {""},
		"grant_type": {"authorization_code"}, "code": {"ca34EXAMPLE"}, "sign": {"never a part of it"},
	}, "sign")
	const want = "app_id=2021000000000001&charset=utf-8&code=ca34EXAMPLE&format=JSON&grant_type=authorization_code&method=alipay.system.oauth.token&sign_type=RSA2&timestamp=2026-01-02 03:04:05&version=1.0"
	if got != want {
		t.Errorf("%s", got)
	}
	if sum := sha256.Sum256([]byte(got)); hex.EncodeToString(sum[:]) != "2b8f77d58f4bf585ba65ef345b904deaf3481e3f4050efb735d6e624ba5f0737" {
		t.Errorf("%x", sum)
	}
}
