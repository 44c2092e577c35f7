package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kit/randid"
	"github.com/selfsame-id/selfsame/internal/kit/settings"
)

func runDemo(ctx context.Context, sh *shell, args []string) (err error) {
	flagSet := flags("demo")
	addr := flagSet.String("listen", "127.0.0.1:8080", "")
	data := flagSet.String("data", "", "")
	level := flagSet.String("log", "warn", "")
	if _, err := parse(flagSet, args); err != nil {
		return err
	}
	dir := *data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "selfsame-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	public, err := listen("--listen", *addr)
	if err != nil {
		return err
	}
	admin, err := listenBeside(public.Addr())
	if err != nil {
		_ = public.Close()
		return err
	}
	s, err := demoSettings(dir, *addr, public.Addr(), admin.Addr())
	if err != nil {
		return errors.Join(err, public.Close(), admin.Close())
	}
	s.Log.Level = *level
	o := &opening{sh: sh, set: s, public: public, admin: admin, hello: func(h *house) { demoHello(sh, s, h) }}
	return o.live(ctx)
}

// listenBeside takes the next port for the admin listener, or any that is free.
func listenBeside(addr net.Addr) (net.Listener, error) {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	if ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(n+1)); err == nil {
		return ln, nil
	}
	return listen("admin", "127.0.0.1:0")
}

// demoSettings are the defaults with everything in one folder. Only the limits
// per network are wider, so that one machine can play many people.
func demoSettings(dir, asked string, public, admin net.Addr) (settings.Settings, error) {
	s := settings.Default()
	s.Demo = true
	s.Questions.Enabled = true
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		return s, usageError{"--listen has to be HOST:PORT"}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.Equal(net.IPv4(127, 0, 0, 1))) {
		host = "localhost" // it is reached by both names, and passkeys need one that is no IP address
	}
	_, port, err := net.SplitHostPort(public.String())
	if err != nil {
		return s, err
	}
	s.PublicURL = "http://" + strings.ToLower(net.JoinHostPort(host, port))
	s.Listen, s.AdminListen = public.String(), admin.String()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	s.Database.URL = settings.Secret("sqlite:" + filepath.Join(dir, "selfsame.db"))
	s.Keys.File = filepath.Join(dir, "keys.json")
	s.Keys.Passphrase, err = demoPassphrase(filepath.Join(dir, "passphrase"))
	s.Shutdown.Notice = 0
	const wider = 100
	s.Journeys.PerNetworkMinute *= wider
	s.Codes.PerNetworkHour *= wider
	s.Codes.PerWideNetworkHour *= wider
	s.Codes.ChallengeAfter *= wider
	s.Passwords.PerNetworkHour *= wider
	s.Passwords.PerWideHour *= wider
	s.Providers.PerNetworkMinute *= wider
	return s, err
}

// demoPassphrase is made once a folder. It lies beside the ring: the demo keeps
// no secrets of anybody.
func demoPassphrase(path string) (settings.Secret, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(randid.Secret())
		err = os.WriteFile(path, text, 0o600)
	}
	return settings.Secret(strings.TrimSpace(string(text))), err
}

func demoHello(sh *shell, s settings.Settings, h *house) {
	fmt.Fprintf(sh.out, "Selfsame demo\n\n  pages    %[1]s\n  lab      %[1]s/lab   (phones, mailboxes, clock)\n  API      %[1]s/api/docs\n  admin    http://%[2]s/readyz\n", s.PublicURL, s.AdminListen)
	if len(h.Try) > 0 {
		fmt.Fprint(sh.out, "\nTry:\n")
	}
	for _, line := range h.Try {
		fmt.Fprintf(sh.out, "  - %s\n", line)
	}
	fmt.Fprint(sh.out, "\nCtrl-C ends it.\n")
}
