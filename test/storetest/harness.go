package storetest

import (
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Harness tells the suite how to come by the store under test and what to expect
// of it.
type Harness struct {
	// New returns a fresh, empty backend for one case. It registers its own
	// cleanup with t.Cleanup; all handles are closed by then.
	New func(t *testing.T) Backend
	// Shared: several handles may be open on one backend at once, as those of
	// several nodes are.
	Shared bool
	// Durable: data survives Close and a new Open of the same backend.
	Durable bool
	// Patience is how long to wait for what has to happen; 10 seconds when zero.
	// Calls are given contexts that end after it. Cases that pass do not wait it
	// out.
	Patience time.Duration
	// Skip maps the name of a case to the reason why it is left out, which is
	// printed: for limits that a backend documents.
	Skip map[string]string
}

// Backend is what a case works on: the place where a store keeps its data. All
// functions but Open are optional; a case that needs one that is nil is skipped.
type Backend struct {
	// Open returns a new handle: several times at once if Harness.Shared, again
	// after Close of the former if Durable. The suite closes it.
	Open func(t *testing.T) ports.Store

	// Wipe loses all data, as a cache server that is restarted does. Handles stay
	// open.
	Wipe func(t *testing.T)
	// Break makes the backend unreachable, or silent, until Mend. Data stays.
	Break func(t *testing.T)
	// Mend brings the backend back. A Mend follows each Break, at the latest at the end
	// of the case.
	Mend func(t *testing.T)
	// Crash makes the next Open find what it would find had the process been
	// killed now. The handles open until now are not used any more, only closed,
	// which must not change what the next one finds. With a file: copy it.
	Crash func(t *testing.T)
	// Corrupt damages the stored record under key, so that its content cannot be
	// read.
	Corrupt func(t *testing.T, key domain.EnvironmentKey)
	// CorruptState damages the stored state called name.
	CorruptState func(t *testing.T, name string)

	// Now is the clock that handles were given as StoreDeps.Now; nil: time.Now.
	Now func() time.Time
	// Advance moves the clock of the backend and of its handles forward by d, so
	// that leases run out. Without it, cases wait for short leases to run out.
	Advance func(d time.Duration)
}
