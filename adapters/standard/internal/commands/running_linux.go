package commands

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// listenersOfRunning returns the addresses at which another process of this program
// listens that was started with the configuration file at path, and nil without one. The
// file may be broken by now, or gone.
func listenersOfRunning(path string) []string {
	self, noSelf := os.Readlink("/proc/self/exe")
	fs, noProc := procfs.NewDefaultFS()
	processes, noProcesses := fs.AllProcs()
	if errors.Join(noSelf, noProc, noProcesses) != nil {
		return nil
	}
	for _, process := range processes {
		// A process of another user has nothing to read here, or ends meanwhile.
		exe, err := process.Executable()
		if err != nil || process.PID == os.Getpid() || strings.TrimSuffix(exe, " (deleted)") != self || configurationOf(process) != path {
			continue
		}
		if addresses := listenersOf(fs, process); len(addresses) > 0 {
			return addresses
		}
	}
	return nil
}

// configurationOf returns the path of the configuration file that a process was started
// with, "" when that is unknown.
func configurationOf(process procfs.Proc) string {
	environ, noEnviron := process.Environ()
	arguments, noArguments := process.CmdLine()
	directory, noDirectory := process.Cwd()
	if errors.Join(noEnviron, noArguments, noDirectory) != nil {
		return ""
	}
	name := config.Path(config.Source{Environ: environ})
	for i, argument := range arguments {
		flag, value, given := strings.Cut(argument, "=")
		switch {
		case flag != "--config" && flag != "-config":
		case given:
			name = value
		case i+1 < len(arguments):
			name = arguments[i+1]
		}
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(directory, name)
}

// listenersOf returns the addresses of the TCP ports that a process listens on.
func listenersOf(fs procfs.FS, process procfs.Proc) (addresses []string) {
	opened, err := process.FileDescriptorTargets()
	if err != nil {
		return nil
	}
	//lint:ignore SA1019 netlink, which is advised instead, is closed to many containers; /proc is not
	four, _ := fs.NetTCP()
	//lint:ignore SA1019 as above
	six, _ := fs.NetTCP6()
	const listening = 0x0A
	for _, s := range slices.Concat(four, six) {
		if s.St == listening && slices.Contains(opened, fmt.Sprintf("socket:[%d]", s.Inode)) {
			host := s.LocalAddr.String()
			if s.LocalAddr.IsUnspecified() {
				host = "127.0.0.1"
			}
			addresses = append(addresses, net.JoinHostPort(host, strconv.FormatUint(s.LocalPort, 10)))
		}
	}
	return addresses
}
