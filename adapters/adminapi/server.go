package adminapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// maxConnections is how many connections are answered at one time. Further ones wait.
	maxConnections = 128
	// shutdownTime is how long requests in progress may take when the server stops.
	shutdownTime = time.Second
)

// Server is the admin listener. It is opened before the proxy serves anything, so that
// a port that is taken ends the start, and answers until Close, so that it can be asked
// about a shutdown too.
type Server struct {
	listener net.Listener
	server   *http.Server
	stop     context.CancelFunc
	serving  sync.WaitGroup
}

// Listen opens the port. secure is how it speaks TLS, nil for plain HTTP. The error says
// what is wrong with the address.
func Listen(ctx context.Context, host string, port int, secure *tls.Config, logger *slog.Logger) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("admin listener: %w", err)
	}
	requests, stop := context.WithCancel(context.WithoutCancel(ctx))
	listener = netutil.LimitListener(listener, maxConnections)
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	return &Server{listener: listener, stop: stop, server: &http.Server{
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(errorLog{logger}, "", 0),
		BaseContext: func(net.Listener) context.Context { return requests },
	}}, nil
}

// Address returns the address that the server listens on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Loopback reports whether the address is a loopback address.
func (s *Server) Loopback() bool {
	address, ok := s.listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// Serve answers requests with h until Close. It returns at once and is called once.
func (s *Server) Serve(h http.Handler) {
	s.server.Handler = h
	s.serving.Go(func() { _ = s.server.Serve(s.listener) })
}

// Close closes the port, ends the streams of events, and waits for a short time until
// the other requests in progress are answered.
func (s *Server) Close() {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
	_ = s.listener.Close() // in case that Serve was not called
	s.serving.Wait()
}

// errorLog is the writer behind net/http's error log, with the secrets masked.
type errorLog struct{ logger *slog.Logger }

// Write implements io.Writer.
func (l errorLog) Write(line []byte) (int, error) {
	l.logger.Debug("admin_http_error", "error", domain.RedactServerKeys(strings.TrimSpace(string(line))))
	return len(line), nil
}
