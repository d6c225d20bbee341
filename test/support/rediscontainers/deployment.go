//go:build integration

package rediscontainers

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Deployment is what one store URL names: one server, or several that belong
// together.
type Deployment struct {
	// URL is the store URL. The files it names are there until the test ends.
	URL *url.URL
	// Servers hold the data. Behind Sentinels the first was the master at first.
	Servers []*Server
	// Sentinels watch over the Servers; other forms have none.
	Sentinels []*Server

	// settled returns nil once the servers that answer also work together.
	settled func() error
}

// Single starts one server, with further arguments of redis-server.
func Single(tb testing.TB, arguments ...string) *Deployment {
	tb.Helper()
	port := freePorts(tb, 1)[0]
	server := start(tb, port, spec{arguments: append(serverArguments(port), arguments...)})
	return &Deployment{
		URL:     &url.URL{Scheme: "redis", Host: server.Addr(), Path: "/0"},
		Servers: []*Server{server},
	}
}

// Cluster starts a Cluster of three masters.
func Cluster(tb testing.TB) *Deployment {
	tb.Helper()
	const size = 3
	ports := freePorts(tb, 2*size) // for clients, and for the nodes among themselves
	d := &Deployment{}
	var addrs []string
	for i := range size {
		server := start(tb, ports[i], spec{arguments: append(serverArguments(ports[i]),
			"--cluster-enabled", "yes",
			"--cluster-port", strconv.Itoa(ports[size+i]),
			"--cluster-node-timeout", "2000",
		)})
		d.Servers = append(d.Servers, server)
		addrs = append(addrs, server.Addr())
	}
	create := append([]string{"--cluster", "create"}, addrs...)
	d.Servers[0].Command(tb, append(create, "--cluster-replicas", "0", "--cluster-yes")...)
	d.settled = func() error { return d.agreed(size) }
	wait.ForSuccess(tb, patience, "cluster", d.settled)
	d.URL = &url.URL{Scheme: "redis+cluster", Host: strings.Join(addrs, ",")}
	return d
}

// agreed returns nil when each node sees all of them: one after the other gets
// there.
func (d *Deployment) agreed(size int) error {
	for _, server := range d.Servers {
		info, err := server.command("CLUSTER", "INFO")
		if err != nil {
			return err
		}
		for _, want := range []string{"cluster_state:ok", fmt.Sprintf("cluster_known_nodes:%d", size)} {
			if !strings.Contains(info, want) {
				return fmt.Errorf("%s lacks %s", server.Addr(), want)
			}
		}
		nodes, err := server.command("CLUSTER", "NODES")
		if err != nil {
			return err
		}
		if strings.Contains(nodes, "fail") || strings.Contains(nodes, "disconnected") {
			return fmt.Errorf("%s does not see all nodes", server.Addr())
		}
	}
	return nil
}

// Wipe removes all data from all servers.
func (d *Deployment) Wipe(tb testing.TB) {
	tb.Helper()
	for _, server := range d.Servers {
		if strings.Contains(server.Command(tb, "INFO", "replication"), "role:master") {
			server.Command(tb, "FLUSHALL", "SYNC")
		}
	}
}

// Pause freezes everything: connections stay open and nothing answers.
func (d *Deployment) Pause(tb testing.TB) {
	tb.Helper()
	// Sentinels first, that they take none of it for a failure.
	for _, server := range append(d.Sentinels[:len(d.Sentinels):len(d.Sentinels)], d.Servers...) {
		server.Pause(tb)
	}
}

// Unpause lets everything go on, and returns when it works again.
func (d *Deployment) Unpause(tb testing.TB) {
	tb.Helper()
	for _, server := range append(d.Servers[:len(d.Servers):len(d.Servers)], d.Sentinels...) {
		server.Unpause(tb)
	}
	d.awaitSettled(tb)
}

// Stop ends everything in good order.
func (d *Deployment) Stop(tb testing.TB) {
	tb.Helper()
	for _, server := range append(d.Sentinels[:len(d.Sentinels):len(d.Sentinels)], d.Servers...) {
		server.Stop(tb)
	}
}

// Start starts everything that was stopped, with its data, and returns when it
// works again.
func (d *Deployment) Start(tb testing.TB) {
	tb.Helper()
	for _, server := range append(d.Servers[:len(d.Servers):len(d.Servers)], d.Sentinels...) {
		server.Start(tb)
	}
	d.awaitSettled(tb)
}

func (d *Deployment) awaitSettled(tb testing.TB) {
	tb.Helper()
	if d.settled != nil {
		wait.ForSuccess(tb, patience, "servers to work together", d.settled)
	}
}

func serverArguments(port int) []string {
	return []string{"redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--repl-diskless-sync-delay", "0", // a master waits 5 s for more replicas otherwise
	}
}
