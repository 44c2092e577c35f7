package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// ServerConfig says how a listener is served.
type ServerConfig struct {
	TLS      *tls.Config // nil: plain, behind a proxy or in the demo
	PerAddr  int         // connections per client address (IPv6: per /64); 0 is 512
	Proxies  []netip.Prefix
	Log      *slog.Logger
	Grace    time.Duration // for requests in flight at the end; 0 is 25 s
	ReadFor  time.Duration // the whole request; 0 is 15 s
	WriteFor time.Duration // the whole answer; 0 is 30 s
}

// Serve serves h on ln until ctx ends, then lets requests in flight finish for
// Grace and answers nil. A second listener may be served by a second call.
// Slow clients are cut: 5 s for the header, 15 s for the request, 30 s for the
// answer, 60 s idle (S-153, R-29).
func Serve(ctx context.Context, ln net.Listener, h http.Handler, cfg ServerConfig) error {
	srv := newServer(h, cfg)
	srv.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.WithoutCancel(ctx), endingKey{}, ctx)
	}
	ln = LimitConns(ln, orDefault(cfg.PerAddr, 512), cfg.Proxies)
	if cfg.TLS != nil {
		srv.TLSConfig = cfg.TLS.Clone()
	}
	failed := make(chan error, 1)
	go func() {
		if cfg.TLS != nil {
			failed <- srv.ServeTLS(ln, "", "")
			return
		}
		failed <- srv.Serve(ln)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), orDefault(cfg.Grace, 25*time.Second))
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil {
		_ = srv.Close()
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("httpd: some requests did not finish in time and were cut")
	}
	return err
}

func newServer(h http.Handler, cfg ServerConfig) *http.Server {
	readFor := orDefault(cfg.ReadFor, 15*time.Second)
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: min(5*time.Second, readFor),
		ReadTimeout:       readFor,
		WriteTimeout:      orDefault(cfg.WriteFor, 30*time.Second),
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16<<10 - 4096, // net/http allows 4 KiB above what it is told
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          64,
			MaxDecoderHeaderTableSize:     4096,
			MaxReadFrameSize:              16 << 10,
			MaxReceiveBufferPerConnection: 256 << 10,
			MaxReceiveBufferPerStream:     64 << 10,
			SendPingTimeout:               30 * time.Second,
			PingTimeout:                   15 * time.Second,
			WriteByteTimeout:              10 * time.Second,
		},
	}
	if cfg.Log != nil {
		// What net/http says of single connections is noise, and it may quote addresses.
		srv.ErrorLog = slog.NewLogLogger(quietHandler{cfg.Log.Handler()}, slog.LevelDebug)
	}
	return srv
}

// quietHandler keeps net/http's lines, which name client addresses, out of the log (S-157).
type quietHandler struct{ slog.Handler }

func (h quietHandler) Handle(ctx context.Context, rec slog.Record) error {
	rec = slog.NewRecord(rec.Time, rec.Level, "a connection ended in error", 0)
	return h.Handler.Handle(ctx, rec)
}

func orDefault[T int | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// LimitConns closes connections of an address (IPv6: of a /64) beyond most at
// once. Addresses in exempt (our proxies, which carry many people) are not counted.
func LimitConns(ln net.Listener, most int, exempt []netip.Prefix) net.Listener {
	return &limited{Listener: ln, most: most, exempt: exempt, open: map[netip.Prefix]int{}}
}

type limited struct {
	net.Listener
	most   int
	exempt []netip.Prefix
	mu     sync.Mutex
	open   map[netip.Prefix]int
}

// Accept waits for the next connection that is within its address's share.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who, counted := l.share(c)
		if !counted {
			return c, nil
		}
		if l.take(who) {
			return &limitedConn{Conn: c, free: sync.OnceFunc(func() { l.give(who) })}, nil
		}
		_ = c.Close()
	}
}

func (l *limited) share(c net.Conn) (netip.Prefix, bool) {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}, false
	}
	addr := plainAddr(ap.Addr())
	if among(addr, l.exempt) {
		return netip.Prefix{}, false
	}
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	return p, err == nil
}

func (l *limited) take(who netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[who] >= l.most {
		return false
	}
	l.open[who]++
	return true
}

func (l *limited) give(who netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[who]--; l.open[who] <= 0 {
		delete(l.open, who)
	}
}

type limitedConn struct {
	net.Conn
	free func()
}

// Close gives the share back.
func (c *limitedConn) Close() error {
	c.free()
	return c.Conn.Close()
}
