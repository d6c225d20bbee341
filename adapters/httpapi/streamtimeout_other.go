//go:build !linux

package httpapi

import (
	"errors"
	"net"
	"time"
)

// giveUpAfter is for Linux. Elsewhere the system decides how long it tries.
func giveUpAfter(*net.TCPConn, time.Duration) error { return errors.ErrUnsupported }
