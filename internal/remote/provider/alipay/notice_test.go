package alipay

import (
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
)

const cancelled = "alipay.open.auth.userauth.cancelled"

// message is a good one, changed before or after it is signed.
func message(t testing.TB, before, after func(url.Values)) provider.Message {
	t.Helper()
	form := url.Values{
		"notify_id": {"n-1"}, "msg_method": {cancelled}, "app_id": {byKeys().ours.AppID}, "version": {"1.1"}, "charset": {"UTF-8"},
		"utc_timestamp": {fmt.Sprint(start.Add(-time.Minute).UnixMilli())}, "biz_content": {`{"open_id":"074EXAMPLEopenid"}`},
	}
	if before != nil {
		before(form)
	}
	sign, err := keys{own: byKeys().far.Key}.sign(toSign(form, "sign", "sign_type", "alipay_cert_sn"))
	if err != nil {
		t.Fatal(err)
	}
	form.Set("sign", sign)
	if !form.Has("sign_type") {
		form.Set("sign_type", "RSA2")
	}
	if after != nil {
		after(form)
	}
	return provider.Message{Method: http.MethodPost, Body: []byte(form.Encode()), Now: start}
}

// What messages mean, by the table of the configuration.
func TestReceive(t *testing.T) {
	c := byKeys().config(t, "https://alipay.example.test", provider.Wire{})
	c.NoticeMethods = map[string]provider.NoticeKind{cancelled: provider.Revoked, "alipay.member.closed": provider.Deleted}
	a := made(t, c, clock.At(start))
	open := provider.Subject{Scope: "openid:" + c.AppID, Value: "074EXAMPLEopenid"}
	user := provider.Subject{Scope: "uid", Value: "2088000000000001"}
	minute := start.Add(-time.Minute)
	ids := map[string]string{}
	for _, c := range []struct {
		name   string
		change func(url.Values)
		kind   provider.NoticeKind
		at     time.Time
		who    []provider.Subject
	}{
		{"as documented", nil, provider.Revoked, minute, []provider.Subject{open}},
		{"another ID", func(f url.Values) { f.Set("notify_id", "n-2") }, provider.Revoked, minute, []provider.Subject{open}},
		{"configured", func(f url.Values) { f.Set("msg_method", "alipay.member.closed") }, provider.Deleted, minute, []provider.Subject{open}},
		{"not configured", func(f url.Values) { f.Set("msg_method", "alipay.trade.paid") }, provider.Unknown, minute, []provider.Subject{open}},
		{"user_id in the form", func(f url.Values) { f.Set("user_id", "2088000000000001") }, provider.Revoked, minute, []provider.Subject{open, user}},
		{"nobody", func(f url.Values) { f.Del("biz_content") }, provider.Unknown, minute, nil},
		{"not JSON", func(f url.Values) { f.Set("biz_content", "x") }, provider.Unknown, minute, nil},
		{"two people", func(f url.Values) { f.Set("open_id", "075") }, provider.Unknown, minute, nil},
		{"Beijing time", func(f url.Values) { f.Del("utc_timestamp"); f.Set("notify_time", "2026-11-22 17:59:00") }, provider.Revoked, minute, []provider.Subject{open}},
		{"a day old", func(f url.Values) { f.Set("utc_timestamp", fmt.Sprint(start.Add(-25*time.Hour).UnixMilli())) }, provider.Revoked, start.Add(-25 * time.Hour), []provider.Subject{open}},
	} {
		got, err := a.Receive(t.Context(), message(t, c.change, nil))
		if err != nil || len(got.Notices) != 1 || string(got.Reply.Body) != "success" || got.Reply.Status != http.StatusOK {
			t.Errorf("%s: %+v, %v", c.name, got, err)
			continue
		}
		n := got.Notices[0]
		if diff := cmp.Diff(c.who, n.Subjects); diff != "" || n.Kind != c.kind || !n.At.Equal(c.at) || n.Hint {
			t.Errorf("%s: %+v; want %s at %v\n%s", c.name, n, c.kind, c.at, diff)
		}
		ids[c.name] = n.ID
	}
	if ids["as documented"] == ids["another ID"] || ids["as documented"] != ids["a day old"] || len(ids["as documented"]) != 64 {
		t.Errorf("S-87: IDs %v", ids)
	}
}

