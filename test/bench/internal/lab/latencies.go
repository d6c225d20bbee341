package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// Latencies are how long requests took that were sent at a constant rate, each from the
// time it was due, so that a stall of the server shows in all requests that waited. A
// process of their own sends them: what else the benchmark does with its clients must
// not look like a slow server.
type Latencies struct {
	process *exec.Cmd
	input   io.Closer     // the process stops when it is closed
	output  *bytes.Buffer // its report
	taken   []latency
}

type latency struct {
	Due  time.Time
	Took time.Duration
}

// load is what a process of Latencies is to send, and loadReport what came of it.
type (
	load struct {
		Address  string
		Requests []Request // in turn
		Rate     int       // a second
	}
	loadReport struct {
		Taken  []latency
		Failed []string
	}
)

// loadVariable holds the load of such a process, as JSON.
const loadVariable = "EDGE_PROXY_BENCH_LOAD"

// StartLatencies sends that many requests a second, in turn, until Stop.
func StartLatencies(address string, requests []Request, rate int) (*Latencies, error) {
	text, err := json.Marshal(load{address, requests, rate})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	l := &Latencies{process: exec.Command(self), output: &bytes.Buffer{}}
	l.process.Env = append(os.Environ(), loadVariable+"="+string(text))
	l.process.Stdout, l.process.Stderr = l.output, os.Stderr
	if l.input, err = l.process.StdinPipe(); err != nil {
		return nil, err
	}
	return l, l.process.Start()
}

// Stop ends the load. The error says why requests failed.
func (l *Latencies) Stop() error {
	err := errors.Join(l.input.Close(), l.process.Wait())
	var report loadReport
	if err == nil {
		err = json.Unmarshal(l.output.Bytes(), &report)
	}
	if err != nil {
		return fmt.Errorf("the process that sends requests: %w", err)
	}
	l.taken = report.Taken
	if len(report.Failed) > 0 {
		return fmt.Errorf("%d requests failed: %s", len(report.Failed), report.Failed[0])
	}
	return nil
}

// sendLoad is what a process of Latencies does: it sends the load until its standard
// input ends, and reports.
func sendLoad(text string, input io.Reader, output io.Writer) error {
	s := sending{client: &http.Client{
		// Shorter than the proxy's 5 s: a POST on a connection that is just being closed
		// fails and may not be sent again.
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 3 * time.Second},
		Timeout:   30 * time.Second,
	}}
	if err := json.Unmarshal([]byte(text), &s.load); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, input)
		stop()
	}()
	s.run(ctx)
	return json.NewEncoder(output).Encode(s.report)
}

// sending sends load.
type sending struct {
	load
	client  *http.Client
	running sync.WaitGroup

	mu     sync.Mutex
	report loadReport
}

// senders is the number of requests that can be in progress at a time.
const senders = 32

// run sends requests until ctx ends.
func (s *sending) run(ctx context.Context) {
	due := make(chan time.Time, s.Rate) // room for a second's requests
	s.running.Go(func() {
		defer close(due)
		began := time.Now()
		for n := 0; ctx.Err() == nil; n++ {
			at := began.Add(time.Duration(n) * time.Second / time.Duration(s.Rate))
			time.Sleep(time.Until(at))
			due <- at
		}
	})
	for sender := range senders {
		s.running.Go(func() {
			n := sender
			for at := range due {
				err := s.send(s.Requests[n%len(s.Requests)])
				n++
				took := time.Since(at)
				s.mu.Lock()
				s.report.Taken = append(s.report.Taken, latency{at, took})
				if err != nil {
					s.report.Failed = append(s.report.Failed, err.Error())
				}
				s.mu.Unlock()
			}
		})
	}
	s.running.Wait()
}

func (s *sending) send(r Request) error {
	var body io.Reader
	if len(r.Bodies) > 0 {
		body = strings.NewReader(r.Bodies[0])
	}
	request, err := http.NewRequest(r.Method, "http://"+s.Address+r.Target, body)
	if err != nil {
		return err
	}
	for _, h := range r.Header {
		request.Header.Set(h[0], h[1])
	}
	response, err := s.client.Do(request)
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

// In sums up the requests that were due within a window. It is called after Stop.
func (l *Latencies) In(w Window) Summary {
	var took []time.Duration
	for _, t := range l.taken {
		if w.has(t.Due) {
			took = append(took, t.Took)
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
