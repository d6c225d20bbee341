//go:build !windows

package standard

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyHangups returns the hangups that the process gets from now on, of several
// in a row one, and how to give them back.
func notifyHangups() (hangups <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
