//go:build integration

package integration_test

import (
	"sync"
	"testing"
)

// places is how many combinations run at a time. Mostly they wait for the next
// poll.
const places = 4

func TestMatrix(t *testing.T) {
	image := image(t)
	results := newTable()
	defer results.publish(t)

	free := make(chan struct{}, places)
	var running sync.WaitGroup
	defer running.Wait() // before the table
	for _, store := range stores() {
		running.Go(func() {
			t.Run(store.name, func(t *testing.T) {
				start := store.prepare(t)
				var cells sync.WaitGroup
				defer cells.Wait()
				for _, upstream := range upstreams() {
					run := func() {
						free <- struct{}{}
						defer func() { <-free }()
						t.Run(upstream.name, func(t *testing.T) {
							c := newCell(t, image, start(t, "matrix-"+upstream.name), upstream)
							c.run(t, results.row(store.name, upstream.name))
						})
					}
					if store.alone {
						run()
					} else {
						cells.Go(run)
					}
				}
			})
		})
	}
}
