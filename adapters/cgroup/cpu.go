package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// Processors returns the limit of processor time of the process's cgroup and of those
// above it, in processors: 0.5 is half of one. It reports false where there is no limit, or
// no cgroup of version 2.
func Processors() (limit float64, ok bool) { return processors(os.DirFS("/")) }

func processors(root fs.FS) (limit float64, ok bool) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	name := ""
	for line := range strings.Lines(string(own)) {
		if of, unified := strings.CutPrefix(strings.TrimSpace(line), "0::"); unified {
			name = of
		}
	}
	if name == "" {
		return 0, false
	}
	const mount = "sys/fs/cgroup"
	// From inside of a container, a cgroup above its own has the name "/..": what is
	// mounted is its own then.
	at := path.Join(mount, path.Clean("/"+name))
	for {
		if quota, err := readQuota(root, path.Join(at, "cpu.max")); err == nil && (!ok || quota < limit) {
			limit, ok = quota, true
		}
		if at == mount {
			return limit, ok
		}
		at = path.Dir(at)
	}
}

var errNoQuota = errors.New("no quota")

// readQuota reads a file such as "50000 100000": microseconds of processor time, and the length
// of the period that they are for.
func readQuota(root fs.FS, name string) (float64, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return 0, errNoQuota
	}
	quota, err := strconv.ParseFloat(fields[0], 64) // "max": no limit
	if err != nil {
		return 0, errNoQuota
	}
	period, err := strconv.ParseFloat(fields[1], 64)
	if err != nil || quota <= 0 || period <= 0 {
		return 0, errNoQuota
	}
	return quota / period, nil
}
