package standard

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// sameSignal is how long after the first signal further ones are taken for the same:
// a terminal and a supervisor, or timeout(1) and its process group, send one each.
const sameSignal = time.Second

// interrupts are SIGINT and SIGTERM. The first ends a run in order, one that comes
// later than sameSignal ends the process at once.
type interrupts struct {
	// first and last are called before the run and before the process end.
	first, last atomic.Pointer[func(os.Signal)]
}

// watch takes signals until the process ends; end ends the run.
func (i *interrupts) watch(signals <-chan os.Signal, end func()) {
	s := <-signals
	if f := i.first.Load(); f != nil {
		(*f)(s)
	}
	end()
	began := time.Now()
	for s := range signals {
		if time.Since(began) < sameSignal {
			continue
		}
		if f := i.last.Load(); f != nil {
			(*f)(s)
		} else {
			fmt.Fprintln(os.Stderr, "edge-proxy: ended by a second signal")
		}
		os.Exit(1)
	}
}

// set sets what is called before the run and before the process end.
func (i *interrupts) set(first, last func(os.Signal)) {
	i.first.Store(&first)
	i.last.Store(&last)
}
