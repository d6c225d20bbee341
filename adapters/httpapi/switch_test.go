package httpapi_test

import (
	"bufio"
	"context"
	"errors"
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
		o.Webhook = &httpapi.Webhook{Secret: func() string { return "secret" }, Refresh: func() {}}
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
	synctest.Test(t, func(t *testing.T) {
		told := new(announcements)
		fresh := func() *httpapi.API {
			return newAPI(t, func(o *httpapi.Options) { o.Announcements = told })
		}
		handler := httpapi.NewSwitch(fresh())
		listener := newPipes()
		server := &http.Server{Handler: handler}
		server.RegisterOnShutdown(handler.EndStreams)
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()

		first := listener.dial()
		old := openStream(t, first, streamPath)
		block(t, old)
		handler.Replace(fresh())
		second := listener.dial()
		events := openStream(t, second, streamPath)
		block(t, events)
		handler.Replace(fresh())

		synctest.Wait()
		told.tell(time.UnixMicro(1767323045678901))
		ended := make(chan error, 2)
		for _, stream := range []*bufio.Reader{old, events} {
			if got := block(t, stream); got != "event: environment_updated\ndata: {\"updated_at\": 1767323045.678901}\n" {
				t.Errorf("told %q", got)
			}
			go func() {
				_, err := io.Copy(io.Discard, stream)
				ended <- err
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutting down with streams open: %v", err)
		}
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("a stream ends with %v, want a clean end", err)
			}
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		_, _ = first.Close(), second.Close()
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
