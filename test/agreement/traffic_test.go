package agreement_test

import (
	"testing"
	"time"
)

// compareTraffic compares the traffic in the status with what applications were answered,
// and the requests of environments with the metrics.
func compareTraffic(t *testing.T, when string, n *node, scraped map[string]float64, s status) {
	t.Helper()
	last := s.Traffic.LastMinute
	over, err := time.ParseDuration(last.Over)
	if err != nil || over > 70*time.Second {
		t.Errorf("%s: the traffic is about %q", when, last.Over)
	}
	requests, clients, servers := 0, 0, 0
	for _, a := range n.answered {
		if time.Since(a.at) > over {
			continue
		}
		requests++
		switch a.status / 100 {
		case 4:
			clients++
		case 5:
			servers++
		}
	}
	if last.Requests != requests || last.ClientErrors != clients || last.ServerErrors != servers {
		t.Errorf("%s: the traffic of %s is %+v, and there were %d requests, %d answered 4xx and %d answered 5xx", when, over, last, requests, clients, servers)
	}
	listeners := 0
	for _, e := range s.Environments {
		listeners += e.Listeners
		for resource, count := range map[string]int{"flags": e.Requests.Flags, "identities": e.Requests.Identities, "document": e.Requests.Document, "ofrep": e.Requests.OFREP} {
			if got := scraped[series("edge_proxy_requests_total", "environment", e.Key, "resource", resource)]; int(got) != count {
				t.Errorf("%s: the metrics say %v requests for %s of %s, status.json %d", when, got, resource, e.Key, count)
			}
		}
	}
	if s.Traffic.Listeners != listeners {
		t.Errorf("%s: %d listeners in the traffic, and %d of the environments", when, s.Traffic.Listeners, listeners)
	}
}

// compareFleet compares what the status says of this node as a part of its fleet with the
// rest of the status.
func compareFleet(t *testing.T, when string, s status) {
	t.Helper()
	if nodes := s.Fleet.Nodes; !s.Fleet.Shared || len(nodes) != 1 || nodes[0].Node != "node-1" || nodes[0].Ready != s.Ready {
		t.Errorf("%s: the fleet is %+v, and the node is ready: %t", when, s.Fleet, s.Ready)
	}
}
