//go:build unix

package httpserver

import "syscall"

// MaxOpenFiles returns how many files the process may open, and 0 when that is not
// limited.
func MaxOpenFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || int64(limit.Cur) < 0 || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}
