package httpserver

import (
	"context"
	"net"
)

// port is an address on which a Server accepts connections.
type port struct {
	address  string
	secure   *TLS         // nil: without TLS
	listener net.Listener // nil until open, and after close
}

// open opens the port.
func (p *port) open(ctx context.Context, listen func(ctx context.Context, network, address string) (net.Listener, error)) (err error) {
	p.listener, err = listen(ctx, "tcp", p.address)
	return err
}

// close closes the port, if it is open.
func (p *port) close() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// name returns the address of the open port, with the host as it was configured.
func (p *port) name() string {
	name := p.listener.Addr().String()
	if host, _, _ := net.SplitHostPort(p.address); host == "0.0.0.0" {
		// The listener says [::], which takes both families.
		_, number, _ := net.SplitHostPort(name)
		name = net.JoinHostPort(host, number)
	}
	return name
}
