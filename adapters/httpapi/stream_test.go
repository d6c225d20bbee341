package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/domain"
)

// announcements are an app.Announcements that a test makes.
type announcements struct {
	mu        sync.Mutex
	listeners map[chan time.Time]domain.EnvironmentKey
}

func (a *announcements) Listen(key domain.EnvironmentKey) (<-chan time.Time, func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := make(chan time.Time, 1)
	if a.listeners == nil {
		a.listeners = map[chan time.Time]domain.EnvironmentKey{}
	}
	a.listeners[c] = key
	return c, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, c)
	}
}

func (a *announcements) tell(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.listeners {
		select {
		case <-c:
		default:
		}
		c <- at
	}
}

// end announces that the environment is no longer served.
func (a *announcements) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.listeners {
		close(c)
		delete(a.listeners, c)
	}
}

const streamPath = "/sse/environments/" + clientKey + "/stream"

// openStream asks for a stream and returns the answer and what comes.
func openStream(t *testing.T, client net.Conn) (*http.Response, *bufio.Reader) {
	t.Helper()
	fmt.Fprintf(client, "GET %s HTTP/1.1\r\nHost: proxy\r\nOrigin: https://app.example\r\n\r\n", streamPath)
	answer, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		t.Fatal(err)
	}
	events := bufio.NewReader(answer.Body)
	wantEvent(t, events, ": connected\n\n")
	return answer, events
}

// wantEvent checks what comes next.
func wantEvent(t *testing.T, events io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(events, got); err != nil || string(got) != want {
		t.Fatalf("%q came, %v, want %q", got[:n], err, want)
	}
}

const updatedEvent = "event: environment_updated\ndata: {\"updated_at\": 1767323045.678901}\n\n"

// A stream is opened, gets its events, is logged when it ends, and ends with its
// environment or with the server, whichever is first.
func TestStreams(t *testing.T) {
	for _, first := range []string{"environment", "server"} {
		on(t, timeouts, func(t *testing.T, o httpserver.Options) {
			var api *httpapi.API // made in the bubble of synctest, as its channels have to be
			handler := func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(w, r) }
			inMemory(t, http.HandlerFunc(handler), o, func(t *testing.T, listener *memoryListener) {
				told, records := new(announcements), make(chan httpapi.AccessRecord, 1)
				api = newAPI(t, func(o *httpapi.Options) {
					o.Announcements, o.Access = told, func(r httpapi.AccessRecord) { records <- r }
				})
				client, _ := listener.dial()
				defer client.Close()
				answer, events := openStream(t, client)
				if h := answer.Header; answer.StatusCode != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("%d %v", answer.StatusCode, h)
				}
				synctest.Wait()
				told.tell(time.UnixMicro(1767323045678901))
				wantEvent(t, events, updatedEvent)
				wantEvent(t, events, ": heartbeat\n\n")
				select {
				case r := <-records:
					t.Fatalf("logged while it goes on: %+v", r)
				default:
				}
				if first == "environment" {
					told.end()
				} else {
					go api.EndStreams()
				}
				if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
					t.Errorf("%q and %v, want a clean end", rest, err)
				}
				r := <-records
				const sent = len(": connected\n\n" + updatedEvent + ": heartbeat\n\n")
				if r.Path != streamPath || r.Method != http.MethodGet || r.Status != http.StatusOK || r.Duration != 20*time.Second || r.Bytes != int64(sent) {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

func TestStreamsAreForKnownClientSideKeys(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) { o.Announcements = new(announcements) })
	for path, want := range map[string]int{
		"/sse/environments/nope/stream":              http.StatusNotFound,
		"/sse/environments/" + serverKey + "/stream": http.StatusNotFound,
		"/sse/environments/" + clientKey:             http.StatusNotFound,
	} {
		if got := serve(api, request(http.MethodGet, path, "")).Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if got := serve(api, request(http.MethodHead, streamPath, "")); got.Code != http.StatusOK || got.Body.Len() != 0 {
		t.Errorf("HEAD: %d %q", got.Code, got.Body)
	}
	if got := serve(api, request(http.MethodPost, streamPath, "")).Code; got != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got)
	}
	if got := serve(newAPI(t, nil), request(http.MethodGet, streamPath, "")).Code; got != http.StatusNotFound {
		t.Errorf("without announcements: %d", got)
	}
}
