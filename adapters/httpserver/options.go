package httpserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Options configures a Server. A time-out of zero never ends.
type Options struct {
	// Host is the address or name to listen on, "" for all addresses.
	Host string
	// Port is the TCP port to listen on. With 0 the system chooses one.
	Port int
	// TLS says how TLS is spoken on Port. Nil means that it is not.
	TLS *TLS
	// PlainPort is a further port, without TLS. Nil means none.
	PlainPort *int
	// UnixSocket is the path of a Unix socket on which the server listens too, without
	// TLS. The owner of the process and its group may connect. "" means none.
	UnixSocket string
	// ProxyProtocolFrom reports whether a peer may begin its TCP connections with a
	// header of the PROXY protocol, which names the client. The header must arrive
	// within ReadHeaderTimeout. Without a header the peer is the client. A header of
	// any other peer is an invalid request. The function is called for each connection
	// and must be safe for concurrent use. Nil means that no peer may.
	ProxyProtocolFrom func(peer netip.Addr) bool
	// ReadHeaderTimeout is the time in which the head of a request must arrive,
	// ReadTimeout the time for the whole request, body included. WriteTimeout is the
	// time in which a client must take an answer. None of them applies to a
	// connection that a handler takes over. A TLS handshake must end within
	// ReadHeaderTimeout.
	ReadHeaderTimeout, ReadTimeout, WriteTimeout time.Duration
	// KeepAliveTimeout is how long an idle connection stays open.
	KeepAliveTimeout time.Duration
	// MaxHeaderBytes limits the request line and the headers of a request. Zero
	// means net/http's default, 1 MiB.
	MaxHeaderBytes int
	// MaxConnections limits the connections that are open at a time, those included that
	// handlers took over. One of HTTP/2, which takes more memory, applies as four, and
	// each request under way on it but the first as one more. Zero means what the limit
	// of open files allows. Further requests go to OverLimit.
	MaxConnections int
	// OverLimit answers a request beyond MaxConnections, in place of the handler. That of
	// HTTP/1.1 is the last one on its connection. It should answer probes and refuse everything else. Nil refuses
	// everything, with 503.
	OverLimit http.Handler
	// Memory bounds the bytes of requests that are being received. Nil means that
	// nothing bounds them.
	Memory Memory
	// NoFastPath leaves every request to net/http.
	NoFastPath bool
	// OnDrain is called by Drain, with true, and by Undrain, with false. It has what
	// never ends on its own, such as streams, end soon. It must not wait. It may be nil.
	OnDrain func(on bool)
	// OnShutdown is called when Shutdown begins. It ends what would never end on its
	// own, such as streams on connections that were taken over. Shutdown waits for
	// it. It may be nil.
	OnShutdown func()
	// Logger receives the errors of the server, such as connections it could not
	// accept. With nil they are dropped.
	Logger *slog.Logger
	// Listen opens a port. Nil means that of a net.ListenConfig.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
}

// Memory bounds the use of memory. It must be safe for concurrent use.
type Memory interface {
	// Reserve reserves n bytes. It reports false, and reserves nothing, when there are
	// not enough.
	Reserve(n int64) bool
	// Release releases n bytes that were reserved.
	Release(n int64)
}

// unlimited is a Memory without a bound.
type unlimited struct{}

// Reserve implements Memory.
func (unlimited) Reserve(int64) bool { return true }

// Release implements Memory.
func (unlimited) Release(int64) {}
