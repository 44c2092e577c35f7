package stories

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// challenge is a proof of work as anybody reads it who knows ALTCHA's protocol.
type challenge struct {
	Parameters struct {
		Algorithm    string `json:"algorithm"`
		Cost         int    `json:"cost"`
		Data         any    `json:"data"`
		KeyLength    int    `json:"keyLength"`
		KeyPrefix    string `json:"keyPrefix"`
		KeySignature string `json:"keySignature"`
		Nonce        string `json:"nonce"`
		Salt         string `json:"salt"`
	} `json:"parameters"`
	Signature string `json:"signature"`
}

// solve does the work: it tries counters until the key derived from the nonce and
// the counter begins as it should.
func (c *challenge) solve(t *testing.T) string {
	t.Helper()
	p := c.Parameters
	nonce, err := hex.DecodeString(p.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	salt, err := hex.DecodeString(p.Salt)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint32(1 << 20) {
		key, err := pbkdf2.Key(sha256.New, string(binary.BigEndian.AppendUint32(nonce[:len(nonce):len(nonce)], n)), salt, p.Cost, p.KeyLength)
		if err != nil {
			t.Fatal(err)
		}
		derived := hex.EncodeToString(key)
		if !strings.HasPrefix(derived, p.KeyPrefix) {
			continue
		}
		solved, err := json.Marshal(map[string]any{"challenge": c, "solution": map[string]any{"counter": n, "derivedKey": derived}})
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(solved)
	}
	t.Fatal("the work has no solution")
	return ""
}
