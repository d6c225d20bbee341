package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// storePatience bounds all that is done with a store.
	storePatience = 20 * time.Second
	// slowTrip is how long the median call of a store may take.
	slowTrip = 50 * time.Millisecond
	// trips is how many calls are measured.
	trips = 5
	// insideProcess is the scheme of the store that no other process can reach.
	insideProcess = "memory"
	// absentKey is the key of a record that is not there.
	absentKey = "edge-proxy-doctor"
)

// store checks the store as serving uses it.
func (e *examination) store(ctx context.Context) {
	if e.settings.Store.URL.Parse().Scheme == insideProcess {
		e.check("S1", func(f *finding) {
			f.ok("documents are kept in memory: after a restart they are fetched again")
		})
		e.skip("documents are kept in memory", "S2", "S3", "S4", "S5")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	var store ports.Store
	var err error
	e.check("S1", func(f *finding) {
		if store, err = e.OpenStore(ctx, e.settings.Store, discard); err == nil {
			if err = reach(ctx, store); err == nil {
				f.ok("%s opens and answers", e.settings.Store.URL)
				return
			}
			_ = store.Close() // nothing was written
			store = nil
		}
		if errors.Is(err, ports.ErrInUse) && e.isRunning(ctx) {
			f.ok("%s is open in the proxy that runs here", e.settings.Store.URL)
			return
		}
		f.fail("Do what the text says: correct store.url, or repair the store.", "%v", err)
	})
	if store == nil {
		e.skip("the store is not open here", "S2", "S3", "S4", "S5")
		return
	}
	e.check("S2", func(f *finding) {
		if err := TryStore(ctx, store); err != nil {
			f.fail("Let the user of store.url read, write and delete; see the requirements of the store.", "%v", err)
			return
		}
		f.ok("a record was written, read back and deleted, and a lease taken and given back")
	})
	e.check("S3", func(f *finding) { measureStore(ctx, f, store) })
	e.examineStore(ctx, store)
	_ = store.Close() // what it had to write was a record that is deleted again
}

// reach returns why a store does not answer: opening it may connect to nothing.
func reach(ctx context.Context, store ports.Store) error {
	if _, err := store.Get(ctx, absentKey); err != nil && !errors.Is(err, ports.ErrNotFound) {
		return err
	}
	return nil
}

func measureStore(ctx context.Context, f *finding, store ports.Store) {
	var took []time.Duration
	for range trips {
		began := time.Now()
		if err := reach(ctx, store); err != nil {
			f.fail("Check that the store runs and can be reached.", "%v", err)
			return
		}
		took = append(took, time.Since(began))
	}
	if middle := median(took); middle > slowTrip {
		f.warn("Use a store that is nearer, or look at why it is slow.", "a call takes %s", middle.Round(time.Millisecond))
	} else {
		f.ok("a call takes %s", middle.Round(time.Microsecond))
	}
}

// examineStore checks how the backend of a store is set up, and whether it has room.
func (e *examination) examineStore(ctx context.Context, store ports.Store) {
	var findings []ports.StoreFinding
	var err error
	examiner, can := store.(ports.Examiner)
	judge := func(room bool, well string) func(*finding) {
		return func(f *finding) {
			if !can {
				f.skip("this store does not say how it is set up")
				return
			}
			if !room {
				findings, err = examiner.Examine(ctx)
			}
			for _, found := range findings {
				switch {
				case found.Room != room:
				case found.Broken:
					f.fail(found.Do, "%s", found.What)
				default:
					f.warn(found.Do, "%s", found.What)
				}
			}
			switch {
			case err != nil:
				f.skip("the store does not say how it is set up: %v", err)
			case len(f.found) == 0:
				f.ok("%s", well)
			}
		}
	}
	e.check("S4", judge(false, "nothing is wrong"))
	e.check("S5", judge(true, "it has room"))
}
