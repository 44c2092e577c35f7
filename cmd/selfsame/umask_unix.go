//go:build unix

package main

import "syscall"

// closeNewFiles makes every file that this process creates its user's own: the
// store, its journal, the key ring (S-162).
func closeNewFiles() { syscall.Umask(0o077) }
