package hooks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/selfsame-id/selfsame/internal/front/hooks"
	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/journey/linking"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/fault"
	"github.com/selfsame-id/selfsame/internal/kit/sqldb/sqldbtest"
	"github.com/selfsame-id/selfsame/internal/words"
)

// notified keeps what it is handed.
type notified struct {
	got   []linking.Message
	names []string
	reply *linking.Reply
	err   error
}

func (n *notified) Receive(_ context.Context, name string, m linking.Message) (*linking.Reply, error) {
	n.names, n.got = append(n.names, name), append(n.got, m)
	return n.reply, n.err
}

func (n *notified) call(r *http.Request) *httptest.ResponseRecorder {
	public, _ := url.Parse("https://" + host)
	rt := httpd.New(httpd.Config{PublicURL: public, Key: make([]byte, 32), Words: words.Book(), Clock: clock.At(sqldbtest.Start)}, httpd.API())
	hooks.MountFederation(rt, n)
	r.Host = host
	w := httptest.NewRecorder()
	rt.ServeHTTP(w, r)
	return w
}

// TestFederation_HandsOnWhatCame: method, query, header and body reach the receiver
// byte for byte, from any site and of any kind, because a signature is over them.
func TestFederation_HandsOnWhatCame(t *testing.T) {
	for _, tt := range []struct{ method, path, kind, body string }{
		{"POST", "/hooks/federation/apple", "application/json", `{"payload":"a.b.c"}`},
		{"POST", "/hooks/federation/google", "application/secevent+jwt", "a.b.c"},
		{"POST", "/hooks/federation/facebook?about=deletion", "application/x-www-form-urlencoded", "signed_request=a.b%2B"},
		{"POST", "/hooks/federation/wechat?signature=a&timestamp=1&nonce=%2B", "text/xml", "<xml>\x00\xff\r\n</xml>"},
		{"POST", "/hooks/federation/alipay", "application/x-www-form-urlencoded;charset=GBK", "sign=%D6%D0"},
		{"GET", "/hooks/federation/wechat?echostr=hello", "", ""},
	} {
		n := &notified{}
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		if tt.kind != "" {
			r.Header.Set("Content-Type", tt.kind)
		}
		r.Header.Set("Origin", "https://vendor.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Cookie", "__Host-session=x")
		if w := n.call(r); w.Code != 200 || w.Body.Len() != 0 || len(n.got) != 1 {
			t.Fatalf("%s: %d %s", tt.path, w.Code, w.Body)
		}
		m := n.got[0]
		if m.Method != tt.method || string(m.Body) != tt.body || m.Query.Encode() != r.URL.Query().Encode() || m.Header.Get("Content-Type") != tt.kind {
			t.Errorf("%s: %+v", tt.path, m)
		}
		if want := strings.TrimPrefix(r.URL.Path, "/hooks/federation/"); n.names[0] != want {
			t.Errorf("%s: handed to %q", tt.path, n.names[0])
		}
	}
}

// TestFederation_SaysWhatTheReceiverWants: status, type and body; and a body that says
// what was sent cannot become a page.
func TestFederation_SaysWhatTheReceiverWants(t *testing.T) {
	for _, reply := range []linking.Reply{{Status: 202}, {Status: 200, Type: "text/plain; charset=utf-8", Body: []byte("<script>")}, {Status: 200, Type: "application/json", Body: []byte(`{"url":"x"}`)}} {
		w := (&notified{reply: &reply}).call(httptest.NewRequest("POST", "/hooks/federation/google", strings.NewReader("x")))
		if w.Code != reply.Status || w.Body.String() != string(reply.Body) || reply.Type != "" && w.Header().Get("Content-Type") != reply.Type {
			t.Errorf("%+v: %d %s %s", reply, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if h := w.Header(); h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(h.Get("Cache-Control"), "no-store") {
			t.Errorf("%+v: %v", reply, h)
		}
	}
}

// TestFederation_Refuses: what is not taken, and that a refusal repeats nothing.
func TestFederation_Refuses(t *testing.T) {
	for name, tt := range map[string]struct {
		method, path, body string
		change             func(r *http.Request)
		err                error
		status             int
		code               string
		asked              int
	}{
		"not believed":     {"POST", "/hooks/federation/apple", "secret-token", nil, linking.NoticeRefused.Because(errors.New("signature of secret-token")), 400, "notice_refused", 1},
		"no such provider": {"POST", "/hooks/federation/nobody", "secret-token", nil, fault.NotFound, 404, "not_found", 1},
		"later":            {"POST", "/hooks/federation/apple", "secret-token", nil, fault.Unavailable, 503, "unavailable", 1},
		"broken inside":    {"POST", "/hooks/federation/apple", "secret-token", nil, errors.New("secret-token"), 500, "internal", 1},
		"oversized":        {"POST", "/hooks/federation/apple", strings.Repeat("x", 64<<10+1), nil, nil, 413, "body_too_large", 0},
		"chunks without end": {"POST", "/hooks/federation/apple", "", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(io.LimitReader(endless{}, 1<<20)), -1
		}, nil, 413, "body_too_large", 0},
		"packed":    {"POST", "/hooks/federation/apple", "x", func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, nil, 415, "media_type", 0},
		"multipart": {"POST", "/hooks/federation/apple", "x", func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }, nil, 415, "media_type", 0},
		"cut off": {"POST", "/hooks/federation/apple", "", func(r *http.Request) {
			r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
		}, nil, 400, "invalid_json", 0},
		"no provider":   {"POST", "/hooks/federation/", "x", nil, nil, 404, "not_found", 0},
		"deeper":        {"POST", "/hooks/federation/apple/x", "x", nil, nil, 404, "not_found", 0},
		"other method":  {"PUT", "/hooks/federation/apple", "x", nil, nil, 405, "method_not_allowed", 0},
		"and another":   {"DELETE", "/hooks/federation/apple", "", nil, nil, 405, "method_not_allowed", 0},
		"asking before": {"OPTIONS", "/hooks/federation/apple", "", nil, nil, 405, "method_not_allowed", 0},
	} {
		n := &notified{err: tt.err}
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		if tt.change != nil {
			tt.change(r)
		}
		w := n.call(r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), `"code":"`+tt.code+`"`) || len(n.got) != tt.asked {
			t.Errorf("%s: %d %s, asked %d times", name, w.Code, w.Body, len(n.got))
		}
		if strings.Contains(w.Body.String(), "secret-token") {
			t.Errorf("%s: the refusal repeats what was sent: %s", name, w.Body)
		}
	}
	whole := &notified{}
	if w := whole.call(httptest.NewRequest("POST", "/hooks/federation/apple", strings.NewReader(strings.Repeat("x", 64<<10)))); w.Code != 200 || len(whole.got[0].Body) != 64<<10 {
		t.Errorf("64 KiB: %d", w.Code)
	}
}

// endless is a body that does not end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
