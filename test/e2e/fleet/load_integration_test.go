//go:build integration

package fleet_test

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// load asks every node for flags, identities and its readiness, at an even pace,
// and keeps how long the answers took.
type load struct {
	fleet *fleet
	stop  chan struct{}
	asks  sync.WaitGroup

	mu      sync.Mutex
	samples []sample
	failed  []string
}

type sample struct {
	at   time.Time
	node int
	took time.Duration
}

// pace is the time between two requests to one node.
const pace = 8 * time.Millisecond

func (f *fleet) load() *load {
	l := &load{fleet: f, stop: make(chan struct{})}
	for node := range f.nodes {
		l.asks.Go(func() {
			tick := time.NewTicker(pace)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				case <-tick.C:
					l.ask(node, n)
				}
			}
		})
	}
	return l
}

func (l *load) ask(node, n int) {
	url, key := l.fleet.nodes[node].URL, l.fleet.keys[n%len(l.fleet.keys)]
	began := time.Now()
	var status int
	var body []byte
	var err error
	switch n % 3 {
	case 0:
		status, body, err = l.fleet.client.Flags(url, key)
	case 1:
		status, body, err = l.fleet.client.Identity(url, key, fmt.Sprint("user-", n%100))
	default:
		status, body, err = l.fleet.client.Get(url, "/proxy/health/readiness", "")
	}
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = append(l.samples, sample{began, node, took})
	if err != nil || status != 200 {
		l.failed = append(l.failed, fmt.Sprintf("node %d: %v, status %d: %.200s", node, err, status, body))
	}
}

// end ends the load and returns what failed.
func (l *load) end() []string {
	close(l.stop)
	l.asks.Wait()
	return l.failed
}

// percentiles returns the median, the 99th percentile and the longest of the
// answers of a node, -1 for all, to requests sent in a time.
func (l *load) percentiles(node int, from, to time.Time) (median, high, longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var took []time.Duration
	for _, s := range l.samples {
		if (node < 0 || s.node == node) && !s.at.Before(from) && s.at.Before(to) {
			took = append(took, s.took)
		}
	}
	if len(took) == 0 {
		return 0, 0, 0
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
}
