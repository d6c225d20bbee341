//go:build integration

package faults_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// The wall clock of a running proxy jumps, as when an operator or NTP sets it: documents stay
// the newest, readiness goes by true ages, polls stay on their schedule, and each request is
// counted once.
func TestTheWallClockJumps(t *testing.T) {
	binary := buildWithClock(t)
	t.Run("cases", func(t *testing.T) {
		for _, jump := range []time.Duration{time.Hour, -time.Hour, 10 * time.Minute} {
			t.Run(fmt.Sprint("a node ", jump), func(t *testing.T) { t.Parallel(); aNodeWhoseClockJumps(t, binary, jump) })
		}
		for name, r := range map[string]restart{
			"the clock was ahead before":  {before: time.Hour, ready: true},
			"the clock is set back later": {later: -time.Hour, ready: true},
			"the clock is ahead later":    {later: time.Hour, ready: true},
			"the clock is ahead":          {start: time.Hour},
		} {
			t.Run("a restart, "+name, func(t *testing.T) { t.Parallel(); r.run(t, binary) })
		}
		t.Run("usage", func(t *testing.T) { t.Parallel(); usageWhileTheClockJumps(t, binary) })
		t.Run("clients", func(t *testing.T) { t.Parallel(); clientsWhileTheClockJumps(t, binary) })
		t.Run("a fleet", func(t *testing.T) { t.Parallel(); aFleetWhoseClocksJump(t, binary) })
	})
}

