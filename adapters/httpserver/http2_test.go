package httpserver_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// addressIn returns the address of the port without TLS that a log names.
func addressIn(t *testing.T, log string) string {
	t.Helper()
	found := regexp.MustCompile(`listening_without_tls address=(\S+)`).FindStringSubmatch(log)
	if found == nil {
		t.Fatalf("no address in %q", log)
	}
	return found[1]
}

// Requests that share a connection take places of connections, but for the first.
func TestConnectionLimitOfSharedConnections(t *testing.T) {
	const most = 5
	h := newWaiting()
	on(t, func(t *testing.T, o httpserver.Options) {
		o.MaxConnections = most
		o.OverLimit = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		s := start(t, h, o)
		client := clientOf(t, nil, "h2c")
		status := make(chan int, 100)
		ask := func() {
			response, err := client.Get("http://" + s.addr)
			if err != nil {
				t.Error(err)
				status <- 0
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			status <- response.StatusCode
		}
		for range 3 { // the places are given back
			for range most {
				go ask()
				<-h.asked
			}
			go ask()
			if got := <-status; got != http.StatusServiceUnavailable {
				t.Errorf("beyond the limit: %d", got)
			}
			for range most {
				h.leave <- true
			}
			for range most {
				if got := <-status; got != http.StatusOK {
					t.Errorf("within the limit: %d", got)
				}
			}
		}
	})
}

// A body that is larger than a handler takes ends its request and not the connection.
func TestRefusedBodyOfHTTP2(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		fmt.Fprint(w, r.RemoteAddr)
	})
	on(t, func(t *testing.T, o httpserver.Options) {
		s := start(t, h, o)
		client := clientOf(t, nil, "h2c")
		address := func(response *http.Response, err error) string {
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		first := address(client.Get("http://" + s.addr))
		refused := address(client.Post("http://"+s.addr, "text/plain", strings.NewReader(strings.Repeat("x", 10<<20))))
		if next := address(client.Get("http://" + s.addr)); refused != first || next != first {
			t.Errorf("on %s, then %s and %s", first, refused, next)
		}
	})
}
