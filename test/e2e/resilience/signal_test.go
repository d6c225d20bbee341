package resilience_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// startBinary starts a proxy that serves one environment of a fake upstream.
func startBinary(t *testing.T, server map[string]any) (*harness.Upstream, *harness.Proxy) {
	t.Helper()
	u := harness.StartUpstream(t)
	config := u.Serve(t, fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document(time.Now(), "first", 0)})
	config["api_poll_frequency_seconds"] = 0.5
	config["server"] = server
	p := harness.StartProxy(t, harness.Setup{Config: config})
	p.WaitReady(t)
	return u, p
}

// newClient returns a client with connections of its own, kept alive.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// ask sends a request for flags or, with a body, for those of an identity.
func ask(ctx context.Context, c *http.Client, base string, body io.Reader) (status int, closes bool, err error) {
	method, path := http.MethodGet, "/api/v1/flags/"
	if body != nil {
		method, path = http.MethodPost, "/api/v1/identities/"
	}
	request, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return 0, false, err
	}
	request.Header.Set("X-Environment-Key", clientKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.Do(request)
	if err != nil {
		return 0, false, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Contains(text, []byte(`"first"`)) {
		err = errors.New("an answer without the flag")
	}
	return answer.StatusCode, answer.Close, err
}

// outcome is what became of one request.
type outcome struct {
	began  time.Time
	status int
	closes bool
	err    error
}

func TestShutdownUnderLoad(t *testing.T) {
	const drain = 3 * time.Second
	u, p := startBinary(t, map[string]any{"drain_delay_seconds": drain.Seconds()})

	// Clients that never rest, until a quarter of the drain delay is over: what is on
	// its way when the listener closes may find it closed, and on a busy machine
	// that way is long.
	var load sync.WaitGroup
	enough := make(chan struct{})
	outcomes := make([][]outcome, 8)
	for i := range outcomes {
		client := newClient(t)
		load.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
				}
				var body io.Reader
				if i%2 == 1 {
					body = strings.NewReader(`{"identifier":"someone","traits":[{"trait_key":"plan","trait_value":"x"}]}`)
				}
				o := outcome{began: time.Now()}
				o.status, o.closes, o.err = ask(t.Context(), client, p.URL, body)
				outcomes[i] = append(outcomes[i], o)
				if o.err != nil {
					return
				}
			}
		})
	}
	// Two requests are under way when the signal comes: one ends within the
	// drain delay, one after it.
	short, long := newSlowRequest(t, p), newSlowRequest(t, p)
	wait.Until(t, patience, "polls under load", func() bool { return polls(t, u) >= 3 })

	signalled := time.Now()
	p.Signal(t, syscall.SIGTERM)
	p.WaitEvent(t, harness.StartTimeout, "shutting_down")
	told := time.Now()
	client := newClient(t)
	wait.Until(t, patience, "readiness turns 503", func() bool {
		answer, err := client.Get(p.URL + "/proxy/health/readiness")
		if err != nil {
			t.Fatalf("readiness: %v", err)
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusServiceUnavailable
	})
	if status, _, err := ask(t.Context(), client, p.URL, nil); status != http.StatusOK || err != nil {
		t.Errorf("an unready proxy answers %d, %v", status, err)
	}
	before := polls(t, u)
	if status, _ := short.finish(t); status != http.StatusOK {
		t.Errorf("the request under way was answered %d", status)
	}
	<-time.After(time.Until(signalled.Add(drain / 4)))
	close(enough)
	load.Wait()
	wait.Until(t, patience, "the listener closes", func() bool {
		_, _, err := ask(t.Context(), newClient(t), p.URL, nil)
		return err != nil
	})
	if open := time.Since(signalled); open < drain {
		t.Errorf("the listener was closed %v after the signal", open)
	}
	if status, closes := long.finish(t); status != http.StatusOK || !closes {
		t.Errorf("the request under way after the drain delay was answered %d, closing %t", status, closes)
	}
	if code := p.Wait(t, 15*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if after := polls(t, u); after > before {
		t.Errorf("%d polls after the shutdown began", after-before)
	}
	checkLoad(t, outcomes, told)
	p.WaitEvent(t, 0, "stopped")
}

// checkLoad looks at what became of the requests.
func checkLoad(t *testing.T, outcomes [][]outcome, told time.Time) {
	t.Helper()
	answered, draining, closing := 0, 0, 0
	for i, list := range outcomes {
		for _, o := range list {
			switch {
			case o.err != nil:
				t.Errorf("client %d: a request sent %v after the signal: %v", i, o.began.Sub(told), o.err)
			case o.status != http.StatusOK:
				t.Errorf("client %d: status %d", i, o.status)
			default:
				answered++
				if o.began.After(told) {
					draining++
					if o.closes {
						closing++
					}
				}
			}
		}
	}
	if answered < 100 || draining < 20 {
		t.Errorf("%d requests were answered, %d of them during the drain delay: that is not enough", answered, draining)
	}
	if closing != draining {
		t.Errorf("%d of %d answers during the drain delay did not say Connection: close", draining-closing, draining)
	}
}

// polls returns how often upstream was asked for documents.
func polls(t *testing.T, u *harness.Upstream) int {
	t.Helper()
	counters, err := u.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counters[fakeflagsmith.DocumentOf(clientKey)].Requests
}

// slowRequest is one whose body is still being sent.
type slowRequest struct {
	body *io.PipeWriter
	done chan outcome
}

func newSlowRequest(t *testing.T, p *harness.Proxy) *slowRequest {
	t.Helper()
	reader, writer := io.Pipe()
	r := &slowRequest{writer, make(chan outcome, 1)}
	client := newClient(t)
	go func() { // ends with the request, which its client's time-out ends
		var o outcome
		o.status, o.closes, o.err = ask(context.Background(), client, p.URL, reader)
		r.done <- o
	}()
	// Taken by the client, so that the request's head is on its way.
	if _, err := io.WriteString(writer, `{"identifier":`); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *slowRequest) finish(t *testing.T) (status int, closes bool) {
	t.Helper()
	if _, err := io.WriteString(r.body, `"someone"}`); err != nil {
		t.Errorf("the request under way: %v", err)
	}
	_ = r.body.Close()
	o := <-r.done
	if o.err != nil {
		t.Errorf("the request under way: %v", o.err)
	}
	return o.status, o.closes
}

// A second signal ends it at once, unless it comes within a second of the first and so
// is the same one, sent twice.
func TestASecondSignalEndsItAtOnce(t *testing.T) {
	t.Parallel()
	_, p := startBinary(t, map[string]any{"drain_delay_seconds": 60})
	p.Signal(t, syscall.SIGTERM)
	p.WaitEvent(t, harness.StartTimeout, "shutting_down")
	first := time.Now()
	wait.Until(t, patience, "more than a second after the first signal", func() bool { return time.Since(first) > 1100*time.Millisecond })
	second := time.Now()
	p.Signal(t, syscall.SIGTERM)
	if code := p.Wait(t, 15*time.Second); code == 0 {
		t.Error("exit code 0 for a shutdown that was cut short")
	}
	if took := time.Since(second); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestSIGINTStopsInOrder(t *testing.T) {
	t.Parallel()
	_, p := startBinary(t, map[string]any{"drain_delay_seconds": 0})
	p.Signal(t, syscall.SIGINT)
	if code := p.Wait(t, 15*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.WaitEvent(t, 0, "stopped")
}