func aNodeWhoseClockJumps(t *testing.T, binary string, jump time.Duration) {
	w, c := newWorld(t), newClock(t)
	settings := withGrace(config(w.URL(0)), jumpGrace)
	settings["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
	w.start(c.addTo(harness.Setup{Config: settings}, binary))
	w.through(func() {
		for _, offset := range []time.Duration{jump, 0, -jump} {
			began, logged := time.Now(), len(w.proxy.Events())
			c.set(offset)
			w.stays(http.StatusOK, 4*interval, w.proxy)
			if n := len(w.polled(began)); n < 2 || n > 6 {
				t.Errorf("%d polls in 4 intervals after a jump to %s", n, offset)
			}
			w.change()
			w.serves()
			wait.Until(t, patience, "a line in the log", func() bool { return len(w.proxy.Events()) > logged })
			c.shows(w.proxy.Events()[logged].Text("timestamp"))
			w.isReady()
		}
		w.Stop(t)
		confirmed := w.confirmed()
		c.set(jump)
		w.goesStale(confirmed, confirmed, interval+jumpGrace, w.proxy)
		for _, offset := range []time.Duration{0, -jump} {
			c.set(offset)
			w.stays(http.StatusServiceUnavailable, 2*interval, w.proxy)
		}
		w.Resume(t)
		w.change()
		w.serves()
		w.isReadySoon(w.proxy)
		w.stays(http.StatusOK, 4*interval, w.proxy)
	})
	w.stops()
}

// restart is how the clock is set before a node stops, while it starts again during an outage
// of upstream, and later. ready says whether it is ready when it has started.
type restart struct {
	before, start, later time.Duration
	ready                bool
}

func (r restart) run(t *testing.T, binary string) {
	const grace = 10 * time.Second // it is to be ready after a restart on a busy machine, too
	w, c := newDiscoveredWorld(t), newClock(t)
	settings := w.discovering(0, grace)
	settings["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
	c.offset = r.before
	w.start(c.addTo(harness.Setup{Config: settings}, binary))
	w.change()
	w.serves()
	w.stops()
	w.Stop(t)
	from := w.confirmed()
	to := from
	if r.before > r.start { // a confirmation in the future counts as one at the start
		from = time.Now()
	}
	c.offset = r.start
	w.proxy = harness.StartProxy(t, c.addTo(harness.Setup{Config: settings}, binary))
	wait.Until(t, patience, "the stored document", func() bool { _, err := w.client.Value(w.proxy.URL, key); return err == nil })
	if r.before > r.start {
		to = time.Now()
	}
	w.through(func() {
		w.flags(1)
		if r.ready {
			w.isReady()
			c.set(r.later)
			w.goesStale(from, to, interval+grace, w.proxy)
		}
		w.stays(http.StatusServiceUnavailable, 2*interval, w.proxy)
		w.Resume(t)
		w.change()
		w.serves()
		w.isReadySoon(w.proxy)
	})
	w.stops()
}

// Each request is counted once, whatever the clock shows when it is counted, reported, stored
// or read from the store.
func usageWhileTheClockJumps(t *testing.T, binary string) {
	w, c := newDiscoveredWorld(t), newClock(t)
	settings := w.discovering(0, jumpGrace)
	settings["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
	start := func() {
		w.proxy = harness.StartProxy(t, c.addTo(harness.Setup{Config: settings}, binary))
		w.proxy.WaitReady(t)
	}
	fail := func(steps ...fakeflagsmith.Failure) {
		if err := w.Fail(fakeflagsmith.ProxyUsage, steps...); err != nil {
			t.Fatal(err)
		}
	}
	start()
	total := int64(0)
	for _, offset := range []time.Duration{0, time.Hour, -time.Hour, 10 * time.Minute} {
		c.set(offset)
		w.flags(10)
		total += 10
		wait.Until(t, patience, "a report", func() bool { return w.usage() == total })
	}
	fail(fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: http.StatusServiceUnavailable})
	asks := func() { // until the counts are in the store, as they are an interval of reports later
		t.Helper()
		w.flags(10)
		total += 10
		tries := len(w.Requests(fakeflagsmith.ProxyUsage))
		wait.Until(t, patience, "the counts to be stored", func() bool { return len(w.Requests(fakeflagsmith.ProxyUsage)) >= tries+12 }) // several intervals, with up to three batches in each
	}
	for _, offset := range []time.Duration{time.Hour, -time.Hour} {
		c.set(offset)
		asks()
	}
	for _, offset := range []time.Duration{-2 * time.Hour, time.Hour} { // what is stored is from the future, then from the past
		w.proxy.Kill(t)
		c.offset = offset
		start()
		asks()
	}
	fail()
	wait.Until(t, patience, "all counts", func() bool { return w.usage() >= total })
	w.flags(10)
	total += 10
	w.stops()
	if got := w.usage(); got != total {
		t.Errorf("%d requests were reported, want %d", got, total)
	}
}

// Clients notice nothing: certificates, sessions of TLS, tags and OFREP work as before.
func clientsWhileTheClockJumps(t *testing.T, binary string) {
	w, c := newWorld(t), newClock(t)
	authority := certificates.NewAuthority(t, "authority")
	long := certificates.Leaf{Names: []string{"127.0.0.1"}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, keyFile := authority.Issue(t, long).Write(t, t.TempDir())
	settings := config(w.URL(0))
	c.offset = 10 * time.Minute
	settings["server"] = map[string]any{"http_port": 0, "tls": map[string]any{"cert_file": cert, "key_file": keyFile}}
	w.proxy = harness.StartProxy(t, c.addTo(harness.Setup{Config: settings}, binary))
	secure := "https://" + w.proxy.Address
	w.proxy.URL = "http://" + w.proxy.WaitEvent(t, patience, "listening_without_tls").Text("address")
	w.proxy.WaitReady(t)
	w.serves()

	resumed := new(atomic.Int64)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		RootCAs: authority.Pool(), ClientSessionCache: tls.NewLRUClientSessionCache(1),
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.DidResume {
				resumed.Add(1)
			}
			return nil
		},
	}}}
	lastModified := "" // of the last answer
	ask := func(method, path, body, tag string, want int) (text, newTag string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, secure+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Environment-Key", key)
		r.Header.Set("Content-Type", "application/json")
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		all, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != want {
			t.Fatalf("%s %s with the clock %s ahead: %d %s %v", method, path, c.offset, answer.StatusCode, all, err)
		}
		date, err := http.ParseTime(answer.Header.Get("Date"))
		if err != nil {
			t.Fatal(err)
		}
		c.shows(date.Format(time.RFC3339))
		lastModified = answer.Header.Get("Last-Modified")
		return string(bytes.TrimSpace(all)), answer.Header.Get("ETag")
	}
	const flags, ofrep, context = "/api/v1/flags/", "/ofrep/v1/evaluate/flags", `{"context":{"targetingKey":"somebody"}}`
	wantFlags, flagsTag := ask(http.MethodGet, flags, "", "", http.StatusOK)
	if lastModified != "" { // it has whole seconds, and upstream may change the document within the same one
		t.Errorf("a new document has Last-Modified %s", lastModified)
	}
	wantOFREP, ofrepTag := ask(http.MethodPost, ofrep, context, "", http.StatusOK)
	if flagsTag == "" || ofrepTag == "" {
		t.Fatalf("tags %q and %q", flagsTag, ofrepTag)
	}
	for _, offset := range []time.Duration{time.Hour, -time.Hour, 10 * time.Minute} {
		c.set(offset)
		before := resumed.Load()
		if got, tag := ask(http.MethodGet, flags, "", "", http.StatusOK); got != wantFlags || tag != flagsTag {
			t.Errorf("flags %s, tag %s; they were %s, %s", got, tag, wantFlags, flagsTag)
		}
		if got, tag := ask(http.MethodPost, ofrep, context, "", http.StatusOK); got != wantOFREP || tag != ofrepTag {
			t.Errorf("OFREP %s, tag %s; they were %s, %s", got, tag, wantOFREP, ofrepTag)
		}
		ask(http.MethodGet, flags, "", flagsTag, http.StatusNotModified)
		ask(http.MethodPost, ofrep, context, ofrepTag, http.StatusNotModified)
		if resumed.Load() == before {
			t.Errorf("no session of TLS was resumed with the clock %s ahead", offset)
		}
	}
	w.stops()
}

