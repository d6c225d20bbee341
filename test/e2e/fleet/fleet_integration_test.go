//go:build integration

package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	// second is the interval of polls, but for the test that says otherwise; the
	// lease is two of them, as by default.
	second = time.Second
	lease  = 2 * second
	// slack is what a busy machine may take on top.
	slack = 500 * time.Millisecond
	// patience is how long a test waits for what must come; only a failing test
	// waits that long.
	patience = 30 * time.Second
)

// hosts are the addresses at which the nodes find upstream.
func hosts() []string {
	return []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}
}

// fleet is an upstream, a Redis and nodes.
type fleet struct {
	*origin.Origin
	t          *testing.T
	client     *origin.Client
	deployment *rediscontainers.Deployment
	redis      *goredis.Client // reaches Redis by a way of its own
	url        *url.URL        // the nodes' way
	interval   time.Duration
	keys       []string
	base       time.Time
	revision   int
	padding    string
	nodes      []*harness.Proxy
}

// newFleet starts an upstream with a number of environments, and a Redis, but no node.
func newFleet(t *testing.T, environments int) *fleet {
	t.Helper()
	d := rediscontainers.Single(t)
	f := &fleet{
		Origin: origin.Start(t, hosts()...), t: t, client: origin.NewClient(t),
		deployment: d, url: d.URL, interval: second,
		redis: goredis.NewClient(&goredis.Options{Addr: d.Servers[0].Addr()}),
		base:  time.Now().Truncate(time.Second), padding: noise(20_000),
	}
	t.Cleanup(func() { _ = f.redis.Close() })
	for i := range environments {
		f.keys = append(f.keys, fmt.Sprintf("env-%d", i))
		f.change(f.keys[i])
	}
	return f
}

// noise returns a text that can hardly be compressed to less than three quarters.
func noise(length int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[rand.IntN(len(letters))]
	}
	return string(text)
}

// change makes upstream serve a new document, and returns its flag's value.
func (f *fleet) change(key string) string {
	f.t.Helper()
	f.revision++
	value := strconv.Itoa(f.revision)
	f.Serve(f.t, key, origin.Document(key, f.base.Add(time.Duration(f.revision)*time.Second), value, f.padding))
	return value
}

// add starts another node.
func (f *fleet) add(settings ...map[string]any) *harness.Proxy {
	f.t.Helper()
	config := f.Config(len(f.nodes), f.keys...)
	config["store"] = map[string]any{"url": f.url.String()}
	config["api_poll_frequency_seconds"] = f.interval.Seconds()
	for _, more := range settings {
		for name, value := range more {
			config[name] = value
		}
	}
	node := harness.StartProxy(f.t, harness.Setup{Config: config})
	f.nodes = append(f.nodes, node)
	return node
}

// start starts nodes one after the other, and returns when all are ready.
func (f *fleet) start(nodes int, settings ...map[string]any) {
	f.t.Helper()
	for range nodes {
		f.add(settings...)
	}
	for _, node := range f.nodes {
		node.WaitReady(f.t)
	}
}

// value returns what a node serves, "" for an error.
func (f *fleet) value(node int, key string) string {
	value, _ := f.client.Value(f.nodes[node].URL, key)
	return value
}

// awaitValue waits until a node serves a value.
func (f *fleet) awaitValue(node int, key, value string) {
	f.t.Helper()
	wait.Until(f.t, patience, fmt.Sprintf("node %d serves %s of %s", node, value, key), func() bool { return f.value(node, key) == value })
}

// poll is one request for a document.
type poll struct {
	at     time.Time
	key    string
	node   int
	status int
}

// polls returns the requests for documents that came from one moment to another, in
// order.
func (f *fleet) polls(from, to time.Time) []poll {
	f.t.Helper()
	var found []poll
	for _, r := range f.Requests("") {
		key, isDocument := strings.CutPrefix(string(r.Target), string(fakeflagsmith.DocumentOf("")))
		if !isDocument || r.Time.Before(from) || !r.Time.Before(to) {
			continue
		}
		found = append(found, poll{r.Time, key, f.nodeAt(r.Host), r.Status})
	}
	return found
}

// nodeAt returns which node uses a Host.
func (f *fleet) nodeAt(host string) int {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		f.t.Fatal(err)
	}
	for i, h := range hosts() {
		if h == name {
			return i
		}
	}
	f.t.Fatalf("nobody is to use the host %s", host)
	return -1
}

// leaders returns which node polled each environment last.
func (f *fleet) leaders() map[string]int {
	last := map[string]int{}
	for _, p := range f.polls(time.Time{}, time.Now()) {
		last[p.key] = p.node
	}
	return last
}

// led returns the environments that a node leads, and busiest the node with most.
func led(leaders map[string]int, node int) (keys []string) {
	for key, n := range leaders {
		if n == node {
			keys = append(keys, key)
		}
	}
	return keys
}

func (f *fleet) busiest(leaders map[string]int) (node int) {
	for n := range f.nodes {
		if len(led(leaders, n)) > len(led(leaders, node)) {
			node = n
		}
	}
	return node
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

// perInterval is how often an environment was polled in an interval, on average.
func (f *fleet) perInterval(polls int, window time.Duration) float64 {
	return float64(polls) / float64(len(f.keys)) / (float64(window) / float64(f.interval))
}

// info returns a number of Redis' INFO.
func (f *fleet) info(section, name string) int {
	f.t.Helper()
	text, err := f.redis.Info(f.t.Context(), section).Result()
	if err != nil {
		f.t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				f.t.Fatal(err)
			}
			return n
		}
	}
	f.t.Fatalf("INFO %s has no %s", section, name)
	return 0
}

// record returns a field of an environment's record in Redis, "" without one.
func (f *fleet) record(prefix, key, field string) string {
	value, err := f.redis.HGet(f.t.Context(), prefix+":{"+key+"}:record", field).Result()
	if err != nil && err != goredis.Nil {
		f.t.Fatal(err)
	}
	return value
}

// write writes a file that only this user can read.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
