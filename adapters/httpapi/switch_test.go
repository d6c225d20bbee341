package httpapi_test

import (
	"bufio"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

func TestReplacedAPI(t *testing.T) {
	handler := httpapi.NewSwitch(newAPI(t, nil))
	post := func(body string) int { return ask(handler, http.MethodPost, "/proxy/webhook", body).Code }
	allowed := func() string {
		return ask(handler, http.MethodGet, "/api/v1/flags/", "", clientHeader("Origin: https://app.example")...).Header().Get("Access-Control-Allow-Origin")
	}
	if got := post("{}"); got != http.StatusNotFound {
		t.Errorf("the webhook that is off answers %d", got)
	}
	if got := allowed(); got != "*" {
		t.Errorf("allowed origin %q", got)
	}
	handler.Replace(newAPI(t, func(o *httpapi.Options) {
		o.AllowOrigins = []string{"https://other.example"}
		o.Webhook = &httpapi.Webhook{Secret: func() string { return "secret" }, Refresh: func(*http.Request) {}}
	}))
	if got := post("{}"); got != http.StatusUnauthorized {
		t.Errorf("the webhook that is on answers a call without a signature %d", got)
	}
	if got := allowed(); got != "" {
		t.Errorf("allowed origin %q", got)
	}
}

// Streams outlive their API, and end with the Switch whichever they began with.
func TestStreamsOfReplacedAPIs(t *testing.T) {
	told := new(announcements)
	fresh := func() *httpapi.API {
		return newAPI(t, func(o *httpapi.Options) { o.Announcements = told })
	}
	var current *httpapi.Switch // made in the bubble of synctest, as its channels have to be
	handler := func(w http.ResponseWriter, r *http.Request) { current.ServeHTTP(w, r) }
	o := timeouts
	o.OnShutdown = func() { current.EndStreams() }
	inMemory(t, http.HandlerFunc(handler), o, func(t *testing.T, listener *memoryListener) {
		current = httpapi.NewSwitch(fresh())
		var streams []*bufio.Reader
		for range 2 {
			client, _ := listener.dial()
			_, events := openStream(t, client)
			streams = append(streams, events)
			current.Replace(fresh())
		}
		synctest.Wait()
		told.tell(time.UnixMicro(1767323045678901))
		for _, events := range streams {
			wantEvent(t, events, updatedEvent)
			go func() {
				if _, err := io.Copy(io.Discard, events); err != nil {
					t.Errorf("a stream ends with %v, want a clean end", err)
				}
			}()
		}
	})
}

func TestReplacingUnderLoad(t *testing.T) {
	handler := httpapi.NewSwitch(newAPI(t, nil))
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for range 500 {
				if w := ask(handler, http.MethodGet, "/api/v1/flags/", "", clientHeader()...); w.Code != http.StatusOK {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	for range 20 {
		handler.Replace(newAPI(t, nil))
	}
	asking.Wait()
}
