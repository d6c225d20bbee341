package metrics

import "github.com/edge-proxy/edge-proxy/app"

// The metrics of the store and of a fleet that shares it.
var (
	StoreInfo = Definition{
		Name: "edge_proxy_store_info", Type: Gauge,
		Help:   "Always 1: the kind of the store, its URL's scheme",
		Labels: []Label{label("kind")},
	}
	storeUp = Definition{
		Name: "edge_proxy_store_up", Type: Gauge,
		Help: "Whether the store answers, as far as the node knows",
	}
	storeDuration = Definition{
		Name: "edge_proxy_store_duration_seconds", Type: Histogram,
		Help: "Time that a call of the store took; conflict: another node was first; list: the names of records; spool: records of reports and of discovery",
		Labels: []Label{
			label("operation", texts(app.StoreOperations())...),
			label("outcome", storeOK, storeConflict, storeUnavailable, storeTimeout, storeDamaged),
		},
		Buckets: []float64{1e-3, 10e-3, 100e-3, 1},
	}
	StoreBytes = Definition{
		Name: "edge_proxy_store_bytes", Type: Gauge,
		Help:     "Size of the file of the store",
		Optional: "with a store in a file (`bolt:`)",
	}
	leaseHeld = Definition{
		Name: "edge_proxy_lease_held", Type: Gauge,
		Help:   "Whether this node has the environment's lease, and polls; over a fleet on one store the sum is 1",
		Labels: []Label{environmentLabel},
	}
	leaseChanges = Definition{
		Name: "edge_proxy_lease_changes_total", Type: Counter,
		Help:   "Leases that this node won, lost to another node or to time, or gave back",
		Labels: []Label{label("change", texts(app.LeaseChanges())...)},
	}
	announcements = Definition{
		Name: "edge_proxy_announcements_total", Type: Counter,
		Help:   "Changes that the store announced to this node, and that this node put into the store",
		Labels: []Label{label("direction", "sent", "received")},
	}
)

func fleet() []Definition {
	return []Definition{StoreInfo, storeUp, StoreBytes, storeDuration, leaseHeld, leaseChanges, announcements}
}
