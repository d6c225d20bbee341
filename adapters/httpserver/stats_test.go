package httpserver_test

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// stats returns the counts that are not zero.
func (s *served) stats() httpserver.Stats {
	stats := s.Stats()
	none := func(_ string, n int64) bool { return n == 0 }
	maps.DeleteFunc(stats.Closed, none)
	maps.DeleteFunc(stats.HandedOver, none)
	return stats
}

// closed waits until the one connection has ended, and checks why.
func (s *served) closed(t *testing.T, reason string) {
	t.Helper()
	wait.Until(t, 20*time.Second, "the connection ends", func() bool {
		got := s.Stats()
		return got.Accepted > 0 && got.Open == 0
	})
	if got := s.stats(); got.Accepted != 1 || !maps.Equal(got.Closed, map[string]int64{reason: 1}) {
		t.Errorf("%+v, want one connection that ended for %q", got, reason)
	}
}

func TestWhyConnectionsEnd(t *testing.T) {
	statuses := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/closing-error":
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/panic":
			panic(http.ErrAbortHandler)
		}
	})
	plain := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	for name, c := range map[string]struct {
		send      string
		stays     bool // the client does not end its side
		options   httpserver.Options
		drained   bool
		ended     string
		otherwise string // with net/http; "" is the same
	}{
		"the client leaves":                {send: plain("/"), ended: "peer"},
		"the client leaves after an error": {send: plain("/missing"), ended: "peer"},
		"the client says nothing":          {stays: true, options: httpserver.Options{ReadHeaderTimeout: 10 * time.Millisecond}, ended: "timeout"},
		"nothing further comes":            {send: plain("/"), stays: true, options: httpserver.Options{KeepAliveTimeout: 10 * time.Millisecond}, ended: "idle"},
		"half a request":                   {send: "GET / HT", stays: true, options: httpserver.Options{ReadHeaderTimeout: 10 * time.Millisecond}, ended: "timeout"},
		"the client asks for the end":      {send: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", stays: true, ended: "peer"},
		"an older version":                 {send: "GET / HTTP/1.0\r\n\r\n", stays: true, ended: "peer"},
		"not HTTP":                         {send: "\x16\x03\x01 no request\r\n\r\n", stays: true, ended: "error"},
		"an error that closes":             {send: plain("/closing-error"), stays: true, ended: "error"},
		"a handler that gives up":          {send: plain("/panic"), stays: true, ended: "error", otherwise: "peer"},
		"a head that is too large":         {send: "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 20<<10) + "\r\n\r\n", stays: true, options: httpserver.Options{MaxHeaderBytes: 1 << 10}, ended: "error"},
		"a draining server":                {send: plain("/"), stays: true, drained: true, ended: "drain"},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, without := range map[string]bool{"fast path": false, "net/http": true} {
				t.Run(mode, func(t *testing.T) {
					t.Parallel()
					o := c.options
					o.NoFastPath = without
					s := start(t, statuses, o)
					if c.drained {
						s.Drain()
					}
					conn, from := s.dial(t)
					if _, err := io.WriteString(conn, c.send); err != nil {
						t.Fatal(err)
					}
					if !c.stays {
						if _, err := http.ReadResponse(from, nil); err != nil {
							t.Fatal(err)
						}
						_ = conn.Close()
					}
					want := c.ended
					if without && c.otherwise != "" {
						want = c.otherwise
					}
					s.closed(t, want)
				})
			}
		})
	}
}

func TestConnectionsThatAreOpenAtShutdownAreDrained(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		s := start(t, http.NotFoundHandler(), o)
		conn, from := s.dial(t)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := http.ReadResponse(from, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.closed(t, "drain")
	})
}

func TestConnectionsBeyondTheLimitAreRefused(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		o.MaxConnections = 1
		s := start(t, http.NotFoundHandler(), o)
		s.dial(t)
		wait.Until(t, 20*time.Second, "the first connection", func() bool { return s.Stats().Open == 1 })
		conn, from := s.dial(t)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(from); err != nil {
			t.Fatal(err)
		}
		wait.Until(t, 20*time.Second, "the second one ends", func() bool { return s.stats().Closed["refused"] == 1 })
		if got := s.stats(); got.Accepted != 2 || got.Open != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestRequestsInProgressAreActive(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		inside, leave := make(chan bool), make(chan bool)
		s := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside <- true; <-leave }), o)
		conn, from := s.dial(t)
		if got := s.Stats().Active; got != 0 {
			t.Errorf("%d active requests without one", got)
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-inside
		if got := s.Stats(); got.Active != 1 || got.Open != 1 {
			t.Errorf("%+v, want one active request on one connection", got)
		}
		leave <- true
		if _, err := http.ReadResponse(from, nil); err != nil {
			t.Fatal(err)
		}
		wait.Until(t, 20*time.Second, "the request ends", func() bool { return s.Stats().Active == 0 })
	})
}

// A connection that a handler took over is open until it is closed, and has no active
// request.
func TestConnectionsThatAreTakenOver(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		taken := make(chan io.Closer)
		s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
			}
			taken <- c
		}), o)
		conn, _ := s.dial(t)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		c := <-taken
		wait.Until(t, 20*time.Second, "the handler returns", func() bool { return s.Stats().Active == 0 })
		if got := s.Stats().Open; got != 1 {
			t.Errorf("%d connections are open, want 1", got)
		}
		_ = c.Close()
		s.closed(t, "peer")
	})
}

func TestWhyRequestsLeaveTheFastPath(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	for reason, request := range map[string]string{
		"unusual":    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
		"large_head": "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", httpserver.MaxHead) + "\r\n\r\n",
		"large_body": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n",
		"incomplete": "GET / HTTP/1.1\r\nHo",
		"":           "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		s := start(t, echo, httpserver.Options{ReadHeaderTimeout: 50 * time.Millisecond, ReadTimeout: 100 * time.Millisecond})
		conn, _ := s.dial(t)
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{}
		if reason != "" {
			want[reason] = 1
		}
		wait.Until(t, 20*time.Second, reason, func() bool { return maps.Equal(s.stats().HandedOver, want) })
	}
	s := start(t, echo, httpserver.Options{NoFastPath: true})
	conn, _ := s.dial(t)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, 20*time.Second, "without the fast path", func() bool { return s.stats().HandedOver["fast_path_off"] == 1 })
}

func TestHeadsThatAreTooLargeAreCounted(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		o.MaxHeaderBytes = 1 << 10
		s := start(t, http.NotFoundHandler(), o)
		conn, from := s.dial(t)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("a", 20<<10)+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(from, nil)
		if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Fatal(response, err)
		}
		if got := s.Stats().HeadsTooLarge; got != 1 {
			t.Errorf("%d, want 1", got)
		}
	})
}
