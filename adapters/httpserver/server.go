package httpserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Server serves a handler on a TCP port, with or without TLS, on a further one without
// it, and on a Unix socket. Call Listen, Serve and Shutdown once each, in this order. Drain may be
// called at any time.
//
// For handlers the following holds beyond what http.Handler says:
//
//   - The request, its headers and its URL are reused. A handler must neither change
//     them nor keep them after it has returned. It may keep strings taken from them.
//   - The context of a request ends when Shutdown gives up waiting. It may not end
//     when the client goes away.
//   - An answer that declares its length is sent as it is written. Any other answer
//     may be collected, and is then sent with its length when the handler returns.
//     Trailers are not supported.
//   - A handler can take the connection over, by http.Hijacker. With HTTP/2, which
//     shares a connection between requests, it cannot; it can flush what it writes.
type Server struct {
	front    *front
	handler  http.Handler
	ports    []*port
	listen   func(ctx context.Context, network, address string) (net.Listener, error)
	logger   *slog.Logger
	draining atomic.Bool
	slots    *slots

	overLimit http.Handler

	onDrain    func(on bool)
	onShutdown func()
}

// New returns a Server for h. It does not open the ports.
func New(h http.Handler, o Options) *Server {
	s := &Server{
		handler: h, ports: []*port{{address: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), secure: o.TLS}},
		listen: o.Listen, logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), onDrain: o.OnDrain, onShutdown: o.OnShutdown, overLimit: o.OverLimit,
	}
	if o.PlainPort != nil {
		s.ports = append(s.ports, &port{address: net.JoinHostPort(o.Host, strconv.Itoa(*o.PlainPort))})
	}
	if o.UnixSocket != "" {
		s.ports = append(s.ports, &port{address: o.UnixSocket, unix: true})
	}
	if o.ProxyProtocolFrom != nil {
		for _, p := range s.ports {
			p.wrap = func(l net.Listener) net.Listener { return newProxied(l, o.ProxyProtocolFrom, o.ReadHeaderTimeout) }
		}
	}
	if s.overLimit == nil {
		s.overLimit = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "too many connections", http.StatusServiceUnavailable)
		})
	}
	if s.listen == nil {
		s.listen = new(net.ListenConfig).Listen
	}
	if s.onDrain == nil {
		s.onDrain = func(bool) {}
	}
	if s.onShutdown == nil {
		s.onShutdown = func() {}
	}
	rest := &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		Protocols:         protocols(),
		HTTP2:             limitsOfHTTP2(o.WriteTimeout),
		ReadHeaderTimeout: o.ReadHeaderTimeout,
		ReadTimeout:       o.ReadTimeout,
		WriteTimeout:      o.WriteTimeout,
		IdleTimeout:       o.KeepAliveTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		ErrorLog:          log.New(errorLog{s.logger}, "", 0),
		// The handler answers "OPTIONS *" like every other request.
		DisableGeneralOptionsHandler: true,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return slotOf(c).shared(ctx)
		},
	}
	s.front = newFront(rest)
	s.front.noFastPath = o.NoFastPath
	s.slots = s.front.slots
	s.slots.logger, s.slots.draining = s.logger, &s.draining
	if most := maxConnections(o.MaxConnections); most > 0 {
		s.slots.max = most
	}
	if o.Memory != nil {
		s.front.memory = o.Memory
	}
	rest.Handler = s.slots.counters.counted(drained(rest.Handler))
	return s
}

// Listen opens the ports and returns the address of the first one. From then on the
// system accepts connections. They are answered once Serve runs. After an error no port
// is open.
func (s *Server) Listen(ctx context.Context) (addr string, err error) {
	for _, p := range s.ports {
		if err := p.open(ctx, s.listen); err != nil {
			for _, p := range s.ports {
				p.close()
			}
			return "", fmt.Errorf("http server: %w", err)
		}
	}
	for _, p := range s.ports[1:] {
		if p.unix {
			s.logger.InfoContext(ctx, "listening_on_unix_socket", "path", p.address)
			continue
		}
		s.logger.InfoContext(ctx, "listening_without_tls", "address", p.name())
	}
	return s.ports[0].name(), nil
}

// Serve answers requests until Shutdown is called, and returns nil at once then. It
// returns an error when a port fails.
func (s *Server) Serve() error {
	ended := make(chan error, len(s.ports))
	for _, p := range s.ports {
		go func() { ended <- s.front.serveOn(p.listener, p.secure) }() // until Shutdown at the latest
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http server: %w", err)
	}
	return nil
}

// Drain makes each further answer the last one on its connection, so that clients
// reconnect elsewhere. New connections are still accepted.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.onDrain(true)
}

// Undrain ends what Drain has begun: connections are kept again. It must not be called
// after Shutdown.
func (s *Server) Undrain() {
	s.draining.Store(false)
	s.onDrain(false)
}

// Shutdown closes the ports and the idle connections, and waits until the requests
// under way are answered. When ctx ends first it cuts them off and returns an error
// that wraps the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	var ending sync.WaitGroup
	ending.Go(s.onShutdown)
	err := s.front.Shutdown(ctx)
	ending.Wait()
	if err != nil {
		err = errors.Join(fmt.Errorf("http server: requests cut off: %w", err), s.front.Close())
	}
	return err
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		w.Header()["Connection"] = headerClose
	}
	if s.slots.refuses(r.Context()) {
		w.Header()["Connection"] = headerClose
		s.overLimit.ServeHTTP(w, r)
		return
	}
	if r.ProtoMajor == 2 {
		s.serveShared(w, r)
		return
	}
	s.handler.ServeHTTP(w, r)
}

// maxConnections returns the limit of connections: what is configured or, for zero, what
// the limit of open files leaves when the rest of the process has its own. It returns 0
// without a limit.
func maxConnections(configured int) int {
	files := MaxOpenFiles()
	if configured > 0 || files == 0 {
		return configured
	}
	return max(files-extraSlots-min(files/8, 1024), 1)
}

// headerClose is the value of Connection in a last answer. It is read-only.
var headerClose = []string{"close"}

// errorLog is the writer behind net/http's error log. It passes each line on to a
// slog.Logger, with the secrets masked.
type errorLog struct{ logger *slog.Logger }

// Write implements io.Writer.
func (l errorLog) Write(line []byte) (int, error) {
	l.logger.Warn("http_server_warning", "error", domain.RedactServerKeys(strings.TrimSpace(string(line))))
	return len(line), nil
}
