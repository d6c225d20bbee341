package metrics

import "github.com/edge-proxy/edge-proxy/app"

// The metrics of the store and of a fleet that shares it.
var (
	StoreInfo     = gauge("edge_proxy_store_info", "Always 1: the kind of the store, its URL's scheme", label("kind"))
	storeUp       = gauge("edge_proxy_store_up", "Whether the store answers, as far as the node knows")
	storeDuration = histogram("edge_proxy_store_duration_seconds",
		"Time that a call of the store took; conflict: another node was first; list: the names of records; spool: records of reports and of discovery",
		[]float64{1e-3, 10e-3, 100e-3, 1}, label("operation", texts(app.StoreOperations())...), label("outcome", storeOK, storeConflict, storeUnavailable, storeTimeout, storeDamaged))
	StoreBytes = gauge("edge_proxy_store_bytes", "Size of the file of the store").optional("with a store in a file (`bolt:`)")
	leaseHeld  = gauge("edge_proxy_lease_held",
		"Whether this node has the environment's lease, and polls; over a fleet on one store the sum is 1", environmentLabel)
	leaseChanges = counter("edge_proxy_lease_changes_total",
		"Leases that this node won, lost to another node or to time, or gave back", label("change", texts(app.LeaseChanges())...))
	announcements = counter("edge_proxy_announcements_total",
		"Changes that the store announced to this node, and that this node put into the store", label("direction", "sent", "received"))
)

func fleet() []Definition {
	return []Definition{StoreInfo, storeUp, StoreBytes, storeDuration, leaseHeld, leaseChanges, announcements}
}
