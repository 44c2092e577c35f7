package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/front/httpd"
	"github.com/selfsame-id/selfsame/internal/kit/clock"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
	"github.com/selfsame-id/selfsame/internal/kit/telemetry"
)

// opening is the process on its way up: listeners before the house, so that a
// taken port is known before anything is touched.
type opening struct {
	sh     *shell
	set    settings.Settings
	public net.Listener
	admin  net.Listener
	hello  func(h *house) // prints what the operator wants to know, once it is ready
}

func listen(key, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, addr, err)
	}
	return ln, nil
}

// live builds the house, serves until ctx ends or something breaks, and takes
// everything down in order: readiness off; a pause for the balancer to
// notice; requests in flight finish; jobs give their leases back; the database closes.
func (o *opening) live(ctx context.Context) (err error) {
	defer o.public.Close()
	defer o.admin.Close()
	log := telemetry.NewLog(o.sh.err, o.set.Log.Level)
	v := vitals{Clock: clock.System(), Log: log, Version: versionNow().Version}
	v.Metrics = telemetry.NewMetrics(v.Version)
	tracer, stopTracing, err := telemetry.NewTracer(ctx, o.set.Tracing.Endpoint, o.set.Tracing.Sample, v.Version)
	if err != nil {
		return fmt.Errorf("tracing.endpoint: %w", err)
	}
	v.Tracer = tracer
	h, err := o.sh.build(ctx, o.set, v)
	if err != nil {
		return err
	}
	o.logStart(log)
	serveErr := o.serve(ctx, h, log)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(serveErr, h.Close(), stopTracing(last))
}

// logStart writes the effective values once, secrets as "set".
func (o *opening) logStart(log *slog.Logger) {
	var values []any
	for _, v := range o.set.Effective() {
		values = append(values, slog.String(v.Key, v.Value))
	}
	log.Info("starting", "version", versionNow().Version, "pid", os.Getpid(), slog.Group("settings", values...))
}

// serve runs the listeners and the jobs. The first of them to break ends all.
func (o *opening) serve(ctx context.Context, h *house, log *slog.Logger) error {
	certs, err := certificate(o.set.TLS)
	if err != nil {
		return err
	}
	// Each of the three has an end of its own, reached in order.
	publicCtx, endPublic := context.WithCancel(context.WithoutCancel(ctx))
	jobsCtx, endJobs := context.WithCancel(context.WithoutCancel(ctx))
	adminCtx, endAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer endPublic()
	defer endJobs()
	defer endAdmin()
	public := start(func() error {
		return httpd.Serve(publicCtx, o.public, h.Public, httpd.ServerConfig{
			TLS: certs, PerAddr: o.perAddress(), Proxies: o.set.TrustedProxies, Log: log, Grace: o.set.Shutdown.Grace,
		})
	})
	admin := start(func() error {
		return httpd.Serve(adminCtx, o.admin, h.Admin, httpd.ServerConfig{Log: log, Grace: time.Second})
	})
	jobs := start(func() error { return h.Run(jobsCtx) })
	o.hello(h)

	var broken error
	select {
	case <-ctx.Done():
		log.Info("ending")
		h.Ready.Off()
		pause(o.set.Shutdown.Notice, public)
	case <-public.over:
		broken = errors.New("the public listener ended")
	case <-admin.over:
		broken = errors.New("the admin listener ended")
	case <-jobs.over:
		broken = errors.New("the job runner ended")
	}
	h.Ready.Off()
	endPublic()
	errPublic := public.wait()
	endJobs()
	errJobs := jobs.wait()
	if errors.Is(errJobs, context.Canceled) {
		errJobs = nil
	}
	endAdmin()
	err = errors.Join(broken, errPublic, errJobs, admin.wait())
	log.Info("ended", "clean", err == nil)
	return err
}

func (o *opening) perAddress() int {
	if o.set.Demo {
		return 100 * o.set.Limits.PerAddress // one machine plays many people
	}
	return o.set.Limits.PerAddress
}

// pause waits for d, or until the part is over.
func pause(d time.Duration, p *part) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.over:
	}
}

// part is one running part of the process.
type part struct {
	over chan struct{}
	err  error
}

func start(f func() error) *part {
	p := &part{over: make(chan struct{})}
	go func() {
		defer close(p.over)
		p.err = f()
	}()
	return p
}

func (p *part) wait() error {
	<-p.over
	return p.err
}

// certificate reads the certificate and reads it again when its file changes; nil without one.
func certificate(t settings.TLS) (*tls.Config, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	c := &renewed{files: t}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

type renewed struct {
	files settings.TLS
	mu    sync.Mutex
	made  time.Time
	cert  *tls.Certificate
}

// get answers the certificate in force. A new file that cannot be read leaves the old one.
func (c *renewed) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.files.CertFile)
	if err == nil && (c.cert == nil || !info.ModTime().Equal(c.made)) {
		var cert tls.Certificate
		if cert, err = tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile); err == nil {
			c.cert, c.made = &cert, info.ModTime()
		}
	}
	if c.cert != nil {
		return c.cert, nil
	}
	return nil, err
}