// One node polls for three, whichever of their clocks jump, and all know how old the document
// is.
func aFleetWhoseClocksJump(t *testing.T, binary string) {
	const nodes = 3
	w := newDiscoveredWorld(t, "127.0.0.1", "127.0.0.2", "127.0.0.3")
	store := rediscontainers.Single(t).URL.String()
	var clocks []*clock
	var proxies []*harness.Proxy
	asked := int64(0)
	serve := func() {
		t.Helper()
		w.change()
		for i := range proxies {
			w.proxy = proxies[i]
			began := time.Now()
			wait.Until(t, patience, fmt.Sprintf("the newest document on node %d", i), func() bool {
				asked++
				value, err := w.client.Value(w.proxy.URL, key)
				return err == nil && value == fmt.Sprint(w.revision.Load())
			})
			if took := time.Since(began); took > slack {
				t.Errorf("node %d serves it after %s", i, took)
			}
		}
	}
	for i := range nodes {
		settings := w.discovering(i, jumpGrace)
		settings["store"] = map[string]any{"url": store}
		c := newClock(t)
		clocks = append(clocks, c)
		proxies = append(proxies, harness.StartProxy(t, c.addTo(harness.Setup{Config: settings}, binary)))
		proxies[i].WaitReady(t)
	}
	leader := func() int {
		polls := w.polled(time.Time{})
		last := polls[len(polls)-1].Host
		for i := range nodes {
			if strings.HasPrefix(last, w.Host(i)+":") {
				return i
			}
		}
		t.Fatalf("nobody is to use the host %s", last)
		return 0
	}
	set := func(offset time.Duration, who ...int) {
		t.Helper()
		for _, i := range who {
			clocks[i].set(offset)
		}
	}
	all := []int{0, 1, 2}
	check := func(what string) {
		t.Helper()
		began := time.Now()
		w.stays(http.StatusOK, 6*interval, proxies...)
		if n := len(w.polled(began)); n < 3 || n > 10 { // 6, and more when the lease moves
			t.Errorf("%d polls in 6 intervals after %s", n, what)
		}
		serve()
	}
	check("the start")
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 10 * time.Minute} {
		set(jump, leader())
		check(fmt.Sprintf("the leader's clock jumped to %s", jump))
		set(0, all...)
		check("all clocks were set right")
		set(jump, (leader()+1)%nodes)
		check(fmt.Sprintf("a follower's clock jumped to %s", jump))
		set(-jump, all...)
		check(fmt.Sprintf("all clocks jumped to %s", -jump))
	}
	w.Stop(t)
	confirmed := w.confirmed()
	set(-time.Hour, leader())
	set(time.Hour, (leader()+1)%nodes)
	// What a node hears from another counts from when it hears of it.
	w.goesStale(confirmed, confirmed.Add(2*interval), interval+jumpGrace, proxies...)
	set(-2*time.Hour, all...)
	w.stays(http.StatusServiceUnavailable, 4*interval, proxies...)
	set(0, all...)
	w.stays(http.StatusServiceUnavailable, 4*interval, proxies...)
	w.Resume(t)
	for _, p := range proxies {
		w.isReadySoon(p)
	}
	check("the outage")
	for _, p := range proxies {
		w.proxy = p
		w.stops()
	}
	if got := w.usage(); got != asked {
		t.Errorf("%d requests were reported, want %d", got, asked)
	}
}
