package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Latencies sends requests at a constant rate and records how long each took from
// the time it was due, so that a stall of the server shows in all requests that
// waited.
type Latencies struct {
	address  string
	requests []Request
	client   *http.Client
	running  sync.WaitGroup

	mu     sync.Mutex
	taken  []latency
	failed []error
}

type latency struct {
	due  time.Time
	took time.Duration
}

// NewLatencies returns load that has not begun; the requests are sent in turn.
func NewLatencies(address string, requests []Request) *Latencies {
	// Shorter than the proxy's 5 s: a POST on a connection that is just being closed
	// fails and may not be sent again.
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 3 * time.Second}
	return &Latencies{address: address, requests: requests, client: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
}

// senders is the number of requests that can be in progress at a time.
const senders = 32

// Start sends that many requests a second until ctx ends.
func (l *Latencies) Start(ctx context.Context, rate int) {
	due := make(chan time.Time, rate) // room for a second's requests
	l.running.Go(func() {
		defer close(due)
		began := time.Now()
		for n := 0; ctx.Err() == nil; n++ {
			at := began.Add(time.Duration(n) * time.Second / time.Duration(rate))
			time.Sleep(time.Until(at))
			due <- at
		}
	})
	for sender := range senders {
		l.running.Go(func() {
			n := sender
			for at := range due {
				err := l.send(l.requests[n%len(l.requests)])
				n++
				took := time.Since(at)
				l.mu.Lock()
				l.taken = append(l.taken, latency{at, took})
				if err != nil {
					l.failed = append(l.failed, err)
				}
				l.mu.Unlock()
			}
		})
	}
}

func (l *Latencies) send(r Request) error {
	var body io.Reader
	if len(r.Bodies) > 0 {
		body = strings.NewReader(r.Bodies[0])
	}
	request, err := http.NewRequest(r.Method, "http://"+l.address+r.Target, body)
	if err != nil {
		return err
	}
	for _, h := range r.Header {
		request.Header.Set(h[0], h[1])
	}
	response, err := l.client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: the answer is %s", r.Method, r.Target, response.Status)
	}
	return err
}

// Wait waits for the end of what Start began and returns why requests failed.
func (l *Latencies) Wait() (failed []error) {
	l.running.Wait()
	l.client.CloseIdleConnections()
	return l.failed
}

// Window is a set of spans of time.
type Window struct{ spans [][2]time.Time }

// Add adds a span.
func (w *Window) Add(from, to time.Time) { w.spans = append(w.spans, [2]time.Time{from, to}) }

func (w Window) has(t time.Time) bool {
	return slices.ContainsFunc(w.spans, func(s [2]time.Time) bool { return !t.Before(s[0]) && t.Before(s[1]) })
}

// Summary sums up latencies.
type Summary struct {
	Count    int
	P50, P99 time.Duration
}

// In sums up the requests that were due within a window. It is called after Wait.
func (l *Latencies) In(w Window) Summary {
	var took []time.Duration
	for _, t := range l.taken {
		if w.has(t.due) {
			took = append(took, t.took)
		}
	}
	if len(took) == 0 {
		return Summary{}
	}
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[min(len(took)-1, int(share*float64(len(took))))].Round(time.Microsecond)
	}
	return Summary{len(took), at(0.50), at(0.99)}
}
