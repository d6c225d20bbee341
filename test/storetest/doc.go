// Package storetest checks a document store against the contract that
// ports.Store states. A store's test is one call:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{
//			New: func(t *testing.T) storetest.Backend {
//				bucket := startBucket(t) // empty, gone at t's cleanup
//				return storetest.Backend{
//					Open: func(t *testing.T) ports.Store { return open(t, bucket) },
//					Wipe: func(t *testing.T) { bucket.clear(t) },
//				}
//			},
//			Shared:  true,
//			Durable: true,
//		})
//	}
//
// Each case is a subtest of its own, on a backend of its own, and quotes the
// sentence of the contract that it checks when it fails. Cases that need what a
// harness does not offer are skipped with the reason. Run it with -race.
package storetest
