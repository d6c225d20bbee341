package filestore

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

const lockPause = time.Millisecond

// locked calls change while no other caller changes anything, in this process or
// another. The file is opened each time: flock keeps two opens of one file apart,
// wherever they are, and ends with the process. By itself it would wait whatever
// becomes of ctx; so it is asked again and again.
func (d directory) locked(ctx context.Context, change func() error) error {
	file, err := d.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // and unlocks
	pause := time.NewTicker(lockPause)
	defer pause.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return change()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("flock", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
	}
}
