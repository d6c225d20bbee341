package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
)

// fewFiles is how many open files are few: each connection is one.
const fewFiles = 1024

// machine checks what the process gets from where it runs.
func (e *examination) machine(ctx context.Context) {
	e.check("P1", func(f *finding) {
		s := e.settings.Server
		e.examinePort(ctx, f, "server.port", s.Host, s.Port, true)
		if p := s.HTTPPort; p.Chosen && p.Number != 0 {
			e.examinePort(ctx, f, "server.http_port", s.Host, p.Number, true)
		}
		if a := e.settings.Admin; a.Port.Number != 0 {
			e.examinePort(ctx, f, "admin.port", a.Host, a.Port.Number, a.Port.Chosen)
		}
	})
	e.check("P2", func(f *finding) {
		file := os.Getenv("SSL_CERT_FILE")
		switch problem := flagsmith.AuthorityProblem(file); {
		case problem != "":
			f.fail("Let SSL_CERT_FILE name a file with the certificates of authorities in PEM form, or unset it.", "%s", problem)
		case file == "":
			f.ok("authorities are those of the system, or else the ones that this program has")
		default:
			f.ok("authorities are those in %s", file)
		}
		e.examineCertificates(f)
	})
	e.check("P3", func(f *finding) {
		most := e.settings.Server.MaxConnections
		switch {
		case e.OpenFiles == 0:
			f.ok("not limited")
		case most > e.OpenFiles:
			f.fail("Lower server.max_connections, or raise the limit: ulimit -n, LimitNOFILE of systemd, --ulimit nofile of Docker.", "server.max_connections is %d, and the process may open %d files", most, e.OpenFiles)
		case e.OpenFiles < fewFiles:
			f.warn("Raise the limit: ulimit -n, LimitNOFILE of systemd, --ulimit nofile of Docker.", "the process may open %d files, which is few", e.OpenFiles)
		default:
			f.ok("the process may open %d files", e.OpenFiles)
		}
	})
	e.check("P4", func(f *finding) {
		e.examineMemory(f)
		e.examineProcessors(f, runtime.GOMAXPROCS(0), runtime.NumCPU())
	})
}

// leastProcessors is the processor time below which answers wait for it now and then.
const leastProcessors = 0.5

// examineProcessors compares how many threads run Go code at a time, in this process as
// in the proxy, with the processors of the machine and the quota of the container.
func (e *examination) examineProcessors(f *finding, threads, machine int) {
	setting := "GOMAXPROCS"
	if asked := e.settings.WebConcurrency; asked > 0 {
		setting, threads = "WEB_CONCURRENCY", asked
	}
	limit, whole := float64(machine), machine
	what := fmt.Sprintf("this machine has %d processors", machine)
	if e.Processors > 0 && e.Processors < limit {
		limit = e.Processors
		whole = max(int(math.Ceil(limit)), fewestThreads)
		what = fmt.Sprintf("the container may use %g processors (cpu.max)", math.Round(100*limit)/100)
	}
	switch {
	case limit < leastProcessors:
		f.warn("Raise the CPU limit of the container to a whole processor or more: with less, the system stops the proxy in the middle of answers.", "%s", what)
	case threads > min(whole, machine):
		f.warn("Unset "+setting+": the proxy uses all that it may use, and is stopped now and then if it uses more.", "%s is %d, and %s", setting, threads, what)
	default:
		f.ok("%s, and the proxy runs on %d", what, threads)
	}
}

// fewestThreads is how many threads Go uses at least where there is a quota: the garbage
// collector runs beside the rest.
const fewestThreads = 2

// examineCertificates checks the files of server.tls, admin.tls and api_tls.
func (e *examination) examineCertificates(f *finding) {
	if err := e.CheckCertificates(e.settings); err != nil {
		f.fail("Let the setting name a file that can be read, in PEM form, and a key that belongs to the certificate.", "%v", err)
		return
	}
	for setting, pair := range map[string][2]string{
		"server.tls": {e.settings.Server.TLS.CertFile, e.settings.Server.TLS.KeyFile},
		"admin.tls":  {e.settings.Admin.TLS.CertFile, e.settings.Admin.TLS.KeyFile},
		"api_tls":    {e.settings.APITLS.CertFile, e.settings.APITLS.KeyFile},
	} {
		if pair[0] == "" {
			continue
		}
		loaded, err := tls.LoadX509KeyPair(pair[0], pair[1])
		switch {
		case err != nil: // cannot be: they were just read
			f.fail("Correct "+setting+".", "%s: %v", setting, err)
		case time.Until(loaded.Leaf.NotAfter) < expiresSoon:
			f.warn("Renew the certificate of "+setting+"; a changed file is read without a restart.", "%s: the certificate expires on %s", setting, loaded.Leaf.NotAfter.UTC().Format(time.RFC3339))
		default:
			f.ok("%s: the certificate is valid until %s", setting, loaded.Leaf.NotAfter.UTC().Format(time.RFC3339))
		}
	}
}

// examinePort checks that a port is free, or held by the proxy that runs here. needed
// says that the proxy does not start without it.
func (e *examination) examinePort(ctx context.Context, f *finding, setting, host string, port int, needed bool) {
	if port == 0 {
		f.ok("%s is 0: any free port is taken", setting)
		return
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	switch {
	case err == nil:
		_ = listener.Close()
		f.ok("%s %d is free", setting, port)
	case errors.Is(err, syscall.EADDRINUSE) && e.isRunning(ctx):
		f.ok("%s %d is taken, and a proxy runs here", setting, port)
	case errors.Is(err, syscall.EADDRINUSE) && !needed:
		f.warn("Set "+setting+" to a free port, or to 0 for no admin listener.", "%s %d is taken by another program: the proxy serves without its admin listener", setting, port)
	case errors.Is(err, syscall.EADDRINUSE):
		f.fail("Stop the program that has the port, or set "+setting+" to another one.", "%s %d is taken by another program", setting, port)
	case errors.Is(err, syscall.EACCES):
		f.fail("Set "+setting+" to a port from 1024, or give the program the capability NET_BIND_SERVICE.", "the user with uid %d may not listen on %s %d", os.Getuid(), setting, port)
	default:
		f.fail("Correct the address that belongs to "+setting+".", "%s %d cannot be listened on: %v", setting, port, err)
	}
}

func (e *examination) examineMemory(f *finding) {
	switch {
	case e.MemoryLimit == 0:
		f.ok("memory is not limited")
	case e.ContainerMemory > 0 && e.MemoryLimit > e.ContainerMemory:
		f.fail("Unset GOMEMLIMIT: the proxy keeps to the container's memory by itself.", "GOMEMLIMIT is %d MiB, and the container has %d MiB", e.MemoryLimit>>20, e.ContainerMemory>>20)
	default:
		f.ok("the Go runtime keeps to %d MiB", e.MemoryLimit>>20)
	}
}
