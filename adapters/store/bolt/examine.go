//go:build linux || darwin

package bolt

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/edge-proxy/edge-proxy/ports"
)

var _ ports.Examiner = (*store)(nil)

// leastFree is the free space below which a new document may not fit.
const leastFree = 64 << 20

// Examine implements ports.Examiner: whether the file has room to grow.
func (s *store) Examine(ctx context.Context) ([]ports.StoreFinding, error) {
	if err := s.life.Enter(ctx); err != nil {
		return nil, failure("examine", err)
	}
	defer s.life.Leave()
	directory := filepath.Dir(s.file.path)
	var disk syscall.Statfs_t
	if err := syscall.Statfs(directory, &disk); err != nil {
		return nil, fmt.Errorf("examine: the free space of %s is not known: %w", directory, err)
	}
	return judgeSpace(directory, uint64(disk.Bavail)*uint64(disk.Bsize)), nil // their types differ between systems
}

// judgeSpace judges the free space of a directory in bytes.
func judgeSpace(directory string, free uint64) []ports.StoreFinding {
	if free >= leastFree {
		return nil
	}
	return []ports.StoreFinding{{
		What: fmt.Sprintf("%s has %d MiB of free space.", directory, free>>20),
		Do:   "Make room there, or give store.url a path on a larger volume: documents that cannot be written are not there after a restart.",
		Room: true,
	}}
}
