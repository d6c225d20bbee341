package httpserver

import (
	"context"
	"net"
)

// port is an address on which a Server accepts connections.
type port struct {
	address  string
	unix     bool                            // address is the path of a Unix socket
	secure   *TLS                            // nil: without TLS
	wrap     func(net.Listener) net.Listener // nil: connections are as they are accepted
	listener net.Listener                    // nil until open, and after close
}

// open opens the port.
func (p *port) open(ctx context.Context, listen func(ctx context.Context, network, address string) (net.Listener, error)) (err error) {
	if p.unix {
		p.listener, err = listenUnix(ctx, listen, p.address)
		return err
	}
	if p.listener, err = listen(ctx, "tcp", p.address); err == nil && p.wrap != nil {
		p.listener = p.wrap(p.listener)
	}
	return err
}

// close closes the port, if it is open.
func (p *port) close() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// name returns the address of an open TCP port, with the host as it was configured.
func (p *port) name() string {
	name := p.listener.Addr().String()
	if host, _, _ := net.SplitHostPort(p.address); host == "0.0.0.0" {
		// The listener says [::], which takes both families.
		_, number, _ := net.SplitHostPort(name)
		name = net.JoinHostPort(host, number)
	}
	return name
}
