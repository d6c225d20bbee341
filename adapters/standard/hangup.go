//go:build !windows

package standard

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreBrokenPipes has writes to a standard output that nobody reads fail, instead of
// ending the process, until restore is called. Go's runtime ends it even where the parent
// process had the signal ignored.
func ignoreBrokenPipes() (restore func()) {
	signal.Ignore(syscall.SIGPIPE)
	return func() { signal.Reset(syscall.SIGPIPE) }
}

// notifyHangups returns the hangups that the process gets from now on, of several
// in a row one, and how to give them back.
func notifyHangups() (hangups <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
