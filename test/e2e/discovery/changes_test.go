package discovery_test

import (
	"bufio"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
)

// Environments come, go and rotate keys while others are asked for without pause: no
// request of theirs fails, and none of them is fetched for it.
func TestEnvironmentsComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kept := environment("kept")
	w.lists(kept)
	p := w.proxy(nil)
	p.WaitReady(t)
	end := w.steady(p, "kept", origin.ServerKey("kept"))
	for round := range 5 {
		guest := fmt.Sprint("guest-", round)
		first, second := origin.ServerKey(guest+"-1"), origin.ServerKey(guest+"-2")

		w.lists(kept, environment(guest, key(first)))
		w.await("a new environment is served", func() bool { return w.serves(p, guest, first) })
		if r := w.client.Readiness(t, p.URL); r.Status != http.StatusOK {
			t.Errorf("not ready with a new environment: %s", r.Reason)
		}
		stream := w.listen(p.URL, guest)

		endGuest := w.steady(p, guest, first)
		w.lists(environment(guest, key(second), key(first)), kept)
		w.await("both keys authenticate", func() bool { return w.serves(p, guest, first, second) })
		endGuest()

		endGuest = w.steady(p, guest, second)
		w.lists(kept, environment(guest, key(second)))
		w.await("the old key is unknown", func() bool { return w.unknown(p, first) })
		endGuest()

		w.lists(kept)
		w.await("a dropped environment is unknown", func() bool { return w.unknown(p, guest) && w.unknown(p, second) })
		stream.ended(t)
	}
	end()
	if r := w.client.Readiness(t, p.URL); r.Status != http.StatusOK {
		t.Errorf("not ready: %s", r.Reason)
	}
	for _, r := range w.Requests(fakeflagsmith.DocumentOf("kept")) {
		if r.Header.Get("X-Proxy-Key") != proxyKey {
			t.Fatal("a discovered environment was fetched without the proxy key")
		}
	}
}

// stream is one of a proxy's event streams.
type stream struct{ over chan struct{} }

// listen opens the stream of an environment. It is read until it ends.
func (w *world) listen(url, client string) stream {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url+"/sse/environments/"+client+"/stream", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{}
	answer, err := transport.RoundTrip(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("opening the stream: %v %v", answer, err)
	}
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() {
		w.t.Fatal("the stream says nothing")
	}
	s := stream{make(chan struct{})}
	go func() { // ends with the stream, or with the test's context
		defer close(s.over)
		defer transport.CloseIdleConnections()
		defer func() { _ = answer.Body.Close() }()
		for lines.Scan() {
		}
	}()
	return s
}

func (s stream) ended(t *testing.T) {
	t.Helper()
	select {
	case <-s.over:
	case <-time.After(patience):
		t.Error("the stream of a dropped environment goes on")
	}
}

func TestKeysExpireWhileRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	soon := time.Now().Add(3 * time.Second)
	temporary, last := origin.ServerKey("temporary"), origin.ServerKey("last")
	w.lists(
		environment("stays", key(origin.ServerKey("stays")), fakeflagsmith.DiscoveredServerKey{Key: temporary, Active: true, ExpiresAt: &soon}),
		environment("goes", fakeflagsmith.DiscoveredServerKey{Key: last, Active: true, ExpiresAt: &soon}),
		environment("inactive", fakeflagsmith.DiscoveredServerKey{Key: origin.ServerKey("inactive")}),
	)
	p := w.proxy(nil)
	p.WaitReady(t)
	if !w.unknown(p, "inactive") || !w.unknown(p, origin.ServerKey("inactive")) {
		t.Error("an environment without an active key is served")
	}
	if !w.opens(p, temporary) && time.Now().Before(soon) || !w.opens(p, last) && time.Now().Before(soon) {
		t.Error("keys do not count until they expire")
	}
	<-time.After(time.Until(soon.Add(-200 * time.Millisecond)))
	end := w.steady(p, "stays", origin.ServerKey("stays"))
	<-time.After(time.Until(soon))
	if !w.unknown(p, temporary) || !w.unknown(p, last) {
		t.Error("an expired key authenticates")
	}
	w.await("an environment whose last key expired is unknown", func() bool { return w.unknown(p, "goes") })
	end()
}

