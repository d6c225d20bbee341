package standard

import "os"

// notifyHangups returns nothing: Windows has no SIGHUP.
func notifyHangups() (hangups <-chan os.Signal, stop func()) { return nil, func() {} }

// ignoreBrokenPipes does nothing: Windows has no SIGPIPE.
func ignoreBrokenPipes() (restore func()) { return func() {} }
