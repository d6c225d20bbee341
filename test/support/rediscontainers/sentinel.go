//go:build integration

package rediscontainers

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// masterName is what the Sentinels call the master.
const masterName = "documents"

// Sentinel starts a master, a replica and three Sentinels, which take a server
// that is silent for a second for dead.
func Sentinel(tb testing.TB) *Deployment {
	tb.Helper()
	ports := freePorts(tb, 5)
	master := start(tb, ports[0], spec{arguments: serverArguments(ports[0])})
	replica := start(tb, ports[1], spec{arguments: append(serverArguments(ports[1]),
		"--replicaof", "127.0.0.1 "+strconv.Itoa(ports[0]))})
	d := &Deployment{Servers: []*Server{master, replica}, settled: nil}
	wait.ForSuccess(tb, patience, "replica", func() error {
		info, err := replica.command("INFO", "replication")
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = errors.New("not connected to its master")
		}
		return err
	})

	var addrs []string
	for _, port := range ports[2:] {
		// A Sentinel writes what it learns into its configuration, which must not
		// be made again when the container starts again.
		script := fmt.Sprintf(`[ -e /tmp/sentinel.conf ] || printf '%%s\n' \
			'port %d' 'bind 127.0.0.1' 'dir /tmp' \
			'sentinel monitor %[2]s 127.0.0.1 %[3]d 2' \
			'sentinel down-after-milliseconds %[2]s 1000' \
			'sentinel failover-timeout %[2]s 5000' >/tmp/sentinel.conf
			exec redis-server /tmp/sentinel.conf --sentinel`, port, masterName, master.port)
		sentinel := start(tb, port, spec{entrypoint: []string{"/bin/sh", "-c"}, arguments: []string{script}})
		d.Sentinels = append(d.Sentinels, sentinel)
		addrs = append(addrs, sentinel.Addr())
	}
	d.settled = d.oneMaster
	wait.ForSuccess(tb, patience, "sentinels", func() error {
		for _, sentinel := range d.Sentinels {
			known, err := sentinel.command("SENTINEL", "CKQUORUM", masterName)
			if err != nil || !strings.HasPrefix(known, "OK 3 usable") {
				return fmt.Errorf("%s: %s %w", sentinel.Addr(), known, err)
			}
			replicas, err := sentinel.command("SENTINEL", "REPLICAS", masterName)
			if err != nil || !strings.Contains(replicas, strconv.Itoa(replica.port)) {
				return fmt.Errorf("%s knows no replica: %w", sentinel.Addr(), err)
			}
		}
		return nil
	})
	d.URL = &url.URL{
		Scheme:   "redis+sentinel",
		Host:     strings.Join(addrs, ","),
		Path:     "/0",
		RawQuery: url.Values{"master": {masterName}}.Encode(),
	}
	return d
}

// Master returns the server that the Sentinels take for the master.
func (d *Deployment) Master(tb testing.TB) *Server {
	tb.Helper()
	var master *Server
	wait.ForSuccess(tb, patience, "master", func() (err error) {
		master, err = d.master()
		return err
	})
	return master
}

func (d *Deployment) master() (*Server, error) {
	var found *Server
	for _, sentinel := range d.Sentinels {
		addr, err := sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
		if err != nil {
			return nil, err
		}
		lines := strings.Fields(addr)
		for _, server := range d.Servers {
			if len(lines) == 2 && lines[1] == strconv.Itoa(server.port) {
				if found != nil && found != server {
					return nil, errors.New("the sentinels disagree")
				}
				found = server
			}
		}
	}
	if found == nil {
		return nil, errors.New("the sentinels know none of the servers")
	}
	return found, nil
}

// oneMaster returns nil when the sentinels agree on a master, which knows it is.
func (d *Deployment) oneMaster() error {
	master, err := d.master()
	if err != nil {
		return err
	}
	info, err := master.command("INFO", "replication")
	if err == nil && !strings.Contains(info, "role:master") {
		err = errors.New("the master is a replica still")
	}
	return err
}

// AwaitFailover returns when another server than former is the master.
func (d *Deployment) AwaitFailover(tb testing.TB, former *Server) {
	tb.Helper()
	wait.ForSuccess(tb, patience, "failover", func() error {
		if err := d.oneMaster(); err != nil {
			return err
		}
		master, err := d.master()
		if err == nil && master == former {
			err = errors.New("the master is the same")
		}
		return err
	})
}

// DownAfter has the Sentinels take a server for dead that is silent for so long. A test that wants no
// failover says a minute: on a busy machine a server may stand still for a second.
func (d *Deployment) DownAfter(tb testing.TB, silence time.Duration) {
	tb.Helper()
	for _, sentinel := range d.Sentinels {
		sentinel.Command(tb, "SENTINEL", "SET", masterName, "down-after-milliseconds", strconv.FormatInt(silence.Milliseconds(), 10))
	}
}

// StartFailover has the Sentinels make the replica the master, although the master answers.
// That one goes on as a master until they turn to it, some ten seconds later.
func (d *Deployment) StartFailover(tb testing.TB) {
	tb.Helper()
	wait.ForSuccess(tb, patience, "start of a failover", func() error {
		_, err := d.Sentinels[0].command("SENTINEL", "FAILOVER", masterName)
		return err
	})
}

// AwaitReplication returns when the Sentinels agree on a master and the other server follows
// it and has all of its data. Sentinels that find their clock odd, as on a busy machine, do
// nothing for 30 s before.
func (d *Deployment) AwaitReplication(tb testing.TB) {
	tb.Helper()
	wait.ForSuccess(tb, 3*patience, "replication", d.replicates)
}

func (d *Deployment) replicates() error {
	if err := d.oneMaster(); err != nil {
		return err
	}
	master, err := d.master()
	if err != nil {
		return err
	}
	for _, server := range d.Servers {
		if server == master {
			continue
		}
		info, err := server.command("INFO", "replication")
		switch {
		case err != nil:
			return err
		case !strings.Contains(info, "master_port:"+strconv.Itoa(master.port)):
			return fmt.Errorf("%s is not a replica of %s: %s", server.Addr(), master.Addr(), info)
		case !strings.Contains(info, "master_link_status:up"):
			return fmt.Errorf("%s does not have the data of %s yet", server.Addr(), master.Addr())
		}
	}
	return nil
}
