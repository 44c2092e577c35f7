package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/remote/provider"
	"github.com/selfsame-id/selfsame/internal/remote/provider/providertest"
	lab "github.com/selfsame-id/selfsame/lab/provider"
	sim "github.com/selfsame-id/selfsame/lab/provider/wechat"
)

// A message with its signatures, as they come out of two other implementations.
const (
	vectorKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	vectorApp   = "wx0123456789abcdef"
	vectorStamp = "1700000000"
	vectorBox   = "Q3stYC6hdFzMh9T8HCvyDPAyh+8fDt9HP0pdaFCMfTVuwdYiB0dUE9ZZoJ9w24b4glVDUyI0+9UKrM1PZSXutrAjRK9NQkJGxXtvNLABVTLI0qZivh0Hl+yVf983r4WP7a0mmRl0DZih8QCPQB5Oe1M6eApUq3Z+j/bI6fZM1rI="
	vectorSign  = "1d98ca71fa79ab45375d25ee12e9102b6e1f8b28"
	setUpSign   = "1adac743bcd498ba019f541d0378232e187cec7b"
)

var vectorTime = time.Unix(1700000000, 0).UTC()

func receiver(t testing.TB) *WeChat {
	t.Helper()
	w, err := New(Config{
		Platform: "one", Web: App{vectorApp, "secret"}, InApp: App{"wx1123456789abcdef", "secret"},
		Message: Message{Token: "simtoken", AESKey: vectorKey},
	}, clock.At(vectorTime))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func vector() provider.Message {
	return provider.Message{
		Method: http.MethodPost, Now: vectorTime, Body: []byte(`{"ToUserName":"x","Encrypt":"` + vectorBox + `"}`),
		Query: url.Values{"signature": {setUpSign}, "timestamp": {vectorStamp}, "nonce": {"nonce123"}, "encrypt_type": {"aes"}, "msg_signature": {vectorSign}},
	}
}

func TestReceive_vector(t *testing.T) {
	if got := sign("simtoken", vectorStamp, "nonce123"); got != setUpSign {
		t.Errorf("signature %s", got)
	}
	if got := sign("simtoken", vectorStamp, "nonce123", vectorBox); got != vectorSign {
		t.Errorf("msg_signature %s", got)
	}
	w := receiver(t)
	plain, app, err := w.open(vectorBox)
	if want := `{"MsgType":"event","Event":"user_authorization_revoke","OpenID":"oEXAMPLE"}`; err != nil || string(plain) != want || app.ID != vectorApp {
		t.Errorf("%s, %s, %v", plain, app.ID, err)
	}
	if got := seal(t, w.key, string(plain), vectorApp); got != vectorBox {
		t.Errorf("this test seals otherwise: %s", got)
	}
	got, err := w.Receive(t.Context(), vector())
	if err != nil || string(got.Reply.Body) != "success" || len(got.Notices) != 1 || got.Delete {
		t.Fatalf("%+v, %v", got, err)
	}
	n := got.Notices[0]
	want := provider.Notice{ID: n.ID, Kind: provider.Revoked, Subjects: []provider.Subject{{Scope: "openid:" + vectorApp, Value: "oEXAMPLE"}}, At: vectorTime, Raw: "user_authorization_revoke"}
	if diff := cmp.Diff(want, n); diff != "" || len(n.ID) != 64 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := w.Receive(t.Context(), vector())
	if err != nil || again.Notices[0].ID != n.ID {
		t.Errorf("S-87: the same message has another ID: %+v, %v", again, err)
	}
}

// S-87, S-150: each element spoiled.
func TestReceive_forged(t *testing.T) {
	w := receiver(t)
	for name, spoil := range map[string]func(*provider.Message){
		"signature":            func(m *provider.Message) { m.Query.Set("msg_signature", strings.Replace(vectorSign, "1", "2", 1)) },
		"no signature":         func(m *provider.Message) { m.Query.Del("msg_signature") },
		"signature twice":      func(m *provider.Message) { m.Query.Add("msg_signature", vectorSign) },
		"the set-up's instead": func(m *provider.Message) { m.Query.Set("msg_signature", setUpSign) },
		"timestamp":            func(m *provider.Message) { m.Query.Set("timestamp", "1700000001") },
		"no timestamp":         func(m *provider.Message) { m.Query.Del("timestamp") },
		"odd timestamp":        func(m *provider.Message) { m.Query.Set("timestamp", "1e9") },
		"huge timestamp":       func(m *provider.Message) { m.Query.Set("timestamp", "9223372036854775807") },
		"nonce":                func(m *provider.Message) { m.Query.Set("nonce", "nonce124") },
		"nonce twice":          func(m *provider.Message) { m.Query.Add("nonce", "nonce123") },
		"too old":              func(m *provider.Message) { m.Now = vectorTime.Add(5*time.Minute + time.Second) },
		"too new":              func(m *provider.Message) { m.Now = vectorTime.Add(-5*time.Minute - time.Second) },
		"body":                 func(m *provider.Message) { m.Body = []byte(strings.Replace(string(m.Body), "Q3st", "Q3sT", 1)) },
		"no body":              func(m *provider.Message) { m.Body = nil },
		"Encrypt twice": func(m *provider.Message) {
			m.Body = []byte(`{"Encrypt":"` + vectorBox + `","Encrypt":"` + vectorBox + `"}`)
		},
		"in plain": func(m *provider.Message) {
			m.Body = []byte(`<xml><MsgType>event</MsgType><Event>user_authorization_revoke</Event><OpenID>oEXAMPLE</OpenID></xml>`)
			m.Query.Del("encrypt_type")
		},
		"another app": func(m *provider.Message) { reseal(t, w, m, `{"MsgType":"event"}`, "wx9123456789abcdef") },
		"no app":      func(m *provider.Message) { reseal(t, w, m, `{"MsgType":"event"}`, "") },
		"another app named inside": func(m *provider.Message) {
			reseal(t, w, m, `{"MsgType":"event","Event":"user_authorization_revoke","OpenID":"o","AppID":"wx1123456789abcdef"}`, vectorApp)
		},
		"sealed nonsense": func(m *provider.Message) { resign(m, "AAAA") },
		"sealed noise":    func(m *provider.Message) { resign(m, base64.StdEncoding.EncodeToString(make([]byte, 64))) },
		"sealed nothing":  func(m *provider.Message) { resign(m, "") },
	} {
		m := vector()
		spoil(&m)
		got, err := w.Receive(t.Context(), m)
		if err == nil || provider.ReasonOf(err) != provider.Untrusted || got.Notices != nil || got.Reply != nil {
			t.Errorf("S-87: %s: %+v, %v", name, got, err)
		}
	}
	if _, err := (&WeChat{}).Receive(t.Context(), vector()); provider.ReasonOf(err) != provider.Untrusted {
		t.Errorf("without a message server: %v", err)
	}
	for name, plain := range map[string]string{
		"not XML and not JSON": "event", "half": `{"MsgType":"event"`, "two": `{"a":"b"}{}`, "empty": "", "deep": strings.Repeat("[", 10_000),
		"entity": `<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>event</MsgType></xml>`, "unknown entity": `<xml><Event>&a;</Event></xml>`,
		"cut": `<xml><Event>`, "broken text": "{\"a\":\"\xff\"}", "name twice": `{"OpenID":"a"," OpenID":"b"}`, "deep XML": strings.Repeat("<a>", 20),
		"two roots": `<xml></xml><xml></xml>`,
	} {
		m := vector()
		reseal(t, w, &m, plain, vectorApp)
		if got, err := w.Receive(t.Context(), m); err == nil || provider.ReasonOf(err) != provider.Malformed || got.Notices != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// seal encrypts as WeChat does, with 16 bytes that are not random.
func seal(t testing.TB, key []byte, plain, app string) string {
	t.Helper()
	box := append([]byte("0123456789abcdef"), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(box[16:], uint32(len(plain)))
	box = append(box, plain+app...)
	pad := block - len(box)%block
	box = append(box, strings.Repeat(string(rune(pad)), pad)...)
	c, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(c, key[:16]).CryptBlocks(box, box)
	return base64.StdEncoding.EncodeToString(box)
}

func reseal(t testing.TB, w *WeChat, m *provider.Message, plain, app string) {
	t.Helper()
	resign(m, seal(t, w.key, plain, app))
}

func resign(m *provider.Message, box string) {
	m.Body = []byte("<xml><ToUserName><![CDATA[x]]></ToUserName><Encrypt><![CDATA[" + box + "]]></Encrypt></xml>")
	m.Query.Set("msg_signature", sign("simtoken", m.Query.Get("timestamp"), m.Query.Get("nonce"), box))
}

// What events mean, and how odd they may look.
func TestReceive_events(t *testing.T) {
	w := receiver(t)
	open := provider.Subject{Scope: "openid:" + vectorApp, Value: "oEXAMPLE"}
	union := provider.Subject{Scope: "unionid:one", Value: "oUNION"}
	minute := vectorTime.Add(-time.Minute)
	for _, c := range []struct {
		plain string
		kind  provider.NoticeKind // empty: no notice
		at    time.Time
		who   []provider.Subject
	}{
		{`{"MsgType":"event","Event":"user_info_modified","OpenID":"oEXAMPLE","UnionID":"oUNION","CreateTime":1699999940}`, provider.Profile, minute, []provider.Subject{union, open}},
		{`{"MsgType":"event","Event":"user_authorization_cancellation","OpenID":"oEXAMPLE","CreateTime":"1699999940"}`, provider.Deleted, minute, []provider.Subject{open}},
		{"{\" MsgType\":\"event\",\n\" Event\":\"user_authorization_revoke\",\" OpenID\":\"oEXAMPLE\",\" RevokeInfo\":\"301\",\n}", provider.Revoked, vectorTime, []provider.Subject{open}},
		{`<xml><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[user_authorization_revoke]]></Event><OpenID><![CDATA[oEXAMPLE]]></OpenID><RevokeInfo>301</RevokeInfo><CreateTime>1699999940</CreateTime><More><OpenID>x</OpenID></More></xml>`, provider.Revoked, minute, []provider.Subject{open}},
		{`{"MsgType":"event","Event":"user_authorization_revoke","OpenID":"oEXAMPLE","RevokeInfo":"205"}`, provider.Profile, vectorTime, []provider.Subject{open}},
		{`{"MsgType":"event","Event":"user_authorization_revoke","OpenID":"oEXAMPLE","RevokeInfo":"201, 205"}`, provider.Profile, vectorTime, []provider.Subject{open}},
		{`{"MsgType":"event","Event":"user_authorization_revoke","OpenID":"oEXAMPLE","RevokeInfo":"204"}`, provider.Unknown, vectorTime, []provider.Subject{open}},
		{`{"MsgType":"event","Event":"user_authorization_revoke","OpenID":"oEXAMPLE","RevokeInfo":"205,999"}`, provider.Revoked, vectorTime, []provider.Subject{open}},
		{`{"MsgType":"event","Event":"user_info_modified"}`, provider.Unknown, vectorTime, nil},
		{`{"MsgType":"event","Event":"user_info_modified","OpenID":"a b"}`, provider.Unknown, vectorTime, nil},
		{`{"MsgType":"event","Event":"subscribe","OpenID":"oEXAMPLE","CreateTime":99999999999}`, provider.Unknown, vectorTime, []provider.Subject{open}},
		{`{"MsgType":"text","Content":"hello","Event":"user_authorization_revoke","OpenID":"oEXAMPLE"}`, "", vectorTime, nil},
		{`{"MsgType":"event","OpenID":"oEXAMPLE"}`, "", vectorTime, nil},
		{`{"text":"a,}","esc":"\",}","list":[1,2,],"MsgType":"event","Event":"user_info_modified","OpenID":"oEXAMPLE" , }`, provider.Profile, vectorTime, []provider.Subject{open}},
	} {
		m := vector()
		reseal(t, w, &m, c.plain, vectorApp)
		got, err := w.Receive(t.Context(), m)
		if err != nil || got.Reply == nil || string(got.Reply.Body) != "success" {
			t.Errorf("%s: %+v, %v", c.plain, got, err)
			continue
		}
		if len(got.Notices) == 0 {
			if c.kind != "" {
				t.Errorf("%s: no notice, want %s", c.plain, c.kind)
			}
			continue
		}
		n := got.Notices[0]
		if diff := cmp.Diff(c.who, n.Subjects); diff != "" || n.Kind != c.kind || !n.At.Equal(c.at) {
			t.Errorf("%s: %+v; want %s at %v\n%s", c.plain, n, c.kind, c.at, diff)
		}
	}
}

func TestReceive_setUp(t *testing.T) {
	w := receiver(t)
	ask := func(change func(url.Values)) (provider.Received, error) {
		q := url.Values{"signature": {setUpSign}, "timestamp": {vectorStamp}, "nonce": {"nonce123"}, "echostr": {"3476539125"}}
		change(q)
		return w.Receive(t.Context(), provider.Message{Method: http.MethodGet, Now: vectorTime, Query: q})
	}
	got, err := ask(func(url.Values) {})
	if err != nil || string(got.Reply.Body) != "3476539125" || !strings.HasPrefix(got.Reply.Type, "text/plain") || len(got.Notices) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(url.Values){
		"signature": func(q url.Values) { q.Set("signature", vectorSign) },
		"none":      func(q url.Values) { q.Del("signature") },
		"no echo":   func(q url.Values) { q.Del("echostr") },
		"long echo": func(q url.Values) { q.Set("echostr", strings.Repeat("x", 257)) },
		"two":       func(q url.Values) { q.Add("echostr", "x") },
		"lines":     func(q url.Values) { q.Set("echostr", "a\r\nb") },
	} {
		if got, err := ask(change); provider.ReasonOf(err) != provider.Untrusted || err == nil || got.Reply != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// door brings the simulator's messages to the adapter, as the product's door does.
type door struct {
	t   *testing.T
	w   *WeChat
	clk *clock.Clock
	got []provider.Received
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	got, err := d.w.Receive(d.t.Context(), provider.Message{Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body, Now: d.clk.Now()})
	status, text := http.StatusForbidden, ""
	if err == nil {
		d.got = append(d.got, got)
		status, text = got.Reply.Status, string(got.Reply.Body)
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text)), Request: r, Header: http.Header{}}, nil
}

// The simulator's messages, which share no code with what reads them.
func TestReceive_simulator(t *testing.T) {
	clk := clock.At(providertest.Start)
	w := receiver(t)
	d := &door{t: t, w: w, clk: clk}
	s := sim.New(lab.Options{Clock: clk, Title: "WeChat", NoticeURL: "https://id.example.test/hooks/federation/wechat", Transport: d}, sim.Config{
		Apps:    []sim.App{{ID: vectorApp, Secret: "secret", Kind: sim.Web, Platform: "one", Domain: "id.example.test"}},
		Message: sim.Message{Token: "simtoken", AESKey: vectorKey},
	})
	for _, c := range []struct {
		event, variant string
		status         int
		kind           provider.NoticeKind
		subjects       int
	}{
		{"setup", "valid", 200, "", 0}, {"setup", "bad_signature", 403, "", 0},
		{"user_info_modified", "valid", 200, provider.Profile, 2},
		{"user_info_modified", "no_openid", 200, provider.Profile, 1},
		{"user_authorization_revoke", "valid", 200, provider.Revoked, 2},
		{"user_authorization_revoke", "replay", 200, provider.Revoked, 2},
		{"user_authorization_revoke", "json", 200, provider.Revoked, 2},
		{"user_authorization_cancellation", "valid", 200, provider.Deleted, 2},
		{"user_authorization_revoke", "plain", 403, "", 0}, {"user_authorization_revoke", "bad_signature", 403, "", 0},
		{"user_authorization_revoke", "stale", 403, "", 0}, {"user_authorization_revoke", "wrong_audience", 403, "", 0},
	} {
		d.got = nil
		status, err := s.Event(c.event, "lilei", c.variant)
		if err != nil || status != c.status {
			t.Errorf("%s, %s: status %d, %v; want %d", c.event, c.variant, status, err, c.status)
			continue
		}
		if c.kind == "" {
			continue
		}
		if n := d.got[0].Notices; len(n) != 1 || n[0].Kind != c.kind || len(n[0].Subjects) != c.subjects {
			t.Errorf("%s, %s: %+v", c.event, c.variant, n)
		}
	}
}

// FuzzFlat: no message makes it panic, keep more than it may, or take a name with blanks.
func FuzzFlat(f *testing.F) {
	for _, seed := range []string{
		`{"MsgType":"event"," Event":"user_info_modified","n":1,"x":{"y":[1,]},}`, `<xml><MsgType><![CDATA[event]]></MsgType><a>1<b/></a></xml>`,
		`{"a":",}","b":"\",}"}`, `<!DOCTYPE a><xml/>`, "{\"a\":\"\\ud800\"}", `{"a":1e400}`, "", `{`, `<`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fields, err := flat(body)
		if (err == nil) == (fields == nil) || len(fields) > fieldsMost {
			t.Fatalf("%d fields, %v", len(fields), err)
		}
		for name := range fields {
			if strings.TrimSpace(name) != name {
				t.Errorf("the name %q", name)
			}
		}
	})
}

// FuzzOpen: what was not sealed with the key for one of the apps opens as nothing.
func FuzzOpen(f *testing.F) {
	w := receiver(f)
	f.Add([]byte{}, vectorApp)
	f.Add([]byte(fmt.Sprintf("%032d", 7)), "")
	f.Add(make([]byte, 64), "wx1123456789abcdef")
	f.Fuzz(func(t *testing.T, raw []byte, app string) {
		if plain, to, err := w.open(base64.StdEncoding.EncodeToString(raw)); err == nil && (to.ID != vectorApp && to.ID != "wx1123456789abcdef" || len(plain) > len(raw)) {
			t.Fatalf("%q for %q", plain, to.ID)
		}
		plain, to, err := w.open(seal(t, w.key, string(raw), app))
		ours := strings.HasPrefix(app, "wx") && (app == vectorApp || app == "wx1123456789abcdef")
		if ours != (err == nil) || ours && (string(plain) != string(raw) || to.ID != app) {
			t.Errorf("sealed %q for %q: %q for %q, %v", raw, app, plain, to.ID, err)
		}
	})
}
