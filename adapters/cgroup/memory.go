// Package cgroup reads what the container of this process may use.
package cgroup

import (
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Memory returns the memory limit of the process's cgroup in bytes. It reports false
// where there is no limit, or no cgroup, as on other systems than Linux.
func Memory() (limit int64, ok bool) {
	available, err := memlimit.FromCgroup()
	if err != nil || available >= math.MaxInt64 {
		return 0, false
	}
	return int64(available), true
}
