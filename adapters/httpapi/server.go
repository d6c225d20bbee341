package httpapi

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
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/http1"
)

var headerClose = []string{"close"}

// ServerOptions configures a Server. A time-out of zero is none.
type ServerOptions struct {
	Host string // address or name to listen on, "" for all addresses
	Port int    // 0: the system chooses
	// ReadHeaderTimeout and ReadTimeout end a request that comes too slowly, its
	// body included in the second. WriteTimeout ends an answer that is taken too
	// slowly; none of them is left on a connection that a handler takes over.
	ReadHeaderTimeout, ReadTimeout, WriteTimeout time.Duration
	// KeepAliveTimeout closes a connection on which nothing was asked for so long.
	KeepAliveTimeout time.Duration
	// MaxHeaderBytes limits a request's line and headers. Zero: net/http's
	// default, 1 MiB.
	MaxHeaderBytes int
	// OnShutdown is called when Shutdown begins, to end what would never end by
	// itself. Shutdown waits for it. May be nil.
	OnShutdown func()
	// Logger gets what the server reports, such as connections it could not accept.
	// Nil: nothing is logged.
	Logger *slog.Logger
}

// Server serves a handler on a TCP port. Listen, Serve and Shutdown are called
// once each, in this order; Drain may be called at any time. What handlers must know
// is told at http1.Server.
type Server struct {
	server   *http1.Server
	handler  http.Handler
	address  string
	listener net.Listener
	draining atomic.Bool

	onShutdown func()
}

// NewServer returns a Server that has not yet opened its port.
func NewServer(h http.Handler, o ServerOptions) *Server {
	s := &Server{handler: h, address: net.JoinHostPort(o.Host, strconv.Itoa(o.Port))}
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s.server = http1.New(&http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: o.ReadHeaderTimeout,
		ReadTimeout:       o.ReadTimeout,
		WriteTimeout:      o.WriteTimeout,
		IdleTimeout:       o.KeepAliveTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		ErrorLog:          log.New(errorLog{logger}, "", 0),
		// "OPTIONS *" is answered like everything else.
		DisableGeneralOptionsHandler: true,
	})
	if s.onShutdown = o.OnShutdown; s.onShutdown == nil {
		s.onShutdown = func() {}
	}
	return s
}

// Listen opens the port and returns the address it is reached at. From then on
// connections are taken, to be answered once Serve runs.
func (s *Server) Listen(ctx context.Context) (addr string, err error) {
	var config net.ListenConfig
	s.listener, err = config.Listen(ctx, "tcp", s.address)
	if err != nil {
		return "", fmt.Errorf("httpapi: %w", err)
	}
	return s.listener.Addr().String(), nil
}

// Serve answers requests until Shutdown, when it returns nil at once, or until
// the port fails.
func (s *Server) Serve() error {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("httpapi: %w", err)
	}
	return nil
}

// Drain makes every further answer the last one on its connection, so that
// clients reconnect elsewhere. New connections are still taken.
func (s *Server) Drain() { s.draining.Store(true) }

// Shutdown closes the port and the idle connections and waits for the requests in
// flight to be answered. When ctx ends first they are cut off and its error is
// returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	var ending sync.WaitGroup
	ending.Go(s.onShutdown)
	err := s.server.Shutdown(ctx)
	ending.Wait()
	if err != nil {
		err = errors.Join(fmt.Errorf("httpapi: requests cut off: %w", err), s.server.Close())
	}
	return err
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		w.Header()["Connection"] = headerClose
	}
	s.handler.ServeHTTP(w, r)
}

// errorLog takes the lines that the server logs.
type errorLog struct{ logger *slog.Logger }

func (l errorLog) Write(line []byte) (int, error) {
	l.logger.Warn("http server", "error", redact(strings.TrimSpace(string(line))))
	return len(line), nil
}
