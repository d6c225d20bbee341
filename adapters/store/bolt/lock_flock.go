//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package bolt

import (
	"errors"
	"os"
	"syscall"
)

// lock locks f against other processes and other opens of the same file, as bbolt
// does, and returns errInUse at once when one has it. Locking the same open file
// twice is not a conflict: bbolt's own lock joins this one.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errInUse
	}
	if err != nil {
		return os.NewSyscallError("flock", err)
	}
	return nil
}

// unlock gives the lock back. Closing f does not when f is mapped into memory.
func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
