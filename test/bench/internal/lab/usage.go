package lab

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc. USER_HZ is 100 on all
// architectures.
const tick = 10 * time.Millisecond

// Usage is what a process has used until now.
type Usage struct {
	CPU      time.Duration // user and system
	Resident int64         // bytes in memory now
	Peak     int64         // the highest number of bytes in memory
	Files    int           // open file descriptors
	Threads  int
}

// Usage reads what the process has used.
func (p *Process) Usage() (Usage, error) {
	var u Usage
	directory := fmt.Sprintf("/proc/%d/", p.PID)
	stat, err := os.ReadFile(directory + "stat")
	if err != nil {
		return u, err
	}
	// Fields 14 and 15; the second one, a name, may hold blanks.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return u, fmt.Errorf("%sstat: %d fields", directory, len(fields))
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, fmt.Errorf("%sstat: %w", directory, err)
		}
		u.CPU += time.Duration(ticks) * tick
	}
	status, err := os.ReadFile(directory + "status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, _ := strconv.ParseInt(number, 10, 64)
		switch name {
		case "VmRSS":
			u.Resident = n << 10
		case "VmHWM":
			u.Peak = n << 10
		case "Threads":
			u.Threads = int(n)
		}
	}
	files, err := os.ReadDir(directory + "fd")
	u.Files = len(files)
	return u, err
}

// ResetPeak restarts the measurement of Peak.
func (p *Process) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID), []byte("5"), 0)
}

// MiB formats a number of bytes in MiB.
func MiB(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
