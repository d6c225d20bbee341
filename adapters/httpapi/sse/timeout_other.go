//go:build !linux

package sse

import (
	"errors"
	"net"
	"time"
)

// giveUpAfter does nothing: this system has no such option.
func giveUpAfter(*net.TCPConn, time.Duration) error { return errors.ErrUnsupported }
