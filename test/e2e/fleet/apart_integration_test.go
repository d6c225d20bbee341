//go:build integration

package fleet_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Two fleets with prefixes of their own share a Redis: each has its own documents of
// the same environment, and its own poller. Their users may do nothing with the
// other's keys; the passwords are in files.
func TestPrefixesKeepFleetsApart(t *testing.T) {
	f := newFleet(t, 1)
	key := f.keys[0]
	server := f.deployment.Servers[0]
	var origins []*origin.Origin
	var nodes []*harness.Proxy
	for _, prefix := range []string{"one", "other"} {
		password := "secret-of-" + prefix
		server.Command(t, "ACL", "SETUSER", prefix, "on", ">"+password, "~"+prefix+":*", "&"+prefix+":changes",
			"-@all", "+hello", "+auth", "+ping", "+select", "+eval", "+evalsha", "+type", "+exists", "+unlink", "+pexpire", "+pttl", "+scan",
			"+hget", "+hmget", "+hset", "+get", "+set", "+publish", "+subscribe")
		file := filepath.Join(t.TempDir(), "password")
		write(t, file, password+"\n")
		way := *f.url
		way.User, way.RawQuery = url.User(prefix), url.Values{"password_file": {file}}.Encode()

		o := origin.Start(t)
		o.Serve(t, key, origin.Document(key, f.base, "of "+prefix, ""))
		origins = append(origins, o)
		for range 2 {
			config := o.Config(0, key)
			config["store"] = map[string]any{"url": way.String(), "prefix": prefix}
			config["api_poll_frequency_seconds"] = 1
			node := harness.StartProxy(t, harness.Setup{Config: config, Env: map[string]string{"LOGGING_LOG_LEVEL": "DEBUG"}})
			node.WaitReady(t)
			nodes = append(nodes, node)
			t.Cleanup(func() {
				if strings.Contains(node.Output(), password) {
					t.Errorf("a node printed its password")
				}
			})
		}
	}
	pass(2 * second)
	began := time.Now()
	origins[0].Serve(t, key, origin.Document(key, f.base.Add(time.Hour), "newer", ""))
	for i, want := range []string{"newer", "newer", "of other", "of other"} {
		wait.Until(t, patience, "node "+want, func() bool {
			value, _ := f.client.Value(nodes[i].URL, key)
			return value == want
		})
	}
	pass(time.Until(began.Add(4 * second)))
	for i, o := range origins {
		n := 0
		for _, r := range o.Requests("") {
			if !r.Time.Before(began) {
				n++
			}
		}
		if n < 3 || n > 6 {
			t.Errorf("fleet %d polled %d times in four intervals", i, n)
		}
	}
	for i, node := range nodes {
		want := []string{"newer", "newer", "of other", "of other"}[i]
		if value, err := f.client.Value(node.URL, key); value != want {
			t.Errorf("node %d serves %q, want %q, %v", i, value, want, err)
		}
		for _, e := range node.Events() {
			if e.Named("store_unavailable") || e.Named("store_error") {
				t.Errorf("node %d: %v", i, e)
			}
		}
	}
	for _, prefix := range []string{"one", "other"} {
		if f.record(prefix, key, "version") == "" {
			t.Errorf("Redis has no record of the fleet %s", prefix)
		}
	}

	way := *f.url
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, "a-wrong-password")
	way.User, way.RawQuery = url.User("one"), url.Values{"password_file": {file}}.Encode()
	config := origins[0].Config(0, key)
	config["store"] = map[string]any{"url": way.String(), "prefix": "one"}
	node := harness.StartProxy(t, harness.Setup{Config: config})
	if e := node.WaitEvent(t, patience, "store_unavailable"); !strings.Contains(e.Text("error"), "WRONGPASS") || strings.Contains(e.Text("error"), "a-wrong-password") {
		t.Errorf("what is logged of a wrong password: %v", e)
	}
	node.WaitReady(t) // from upstream
}

// Two proxies with different sets of environments on one Redis, and one environment
// in common: each serves its own, and the one in common is polled once.
func TestSetsOfEnvironments(t *testing.T) {
	f := newFleet(t, 3)
	all := f.keys
	sets := [][]string{all[:2], all[1:]}
	for _, keys := range sets {
		f.keys = keys
		f.start(1)
	}
	f.keys = all
	pass(3 * second)
	began := time.Now()
	pass(6 * second)
	perKey := map[string]int{}
	for _, p := range f.polls(began, time.Now()) {
		perKey[p.key]++
		if !slices.Contains(sets[p.node], p.key) {
			t.Errorf("node %d polled %s", p.node, p.key)
		}
	}
	t.Logf("polls in six intervals: %v", perKey)
	for _, key := range all {
		if n := perKey[key]; n < 4 || n > 8 {
			t.Errorf("%s was polled %d times in six intervals", key, n)
		}
		value := f.change(key)
		for node, keys := range sets {
			if slices.Contains(keys, key) {
				f.awaitValue(node, key, value)
			} else if status, body, err := f.client.Flags(f.nodes[node].URL, key); err != nil || status != http.StatusUnauthorized {
				t.Errorf("node %d knows %s: %v, %d %s", node, key, err, status, body)
			}
		}
	}
}