// Upstream deletes the old key at once: the proxy fetches with the new one in the
// same poll, also where both are configured.
func TestTheOldKeyOfARotationIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, young := origin.ServerKey("old"), origin.ServerKey("young")
	w.lists(environment("rotating", key(old)))
	w.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: proxyKey})
	p := w.proxy(map[string]any{"environment_key_pairs": []map[string]any{
		{"server_side_key": old, "client_side_key": "rotating"}, {"server_side_key": young, "client_side_key": "rotating"},
	}})
	p.WaitReady(t)
	if err := w.PutEnvironment(fakeflagsmith.Environment{
		ClientKey: "rotating", ServerKeys: []string{young}, Document: origin.Document("rotating", start().Add(time.Hour), "new", ""),
	}); err != nil {
		t.Fatal(err)
	}
	w.await("the new document is served", func() bool {
		value, err := w.client.Value(p.URL, "rotating")
		return err == nil && value == "new"
	})
	p.WaitEvent(t, patience, "server_side_key_refused", named("rotating"))
	for _, e := range p.Events() {
		if e.Named("error_fetching_document") {
			t.Errorf("logged %v", e)
		}
	}
}

func TestConfiguredAndDiscovered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists(environment("configured"), environment("listed"), environment("both", key(origin.ServerKey("both-listed"))))
	w.Serve(t, "configured", origin.Document("configured", start(), "value-of-configured", ""))
	if err := w.PutEnvironment(fakeflagsmith.Environment{ClientKey: "both", ServerKeys: []string{origin.ServerKey("both")},
		Document: origin.Document("both", start(), "value-of-both", "")}); err != nil {
		t.Fatal(err)
	}
	w.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: proxyKey, Environments: []fakeflagsmith.DiscoveredEnvironment{
		environment("listed"), environment("both", key(origin.ServerKey("both-listed"))),
	}})
	more := map[string]any{"environment_key_pairs": origin.Config("", "configured", "both")["environment_key_pairs"]}
	p := w.proxy(more)
	p.WaitReady(t)
	if !w.serves(p, "configured", origin.ServerKey("configured")) || !w.serves(p, "listed", origin.ServerKey("listed")) ||
		!w.serves(p, "both", origin.ServerKey("both"), origin.ServerKey("both-listed")) {
		t.Error("not all environments are served with all keys")
	}
	end := w.steady(p, "both", origin.ServerKey("both"))
	w.lists()
	w.await("what was only listed is unknown", func() bool { return w.unknown(p, "listed") && w.unknown(p, origin.ServerKey("both-listed")) })
	end()
	if !w.serves(p, "configured", origin.ServerKey("configured")) {
		t.Error("a configured environment is gone")
	}
	for _, r := range w.Requests(fakeflagsmith.DocumentOf("configured")) {
		if r.Header.Get("X-Proxy-Key") != "" {
			t.Fatal("a configured environment was fetched with the proxy key")
		}
	}
}

// Nodes without a store in common each discover for themselves.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lists(environment("a"))
	one, two := w.proxy(nil), w.proxy(nil)
	one.WaitReady(t)
	two.WaitReady(t)
	end1, end2 := w.steady(one, "a", origin.ServerKey("a")), w.steady(two, "a", origin.ServerKey("a"))
	w.lists(environment("a"), environment("b"))
	w.await("both serve the new environment", func() bool {
		return w.serves(one, "b", origin.ServerKey("b")) && w.serves(two, "b", origin.ServerKey("b"))
	})
	end1()
	w.stop(one.Process)
	w.lists(environment("a"))
	w.await("the other follows", func() bool { return w.unknown(two, "b") })
	end2()
}
