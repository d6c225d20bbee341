package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// socketMode lets the owner of the process and its group connect to a Unix socket.
const socketMode = 0o660

// listenUnix opens a Unix socket. It removes the file of a socket on which nobody listens
// any more, which a process leaves behind that was killed. Closing the listener removes
// the file.
func listenUnix(ctx context.Context, listen func(ctx context.Context, network, address string) (net.Listener, error), path string) (net.Listener, error) {
	if err := removeAbandoned(ctx, path); err != nil {
		return nil, err
	}
	l, err := listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeAbandoned removes the file of a Unix socket if nobody listens on it. It returns an
// error when somebody does, and when the file is something else.
func removeAbandoned(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s exists and is not a socket: remove it, or choose another path", path)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		_ = c.Close()
		return fmt.Errorf("another process listens on %s: end it, or choose another path", path)
	}
	return os.Remove(path)
}
