package httpserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// said is what a client sends, and how long it waits before that.
type said struct {
	after time.Duration
	text  string
}

// Connections end when they end with net/http, whichever time-outs there are and
// however slowly a client sends and reads.
func TestTimeoutsAreThoseOfNetHTTP(t *testing.T) {
	const (
		get  = "GET /tell HTTP/1.1\r\nHost: x\r\n\r\n"
		post = "POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
		s    = time.Second
	)
	long := fmt.Sprintf("POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 20_000)
	type client struct {
		reads time.Duration // how long it waits before it reads the next 30,000 bytes
		says  []said
	}
	clients := map[string]client{
		"silent":                  {0, nil},
		"late":                    {0, []said{{4 * s, get}}},
		"slow head":               {0, []said{{2 * s, get[:4]}, {2 * s, get[4:20]}, {2 * s, get[20:]}}},
		"slow head, later":        {0, []said{{0, get}, {6 * s, get[:4]}, {2 * s, get[4:20]}, {2 * s, get[20:]}}},
		"too slow head, later":    {0, []said{{0, get}, {6 * s, get[:4]}, {2 * s, get[4:20]}, {4 * s, get[20:]}}},
		"bytes of a head":         {0, []said{{0, "G"}, {s, "E"}, {s, "T"}, {s, " "}}},
		"bytes of a later head":   {0, []said{{0, get}, {s, "G"}, {2 * s, "E"}, {3 * s, "T"}, {3 * s, " "}}},
		"idle":                    {0, []said{{0, get}}},
		"not quite idle":          {0, []said{{0, get}, {3 * s, get}, {6 * s, get}, {6 * s, get}}},
		"not idle for long":       {0, slices.Repeat([]said{{3 * s, get}}, 12)},
		"two at once":             {0, []said{{0, get + get[:20]}, {4 * s, get[20:]}}},
		"two at once, the second": {0, []said{{0, get + get[:20]}}},
		"slow body":               {0, []said{{0, post + "abc"}, {4 * s, "def"}, {4 * s, "ghij"}}},
		"slow head and body":      {0, []said{{3 * s, post[:20]}, {s, post[20:]}, {4 * s, "abcdefghij"}}},
		"too slow body":           {0, []said{{0, post + "abc"}, {8 * s, "def"}, {8 * s, "ghij"}}},
		"too slow body, later":    {0, []said{{0, get}, {6 * s, post}, {4 * s, "abc"}, {4 * s, "def"}, {4 * s, "ghij"}}},
		"slow long body":          {0, []said{{0, long}, {4 * s, strings.Repeat("a", 10_000)}, {4 * s, strings.Repeat("b", 10_000)}}},
		"too slow long body":      {0, []said{{0, long}, {4 * s, strings.Repeat("a", 10_000)}, {7 * s, strings.Repeat("b", 10_000)}}},
		"slow odd head":           {0, []said{{2 * s, odd("/tell")[:20]}, {2 * s, odd("/tell")[20:]}}},
		"slow odd head, later":    {0, []said{{0, get}, {3 * s, "odd /tell"}, {4 * s, " HTTP/1.1\r\nHost: x\r\n\r\n"}}},
		"no HTTP":                 {0, []said{{0, "\x16\x03\x01\x02"}}},
		"other line ends":         {0, []said{{0, "GET /tell HTTP/1.1\nHost: x\n\n"}}},
		"slow in all":             {4 * s, []said{{3 * s, "GET /large"}, {s, " HTTP/1.1\r\nHost: x\r\n\r\n"}}},
		"slow reader":             {2 * s, []said{{0, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"}}},
		"slow reader, later":      {2 * s, []said{{0, get}, {6 * s, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"}}},
		"too slow reader":         {4 * s, []said{{0, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"}}},
		"too slow reader, later":  {4 * s, []said{{0, get}, {6 * s, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"}}},
	}
	for _, o := range []*http.Server{
		{},
		{ReadHeaderTimeout: 5 * s, ReadTimeout: 10 * s, WriteTimeout: 30 * s, IdleTimeout: 7 * s},
		{ReadHeaderTimeout: 5 * s},
		{ReadTimeout: 10 * s},
		{ReadTimeout: 10 * s, IdleTimeout: 5 * s},
		{WriteTimeout: 30 * s},
		{IdleTimeout: 5 * s},
		{ReadHeaderTimeout: 12 * s, ReadTimeout: 5 * s},
		{ReadHeaderTimeout: -1, ReadTimeout: 10 * s, WriteTimeout: -1, IdleTimeout: -1},
	} {
		of := func() *http.Server {
			return &http.Server{Handler: byPath, ReadHeaderTimeout: o.ReadHeaderTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, IdleTimeout: o.IdleTimeout}
		}
		for name, c := range clients {
			synctest.Test(t, func(t *testing.T) {
				p := newPairOf(t, of)
				want, wantEnd := converse(p.reference, c.says, c.reads)
				got, end := converse(p.ours, c.says, c.reads)
				if end != wantEnd {
					t.Errorf("%s, %v %v %v %v: ends after %v, with net/http %v", name, o.ReadHeaderTimeout, o.ReadTimeout, o.WriteTimeout, o.IdleTimeout, end, wantEnd)
				}
				// How much of an answer is there when it is cut off depends on buffers.
				if c.reads == 0 && got != want && plainly(got) != plainly(want) {
					t.Errorf("%s: answers %q, with net/http %q", name, abridged(got), abridged(want))
				}
			})
		}
	}
}

// converse lets a client talk for as long as the server does, an hour at most. It
// returns the answers, and how long that was.
func converse(l *conns, says []said, reads time.Duration) (answers string, took time.Duration) {
	client, from := dial(l)
	began := time.Now()
	var talking sync.WaitGroup
	talking.Go(func() {
		for _, say := range says {
			<-time.After(say.after)
			if _, err := io.WriteString(client, say.text); err != nil {
				return
			}
		}
	})
	defer talking.Wait()
	defer client.Close()
	stop := time.AfterFunc(time.Hour, func() { client.Close() })
	defer stop.Stop()
	var got bytes.Buffer
	for {
		<-time.After(reads)
		if _, err := io.CopyN(&got, from, 30_000); err != nil {
			return got.String(), time.Since(began)
		}
	}
}

// A connection is idle from when its handler says that it was done, or else from when the
// answer was sent; what one answer said does not hold for the next.
func TestIdleCountsFromTheAnswer(t *testing.T) {
	const get, late = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /late HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		says []said
		want time.Duration
	}{
		{[]said{{0, get}}, 5 * time.Second},
		{[]said{{0, late}}, 8 * time.Second},
		{[]said{{0, late}, {time.Second, get}}, 6 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := serveOn(t, httpserver.NewFront(&http.Server{IdleTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/late" {
					w.(interface{ Answered(time.Time) }).Answered(time.Now().Add(3 * time.Second))
				}
			})}))
			if _, took := converse(l, c.says, 0); took != c.want {
				t.Errorf("after %v the connection is open for %v, want %v", c.says, took, c.want)
			}
		})
	}
}
