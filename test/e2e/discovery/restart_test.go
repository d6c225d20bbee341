package discovery_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// A proxy that starts while upstream is away knows its environments and both kinds of
// keys from its store, which has no server-side key in it, and fetches once discovery
// has brought the keys.
func TestARestartWhileUpstreamIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spare := origin.ServerKey("a-spare")
	list := []fakeflagsmith.DiscoveredEnvironment{environment("a", key(origin.ServerKey("a")), key(spare)), environment("b"), environment("c")}
	w.lists(list...)
	path := filepath.Join(t.TempDir(), "documents.db")
	store := map[string]any{"store": map[string]any{"url": "bolt://" + path}}
	p := w.proxy(store)
	p.WaitReady(t)
	w.stop(p.Process)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"ser.secret", proxyKey} {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%q is in the store", secret)
		}
	}

	w.Stop(t)
	w.lists(list[:2]...)
	before := len(w.Requests(""))
	p = w.proxy(store)
	for _, client := range []string{"a", "b", "c"} {
		w.await(client+" is served from the store", func() bool { return w.serves(p, client, origin.ServerKey(client)) })
	}
	if !w.opens(p, spare) || !w.unknown(p, "ser.secret-of-nobody") {
		t.Error("other server-side keys count than before the restart")
	}
	if r := w.client.Readiness(t, p.URL); r.Status != http.StatusOK {
		t.Errorf("not ready within the grace: %s", r.Reason)
	}
	p.WaitEvent(t, patience, "error_discovering_environments")
	end := w.steady(p, "a", origin.ServerKey("a"))
	w.Resume(t)
	w.await("documents are fetched again", func() bool {
		return len(w.Requests(fakeflagsmith.DocumentOf("a"))) > 0 && w.fetchedSince(before, "a") && w.fetchedSince(before, "b")
	})
	end()
	for _, r := range w.Requests("")[before:] {
		if r.Target == fakeflagsmith.ProxyConfig {
			break
		}
		if strings.HasPrefix(string(r.Target), string(fakeflagsmith.DocumentOf(""))) {
			t.Error("a document was asked for before discovery")
		}
	}
	w.await("what was dropped meanwhile is unknown", func() bool { return w.unknown(p, "c") && w.unknown(p, origin.ServerKey("c")) })
	if !w.serves(p, "a", origin.ServerKey("a"), spare) || !w.serves(p, "b", origin.ServerKey("b")) {
		t.Error("the others are not served")
	}
	for _, e := range p.Events() {
		if e.Named("error_fetching_document") {
			t.Errorf("a document was asked for without a key, or in vain: %v", e)
		}
	}
	w.stop(p.Process)
	listed := harness.Run(t, harness.Setup{Config: w.config(store), Args: []string{"store", "list"}})
	if listed.Code != 0 || !contains(listed.Stdout, "a") || contains(listed.Stdout, "c ") || contains(listed.Stdout, "c\n") {
		t.Errorf("stored is, with exit code %d:\n%s%s", listed.Code, listed.Stdout, listed.Stderr)
	}
}

// fetchedSince reports whether the document of an environment was asked for after so
// many requests.
func (w *world) fetchedSince(before int, client string) bool {
	for _, r := range w.Requests("")[before:] {
		if r.Target == fakeflagsmith.DocumentOf(client) && r.Status != 0 {
			return true
		}
	}
	return false
}
