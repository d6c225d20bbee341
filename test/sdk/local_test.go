//go:build sdk

package sdk_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// testLocal: the SDK evaluates the document that the proxy hands out, and comes to
// the same flags as the proxy, for identities that reach every segment.
func testLocal(t *testing.T, w *world, p *program) {
	since := w.mark(t)
	client := p.open(t, options{URL: w.api(), Key: serverKey, Local: true, RefreshMS: 60_000})
	w.waitLoaded(t, p, client)
	compare(t, "environment", p.flags(t, client, nil), w.flags(t, serverKey, nil))

	except := []string{}
	if p.splitsByIdentifier {
		except = w.multivariate()
	}
	exceptions := 0
	reached := map[string]int{}
	for n, who := range identities(100) {
		got, want := p.flags(t, client, &who), w.flags(t, serverKey, &who)
		compare(t, fmt.Sprintf("identity %d, %+v", n, who), got, want, except...)
		for _, name := range except {
			if got[name].Value != want[name].Value {
				exceptions++
			}
		}
		var in []string
		p.Call(t, request{Call: "segments", Client: client, Identity: &who}, &in)
		for _, name := range in {
			reached[name]++
		}
		if t.Failed() {
			return // the others would fail alike
		}
	}
	t.Logf("identities by segment: %v", reached)
	for _, segment := range w.segments() {
		if reached[segment] < 3 || reached[segment] > 97 {
			t.Errorf("%d of 100 identities are in the segment %s", reached[segment], segment)
		}
	}
	if len(except) > 0 && exceptions == 0 {
		t.Errorf("the SDK splits %v as the proxy does: the exception in the table is not needed any more", except)
	}
	w.waitAccess(t, since, 1, "the document is asked for", answered(http.MethodGet, "environment-document/", http.StatusOK))
	for _, a := range w.accesses(since) {
		if !strings.HasPrefix(a.path, "/api/v1/environment-document/") {
			t.Errorf("evaluation was not local: %+v", a)
		}
	}
}

// waitLoaded waits until an SDK that evaluates locally has its document. Some load
// it when they are made, others in the background.
func (w *world) waitLoaded(t *testing.T, p *program, client string) {
	t.Helper()
	wait.Until(t, patience, "the SDK has the document", func() bool {
		return p.Try(t, request{Call: "flags", Client: client}, nil) == nil
	})
}

// segments are the names of the sample's segments.
func (w *world) segments() []string {
	var names []string
	for _, segment := range w.sample["project"].(map[string]any)["segments"].([]any) {
		names = append(names, segment.(map[string]any)["name"].(string))
	}
	return names
}

// multivariate are the names of the sample's features that have variants.
func (w *world) multivariate() []string {
	var names []string
	for _, state := range w.sample["feature_states"].([]any) {
		feature := state.(map[string]any)["feature"].(map[string]any)
		if feature["type"] == "MULTIVARIATE" {
			names = append(names, feature["name"].(string))
		}
	}
	return names
}

// testPaging: an SDK that follows links puts the document together again.
func testPaging(t *testing.T, w *world, p *program) {
	since := w.mark(t)
	client := p.open(t, options{URL: w.api(), Key: serverKey, Local: true, RefreshMS: 60_000, PageSize: 1})
	for _, identifier := range []string{"qa-robot", "customer-1001", "nobody"} {
		who := identity{Identifier: identifier}
		compare(t, identifier, p.flags(t, client, &who), w.flags(t, serverKey, &who))
	}
	pages := w.waitAccess(t, since, 2, "two pages are asked for", answered(http.MethodGet, "environment-document/?", http.StatusOK))
	if len(pages) != 2 || !strings.Contains(pages[0].path, "page_size=1") || !strings.Contains(pages[1].path, "page_id=") {
		t.Errorf("got %v", pages)
	}
}

// testPolling: an SDK that polls has a change within its interval.
func testPolling(t *testing.T, w *world, p *program) {
	const value = "changed, polled"
	since := w.mark(t)
	o := options{URL: w.api(), Key: clientKey, RefreshMS: 500}
	path := "flags/"
	if p.has(local) {
		o.Key, o.Local, path = serverKey, true, "environment-document/"
	}
	client := p.open(t, o)
	w.waitLoaded(t, p, client)
	compare(t, "before", p.flags(t, client, nil), w.flags(t, o.Key, nil))
	w.waitAccess(t, since, 3, "the SDK polls", func(a access) bool {
		return a.method == http.MethodGet && strings.HasPrefix(a.path, "/api/v1/"+path)
	})
	w.publish(t, value)
	w.waitValue(t, p, client, value)
	compare(t, "after", p.flags(t, client, nil), w.flags(t, o.Key, nil))
	conditional := slices.ContainsFunc(w.accesses(since), func(a access) bool { return a.status == http.StatusNotModified })
	if conditional != p.conditional {
		t.Errorf("conditional requests: %t; the table of SDKs says %t", conditional, p.conditional)
	}
}

// waitValue waits until the SDK has a value of the feature that changes.
func (w *world) waitValue(t *testing.T, p *program, client, value string) {
	t.Helper()
	wait.Until(t, patience, "the SDK has the change", func() bool {
		return p.flags(t, client, nil)[changing].Value == value
	})
}
