package realtime_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// Hundreds of listeners get an event for each change, one that does not read keeps
// nobody waiting, and all streams end as they should when the proxy stops. What
// thousands cost, "make bench-listeners" measures.
func TestManyListeners(t *testing.T) {
	t.Parallel()
	const listeners = 300
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, environment(first, "old"))
	config["realtime_url"] = upstream.URL
	config["api_poll_frequency_seconds"] = 600
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()

	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	streams := make([]*bufio.Reader, listeners)
	var each sync.WaitGroup
	for i := range streams {
		each.Go(func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, proxy.URL+"/sse/environments/"+clientKey+"/stream", nil)
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := transport.RoundTrip(request)
			if err != nil {
				t.Error(err)
				return
			}
			context.AfterFunc(ctx, func() { _ = answer.Body.Close() })
			streams[i] = bufio.NewReader(answer.Body)
			if line, err := streams[i].ReadString('\n'); line != ": connected\n" {
				t.Errorf("a stream begins with %q, %v", line, err)
			}
		})
	}
	each.Wait()
	if t.Failed() {
		return
	}
	silent, err := net.Dial("tcp", proxy.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := io.WriteString(silent, "GET /sse/environments/"+clientKey+"/stream HTTP/1.1\r\nHost: proxy\r\n\r\n"); err != nil {
		t.Fatal(err)
	}

	awaitStream(ctx, t, upstream)
	if err := upstream.Client.PutEnvironment(ctx, environment(second, "new")); err != nil {
		t.Fatal(err)
	}
	if _, err := upstream.Client.Emit(ctx, clientKey, `{"updated_at": 1767323046.5}`); err != nil {
		t.Fatal(err)
	}
	for _, stream := range streams {
		each.Go(func() {
			for {
				line, err := stream.ReadString('\n')
				if err != nil {
					t.Error(err)
					return
				}
				if data, ok := strings.CutPrefix(line, "data: "); ok {
					if data != "{\"updated_at\": 1767323046.5}\n" {
						t.Errorf("told %q", data)
					}
					return
				}
			}
		})
	}
	each.Wait()

	proxy.Signal(t, syscall.SIGTERM)
	for _, stream := range streams {
		each.Go(func() {
			if _, err := io.Copy(io.Discard, stream); err != nil {
				t.Errorf("a stream ends with %v", err)
			}
		})
	}
	each.Wait()
	if code := proxy.Wait(t, 30*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A real-time server that does not answer is logged once, and polling continues.
func TestPollingGoesOnWithoutAStream(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, environment(first, "old"))
	config["realtime_url"] = upstream.URL + "/nothing-here"
	config["api_poll_frequency_seconds"] = 1
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	proxy.WaitEvent(t, 30*time.Second, "realtime_stream_failed")
	if err := upstream.Client.PutEnvironment(t.Context(), environment(second, "new")); err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(30 * time.Second)
	for !strings.Contains(get(t.Context(), t, proxy.URL+"/api/v1/flags/?feature=a"), `"new"`) {
		if time.Now().After(limit) {
			t.Fatal("the change did not arrive by polling")
		}
	}
	told := 0
	for _, e := range proxy.Events() {
		if e.Named("realtime_stream_failed") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the failure was logged %d times", told)
	}
}

// awaitStream waits for the proxy's own stream, which opens in its own time.
func awaitStream(ctx context.Context, t *testing.T, upstream *harness.Upstream) {
	t.Helper()
	for {
		n, err := upstream.Client.Listeners(ctx, clientKey)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
	}
}
