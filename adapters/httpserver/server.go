package httpserver

import (
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

// Server serves a handler on a TCP port. Call Listen, Serve and Shutdown once each,
// in this order. Drain may be called at any time.
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
//   - A handler can take the connection over, by http.Hijacker.
type Server struct {
	server   server
	handler  http.Handler
	address  string
	listen   func(ctx context.Context, network, address string) (net.Listener, error)
	listener net.Listener
	draining atomic.Bool
	slots    *slots // nil: connections are not limited

	overLimit http.Handler

	onShutdown func()
}

// server is what a Server leaves connections to: a front or a netHTTP. Its methods are
// those of an http.Server.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

// New returns a Server for h. It does not open the port.
func New(h http.Handler, o Options) *Server {
	s := &Server{
		handler: h, address: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)),
		listen: o.Listen, onShutdown: o.OnShutdown, overLimit: o.OverLimit,
	}
	if s.overLimit == nil {
		s.overLimit = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "too many connections", http.StatusServiceUnavailable)
		})
	}
	if s.listen == nil {
		s.listen = new(net.ListenConfig).Listen
	}
	if s.onShutdown == nil {
		s.onShutdown = func() {}
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	rest := &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: o.ReadHeaderTimeout,
		ReadTimeout:       o.ReadTimeout,
		WriteTimeout:      o.WriteTimeout,
		IdleTimeout:       o.KeepAliveTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		ErrorLog:          log.New(errorLog{logger}, "", 0),
		// The handler answers "OPTIONS *" like every other request.
		DisableGeneralOptionsHandler: true,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return c.(interface{ connSlot() *slot }).connSlot().context(ctx)
		},
	}
	if most := maxConnections(o.MaxConnections); most > 0 {
		s.slots = &slots{max: most, logger: logger}
	}
	if o.NoFastPath {
		s.server = &netHTTP{Server: rest, slots: s.slots}
	} else {
		fast := newFront(rest)
		fast.slots = s.slots
		if o.Memory != nil {
			fast.memory = o.Memory
		}
		s.server = fast
	}
	rest.Handler = drained(rest.Handler)
	return s
}

// Listen opens the port and returns its address. From then on the system accepts
// connections. They are answered once Serve runs.
func (s *Server) Listen(ctx context.Context) (addr string, err error) {
	s.listener, err = s.listen(ctx, "tcp", s.address)
	if err != nil {
		return "", fmt.Errorf("http server: %w", err)
	}
	addr = s.listener.Addr().String()
	if host, _, _ := net.SplitHostPort(s.address); host == "0.0.0.0" {
		// As it was configured: the listener says [::], which takes both families.
		_, port, _ := net.SplitHostPort(addr)
		addr = net.JoinHostPort(host, port)
	}
	return addr, nil
}

// Serve answers requests until Shutdown is called, and returns nil at once then. It
// returns an error when the port fails.
func (s *Server) Serve() error {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http server: %w", err)
	}
	return nil
}

// Drain makes each further answer the last one on its connection, so that clients
// reconnect elsewhere. New connections are still accepted.
func (s *Server) Drain() { s.draining.Store(true) }

// Undrain ends what Drain has begun: connections are kept again. It must not be called
// after Shutdown.
func (s *Server) Undrain() { s.draining.Store(false) }

// Shutdown closes the port and the idle connections, and waits until the requests
// under way are answered. When ctx ends first it cuts them off and returns an error
// that wraps the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	var ending sync.WaitGroup
	ending.Go(s.onShutdown)
	err := s.server.Shutdown(ctx)
	ending.Wait()
	if err != nil {
		err = errors.Join(fmt.Errorf("http server: requests cut off: %w", err), s.server.Close())
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
	s.handler.ServeHTTP(w, r)
}

// maxConnections returns the limit of connections: what is configured or, for zero, what
// the limit of open files leaves when the rest of the process has its own. It returns 0
// when there is no limit.
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
