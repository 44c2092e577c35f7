package main

import (
	"context"
	"fmt"
)

func runServe(ctx context.Context, sh *shell, args []string) error {
	fs := flags("serve")
	config := configFlag(fs)
	if _, err := parse(fs, args); err != nil {
		return err
	}
	s, err := sh.loadConfig(*config)
	if err != nil {
		return err
	}
	public, err := listen("listen", s.Listen)
	if err != nil {
		return err
	}
	admin, err := listen("admin_listen", s.AdminListen)
	if err != nil {
		_ = public.Close()
		return err
	}
	o := &opening{sh: sh, set: s, public: public, admin: admin, hello: func(*house) {
		fmt.Fprintf(sh.out, "Selfsame serves %s on %s\nAdmin (livez, readyz, metrics) on http://%s\n", s.PublicURL, public.Addr(), admin.Addr())
	}}
	return o.live(ctx)
}
