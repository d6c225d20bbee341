package main

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

// fleet measures how soon every node of a fleet on one Redis serves and announces
// a change. A node announces what it already serves.
func (l *laboratory) fleet(ctx context.Context) error {
	store, stop, err := lab.StartRedis(ctx, l.directory)
	if err != nil {
		return err
	}
	defer stop()
	o, err := newOrigin()
	if err != nil {
		return err
	}
	defer o.close()
	heard := make(chan received, l.nodes*l.changes)
	for range l.nodes {
		p, err := o.start(ctx, l.binary, l.directory, "STORE_URL="+store)
		if err != nil {
			return err
		}
		defer p.Stop()
		one, err := listen(p.Address)
		if err != nil {
			return err
		}
		defer one.conn.Close()
		go func() { _ = one.hear(func(r received) { heard <- r }) }() // ends with the connection
	}
	var first, last durations
	for range l.changes {
		at, data, err := o.change()
		if err != nil {
			return err
		}
		var took durations
		limit := time.After(patience)
		for len(took) < l.nodes {
			select {
			case r := <-heard:
				if r.data == data {
					took = append(took, r.at.Sub(at))
				}
			case <-limit:
				return fmt.Errorf("%d of %d nodes did not announce %s within %s", l.nodes-len(took), l.nodes, data, patience)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		took = took.sorted()
		first, last = append(first, took[0]), append(last, took[len(took)-1])
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Printf("%d changes, %d nodes\n", l.changes, l.nodes)
	fmt.Printf("event to first node           %s\n", first)
	fmt.Printf("event to last node            %s\n", last)
	return nil
}
