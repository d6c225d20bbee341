package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// startPresent starts a node of a fleet that runs a version with settings.
func startPresent(t *testing.T, u *upstream, b *sharedmemory.Backend, name, version, hash string) *node {
	t.Helper()
	return start(t, u, setup{name: name, store: handle(t, b), deps: func(d *app.Deps) {
		d.Version, d.ConfigHash = version, func() string { return hash }
	}})
}

// names returns the nodes that a node knows, itself first.
func knownTo(n *node) []string {
	var names []string
	for _, other := range n.Status().Fleet.Nodes {
		names = append(names, other.Name)
	}
	return names
}

func wantKnown(t *testing.T, n *node, want ...string) {
	t.Helper()
	if got := knownTo(n); !slices.Equal(got, want) {
		t.Errorf("%s knows %v, want %v", n.config.Node, got, want)
	}
}

func TestNodesKnowOfEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		n1 := startPresent(t, u, b, "n1", "v1", "aaaa")
		n2 := startPresent(t, u, b, "n2", "v2", "bbbb")
		n3 := startPresent(t, u, b, "n3", "v1", "aaaa")
		pass(2 * interval)
		wantKnown(t, n1, "n1", "n2", "n3")
		wantKnown(t, n2, "n2", "n1", "n3")
		wantKnown(t, n3, "n3", "n1", "n2")
		s := n1.Status()
		if f := s.Fleet; !f.Shared || s.At.Sub(f.ReadAt) > interval || len(f.Nodes) != 3 {
			t.Fatalf("n1 knows %+v", f)
		}
		if self := s.Fleet.Nodes[0]; self != (app.NodeStatus{Name: "n1", Version: "v1", ConfigHash: "aaaa", Ready: true, Seen: s.At}) {
			t.Errorf("n1 is %+v to itself", self)
		}
		if other := s.Fleet.Nodes[1]; other.Version != "v2" || other.ConfigHash != "bbbb" || !other.Ready || s.At.Sub(other.Seen) > 2*interval || other.Seen.After(s.At) {
			t.Errorf("n2 is %+v to n1", other)
		}

		if err := n2.Drain(time.Hour); err != nil {
			t.Fatal(err)
		}
		pass(2 * interval)
		if other := n1.Status().Fleet.Nodes[1]; other.Ready {
			t.Errorf("n2 is drained, and %+v to n1", other)
		}

		// A node that ends is gone with the next reading.
		if err := n3.end(); err != nil {
			t.Fatal(err)
		}
		pass(interval + interval/4)
		wantKnown(t, n1, "n1", "n2")
	})
}

// A node that dies gives nothing back: its place runs out.
func TestADeadNodeIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		n1 := startPresent(t, u, b, "n1", "v1", "")
		const note = `{"version":"v0","config":"cccc","ready":true,"life":30000}`
		if _, err := handle(t, b).TryLeases(t.Context(), []ports.Claim{{Name: "node 63", Note: note}}, "dead", 30*time.Second); err != nil {
			t.Fatal(err)
		}
		seen := time.Now()
		pass(2 * interval)
		wantKnown(t, n1, "n1", "dead")
		if dead := n1.Status().Fleet.Nodes[1]; !dead.Seen.Equal(seen) || dead.Version != "v0" {
			t.Errorf("it was seen at %v, not %v: %+v", dead.Seen, seen, dead)
		}
		pass(2*interval + interval/2)
		wantKnown(t, n1, "n1")
	})
}

// What other programs wrote does no harm.
func TestStrangeNotesOfNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		n1 := startPresent(t, u, b, "n1", "v1", "")
		store := handle(t, b)
		for i, note := range []string{"", "{", `"text"`, `{"version":1}`, `{"version":"` + strings.Repeat("v", 900) + `","life":-5}`} {
			if _, err := store.TryLeases(t.Context(), []ports.Claim{{Name: fmt.Sprint("node ", 40+i), Note: note}}, fmt.Sprint("strange-", i), time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * interval)
		wantKnown(t, n1, "n1", "strange-0", "strange-1", "strange-2", "strange-3", "strange-4")
		for _, other := range n1.Status().Fleet.Nodes[1:] {
			if len(other.Version) > 100 || other.Ready {
				t.Errorf("%+v", other)
			}
		}
	})
}

