//go:build !unix

package httpserver

// MaxOpenFiles returns 0: this system has no such limit.
func MaxOpenFiles() int { return 0 }