// S-87, S-150: each element spoiled.
func TestReceive_forged(t *testing.T) {
	a := goodFar().alipay(t)
	for name, c := range map[string]struct {
		before, after func(url.Values)
		reason        provider.Reason
	}{
		"signature":          {nil, func(f url.Values) { f.Set("sign", "AAAA") }, provider.Untrusted},
		"no signature":       {nil, func(f url.Values) { f.Del("sign") }, provider.Untrusted},
		"two signatures":     {nil, func(f url.Values) { f.Add("sign", f.Get("sign")) }, provider.Malformed},
		"who":                {nil, func(f url.Values) { f.Set("biz_content", `{"open_id":"075"}`) }, provider.Untrusted},
		"who besides":        {nil, func(f url.Values) { f.Set("user_id", "2088") }, provider.Untrusted},
		"ID":                 {nil, func(f url.Values) { f.Set("notify_id", "n-2") }, provider.Untrusted},
		"kind of signing":    {nil, func(f url.Values) { f.Set("sign_type", "RSA") }, provider.Untrusted},
		"certificate":        {nil, func(f url.Values) { f.Set("alipay_cert_sn", "00") }, provider.Untrusted},
		"another app":        {func(f url.Values) { f.Set("app_id", "2021000000000099") }, nil, provider.Untrusted},
		"no app":             {func(f url.Values) { f.Del("app_id") }, nil, provider.Untrusted},
		"GBK":                {func(f url.Values) { f.Set("charset", "GBK") }, nil, provider.Malformed},
		"no time":            {func(f url.Values) { f.Del("utc_timestamp") }, nil, provider.Malformed},
		"odd time":           {func(f url.Values) { f.Set("utc_timestamp", "x") }, nil, provider.Malformed},
		"old":                {func(f url.Values) { f.Set("utc_timestamp", fmt.Sprint(start.Add(-27*time.Hour).UnixMilli())) }, nil, provider.Untrusted},
		"new":                {func(f url.Values) { f.Set("utc_timestamp", fmt.Sprint(start.Add(6*time.Minute).UnixMilli())) }, nil, provider.Untrusted},
		"at the end of time": {func(f url.Values) { f.Set("utc_timestamp", "9223372036854775807") }, nil, provider.Untrusted},
	} {
		if got, err := a.Receive(t.Context(), message(t, c.before, c.after)); err == nil || provider.ReasonOf(err) != c.reason || got.Notices != nil || got.Reply != nil {
			t.Errorf("S-87: %s: %+v, %v; want %s", name, got, err, c.reason)
		}
	}
	good := message(t, nil, nil)
	for name, m := range map[string]provider.Message{
		"GET": {Method: http.MethodGet, Query: mustQuery(t, string(good.Body)), Now: start}, "nothing": {Method: http.MethodPost, Now: start},
		"JSON": {Method: http.MethodPost, Body: []byte(`{"a":1}`), Now: start}, "broken": {Method: http.MethodPost, Body: []byte("a=%zz"), Now: start},
	} {
		if got, err := a.Receive(t.Context(), m); err == nil || got.Notices != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func mustQuery(t *testing.T, s string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// door brings the simulator's messages to the adapter.
type door struct {
	t   *testing.T
	a   *Alipay
	clk *clock.Clock
	got []provider.Notice
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	got, err := d.a.Receive(d.t.Context(), provider.Message{Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body, Now: d.clk.Now()})
	d.got = append(d.got, got.Notices...)
	status, text := http.StatusOK, "success"
	if err != nil {
		status, text = http.StatusForbidden, ""
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text)), Request: r, Header: http.Header{}}, nil
}

// The simulator's messages, which share no code with what reads them, in both modes.
func TestReceive_simulator(t *testing.T) {
	for name, w := range map[string]town{"keys": byKeys(), "certificates": byCerts()} {
		clk := clock.At(start)
		d := &door{t: t, a: made(t, w.config(t, "https://alipay.example.test", provider.Wire{}), clk), clk: clk}
		s := w.vendor(clk, d, nil)
		for variant, want := range map[string]int{"valid": 200, "replay": 200, "bad_signature": 403, "unknown_key": 403, "wrong_audience": 403} {
			d.got = nil
			status, err := s.Event(cancelled, "lilei", variant)
			if err != nil || status != want || (len(d.got) == 1) != (want == http.StatusOK) {
				t.Errorf("%s, %s: status %d, %v, %+v", name, variant, status, err, d.got)
			} else if want == http.StatusOK && (d.got[0].Kind != provider.Revoked || len(d.got[0].Subjects) != 1 || !d.got[0].At.Equal(start)) {
				t.Errorf("%s, %s: %+v", name, variant, d.got[0])
			}
		}
	}
}

// FuzzReceive: no message makes it panic, and none that was not signed says anything.
func FuzzReceive(f *testing.F) {
	a := goodFar().alipay(f)
	f.Add(string(message(f, nil, nil).Body) + "&x=y")
	f.Add("sign=AAAA&sign_type=RSA2")
	f.Add("a=%zz")
	f.Fuzz(func(t *testing.T, body string) {
		if got, err := a.Receive(t.Context(), provider.Message{Method: http.MethodPost, Body: []byte(body), Now: start}); err == nil && body != string(message(t, nil, nil).Body) {
			// The same message in another spelling is the same.
			if form, _ := url.ParseQuery(body); toSign(form, "sign", "sign_type") != toSign(mustQuery(t, string(message(t, nil, nil).Body)), "sign", "sign_type") {
				t.Errorf("%+v", got)
			}
		}
	})
}