// In a large fleet places beyond the first block are taken, and given up once there are
// lower ones.
func TestPlacesOfALargeFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		store := handle(t, b)
		crowd := func(n int, holder string) {
			var claims []ports.Claim
			for i := range n {
				claims = append(claims, ports.Claim{Name: fmt.Sprint("node ", i), Note: `{"life":60000}`})
			}
			for i := range claims {
				if _, err := store.TryLeases(t.Context(), claims[i:i+1], fmt.Sprintf("%s-%03d", holder, i), time.Minute); err != nil {
					t.Fatal(err)
				}
			}
		}
		crowd(64, "crowd")
		n1 := startPresent(t, u, b, "n1", "v1", "")
		n2 := startPresent(t, u, b, "n2", "v1", "")
		pass(3 * interval)
		if known := knownTo(n1); len(known) != 66 || !slices.Contains(known, "n2") {
			t.Errorf("n1 knows %d nodes: %v", len(known), known)
		}
		pass(2 * time.Minute) // the crowd is gone, and the two have found it out
		wantKnown(t, n1, "n1", "n2")
		wantKnown(t, n2, "n2", "n1")
		leases, err := store.Leases(t.Context(), placesFrom(0))
		if err != nil {
			t.Fatal(err)
		}
		holders := map[string]int{}
		for _, l := range leases {
			holders[l.Holder]++
		}
		if holders["n1"] != 1 || holders["n2"] != 1 {
			t.Errorf("the first places are of %v", holders)
		}
	})
}

// placesFrom returns the names of a block of places.
func placesFrom(first int) []string {
	var names []string
	for i := range 64 {
		names = append(names, fmt.Sprint("node ", first+i))
	}
	return names
}

// A node whose store no other node can use is alone, and asks for no other.
func TestANodeWithAStoreOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		store, err := memory.Open(t.Context(), memoryURL(), ports.StoreDeps{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		n := start(t, u, setup{store: store})
		pass(3 * interval)
		if f := n.Status().Fleet; f.Shared || !f.ReadAt.IsZero() || len(f.Nodes) != 1 || f.Nodes[0].Name != "node-1" {
			t.Errorf("the fleet is %+v", f)
		}
		leases, err := store.Leases(context.WithoutCancel(t.Context()), placesFrom(0))
		if err != nil || slices.ContainsFunc(leases, func(l ports.Lease) bool { return l.Holder != "" }) {
			t.Errorf("places are taken: %v %v", leases, err)
		}
	})
}

// While the store is away the nodes are known as they were, and afterwards as they are.
func TestTheFleetWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		n1 := startPresent(t, u, b, "n1", "v1", "")
		n2 := startPresent(t, u, b, "n2", "v1", "")
		pass(2 * interval)
		b.Wipe() // as by a restart of a server without persistence
		pass(3 * interval)
		wantKnown(t, n1, "n1", "n2")
		wantKnown(t, n2, "n2", "n1")
	})
}

// places counts how often places of nodes are read, and claimed.
type places struct {
	ports.Store
	reads, claims *atomic.Int64
}

func (p places) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	if strings.HasPrefix(names[0], "node ") {
		p.reads.Add(1)
	}
	return p.Store.Leases(ctx, names)
}

func (p places) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if strings.HasPrefix(claims[0].Name, "node ") {
		p.claims.Add(1)
	}
	return p.Store.TryLeases(ctx, claims, holder, ttl)
}

// A node reads the places and claims its own about once an interval, although it asks its store
// for other leases more often.
func TestPlacesAreReadAndClaimedOnceAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "a")
		var reads, claims atomic.Int64
		start(t, u, setup{name: "n1", store: places{handle(t, b), &reads, &claims}})
		startPresent(t, u, b, "n2", "v1", "aaaa")
		pass(2 * interval)
		reads.Store(0)
		claims.Store(0)
		const intervals = 20
		pass(intervals * interval)
		for what, n := range map[string]int64{"reads": reads.Load(), "claims": claims.Load()} {
			if n < intervals-1 || n > intervals*5/4 {
				t.Errorf("%d %s in %d intervals", n, what, intervals)
			}
		}
	})
}
