package redis_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/redis"
	"github.com/edge-proxy/edge-proxy/ports"
)

// fakeServer speaks the Redis protocol as far as a test scripts it.
type fakeServer struct {
	listener net.Listener
	answer   func(c *fakeConn, command []string)
	done     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// fakeConn is one client's connection.
type fakeConn struct{ net.Conn }

func (c *fakeConn) say(format string, args ...any) { _, _ = fmt.Fprintf(c, format, args...) }

// serve starts a server that has answer answer each command. It greets clients by
// itself unless answer is given greetings too.
func serve(tb testing.TB, answer func(c *fakeConn, command []string)) *fakeServer {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &fakeServer{listener: listener, answer: answer, conns: make(map[net.Conn]struct{})}
	s.done.Go(s.accept)
	tb.Cleanup(func() {
		_ = listener.Close()
		s.dropAll()
		s.done.Wait()
	})
	return s
}

func (s *fakeServer) url() string { return "redis://" + s.listener.Addr().String() }

func (s *fakeServer) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *fakeServer) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.done.Go(func() {
			defer func() { _ = c.Close() }()
			r := bufio.NewReader(c)
			for {
				command, err := readCommand(r)
				if err != nil {
					return
				}
				s.answer(&fakeConn{c}, command)
			}
		})
	}
}

// greeted answers greetings and leaves all other commands to next.
func greeted(next func(c *fakeConn, command []string)) func(c *fakeConn, command []string) {
	return func(c *fakeConn, command []string) {
		if command[0] == "hello" {
			c.say("*0\r\n")
			return
		}
		next(c, command)
	}
}

func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readNumber(r, '*')
	if err != nil {
		return nil, err
	}
	command := make([]string, n)
	for i := range command {
		size, err := readNumber(r, '$')
		if err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, err
		}
		command[i] = string(text[:size])
	}
	command[0] = strings.ToLower(command[0])
	return command, nil
}

func readNumber(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("%q, want a %c", line, kind)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

// silent answers nothing.
func silent(*fakeConn, []string) {}

func deps() ports.StoreDeps {
	return ports.StoreDeps{
		Now:      time.Now,
		Logger:   slog.New(slog.DiscardHandler),
		Prefix:   "edge-proxy",
		ReadFile: os.ReadFile,
	}
}

func openURL(tb testing.TB, text string, d ports.StoreDeps) ports.Store {
	tb.Helper()
	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := redis.Open(tb.Context(), u, d)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}
