package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

const (
	dialers  = 16               // connections being opened at a time
	patience = 30 * time.Second // for what must happen
	rate     = 200              // requests a second beside the listeners
	others   = 100              // connections beside those of listeners, at most
)

// node measures many listeners of one proxy, what requests notice of broadcasts to them,
// and adds a listener that never reads.
func (l *laboratory) node(ctx context.Context) error {
	o, err := newOrigin()
	if err != nil {
		return err
	}
	defer o.close()
	p, err := o.start(ctx, l.binary, l.directory, fmt.Sprintf("WEB_CONCURRENCY=%d", l.processors),
		fmt.Sprintf("SERVER_MAX_CONNECTIONS=%d", l.listeners+others)) // the default keeps more files in reserve
	if err != nil {
		return err
	}
	defer p.Stop()
	if _, _, err := o.change(); err != nil { // idle memory is measured after a change, as later
		return err
	}
	time.Sleep(3 * time.Second)
	idle, err := p.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("idle                          %s\n", lab.MiB(idle.Resident))

	c, err := l.connect(p.Address)
	if err != nil {
		return err
	}
	defer c.close()
	time.Sleep(3 * time.Second)
	connected, err := p.Usage()
	if err != nil {
		return err
	}
	above := func(u int64) string {
		return fmt.Sprintf("%s above idle, %.1f KiB a listener", lab.MiB(u-idle.Resident), float64(u-idle.Resident)/1024/float64(l.listeners))
	}
	fmt.Printf("%5d listeners               %s\n", l.listeners, above(connected.Resident))

	requests, err := lab.StartLatencies(p.Address, []lab.Request{{Method: "GET", Target: "/api/v1/flags/", Header: [][2]string{{"X-Environment-Key", profile.ClientKey}}}}, rate)
	if err != nil {
		return err
	}
	time.Sleep(time.Second) // connections are there then
	var quiet, busy lab.Window
	began := time.Now()
	time.Sleep(l.quiet)
	quiet.Add(began, time.Now())

	var first, half, last durations
	for range l.broadcasts {
		at, data, err := o.change()
		if err != nil {
			return err
		}
		took, err := c.await(ctx, at, data)
		if err != nil {
			return errors.Join(err, p.Alive())
		}
		busy.Add(at.Add(took[0]), at.Add(took[len(took)-1])) // without the compilation before it
		first, half, last = append(first, took[0]), append(half, took[len(took)/2]), append(last, took[len(took)-1])
	}
	told, err := p.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("after %-4d broadcasts         %s; at most %s\n", l.broadcasts, above(told.Resident), lab.MiB(told.Peak-idle.Resident))
	fmt.Printf("event to first listener       %s\n", first)
	fmt.Printf("event to half of them         %s\n", half)
	fmt.Printf("event to last listener        %s\n", last)
	if err := requests.Stop(); err != nil {
		return err
	}
	for name, window := range map[string]lab.Window{"quiet": quiet, "during broadcasts": busy} {
		s := requests.In(window)
		fmt.Printf("%-29s median %s, 99%% %s of %d\n", "requests, "+name, s.P50, s.P99, s.Count)
	}
	fmt.Printf("processor time a broadcast    %s\n", ((told.CPU - connected.CPU) / time.Duration(l.broadcasts)).Round(time.Millisecond))

	if err := dropStalled(ctx, o, p, c); err != nil {
		return err
	}
	return c.shutdown(p)
}

// dropStalled adds a listener that does not read, and sends changes until the proxy
// drops it and keeps the others.
func dropStalled(ctx context.Context, o *origin, p *lab.Process, c *crowd) error {
	if err := c.stall(p.Address); err != nil {
		return err
	}
	before, err := p.Usage()
	if err != nil {
		return err
	}
	began, changes := time.Now(), 0
	var last durations
	for time.Since(began) < time.Minute {
		at, data, err := o.change()
		if err != nil {
			return err
		}
		changes++
		took, err := c.await(ctx, at, data)
		if err != nil {
			return err
		}
		last = append(last, took[len(took)-1])
		now, err := p.Usage()
		if err != nil {
			return err
		}
		if now.Files < before.Files {
			fmt.Printf("stalled listener              dropped after %s and %d changes; to last listener meanwhile %s\n",
				time.Since(began).Round(100*time.Millisecond), changes, last)
			return nil
		}
	}
	return fmt.Errorf("a listener that does not read was still there after %d changes", changes)
}

// crowd are the listeners of one proxy.
type crowd struct {
	listeners []*listener
	stalled   []net.Conn
	heard     chan received
	ended     sync.WaitGroup

	mu     sync.Mutex
	broken []error
}

// connect opens the listeners.
func (l *laboratory) connect(address string) (*crowd, error) {
	c := &crowd{heard: make(chan received, l.listeners)}
	var dialing sync.WaitGroup
	places := make(chan struct{}, dialers)
	began := time.Now()
	for range l.listeners {
		places <- struct{}{}
		dialing.Go(func() {
			defer func() { <-places }()
			opened, err := listen(address)
			c.mu.Lock()
			defer c.mu.Unlock()
			if err != nil {
				c.broken = append(c.broken, err)
				return
			}
			c.listeners = append(c.listeners, opened)
		})
	}
	dialing.Wait()
	if len(c.broken) > 0 {
		return nil, fmt.Errorf("%d of %d listeners could not connect: %w", len(c.broken), l.listeners, c.broken[0])
	}
	for _, one := range c.listeners {
		c.ended.Go(func() {
			if err := one.hear(func(r received) { c.heard <- r }); err != nil {
				c.mu.Lock()
				c.broken = append(c.broken, err)
				c.mu.Unlock()
			}
		})
	}
	fmt.Printf("connecting took               %s\n", time.Since(began).Round(time.Millisecond))
	return c, nil
}

// stall adds a listener that never reads.
func (c *crowd) stall(address string) error {
	one, err := listenNarrowly(address)
	if err != nil {
		return err
	}
	c.stalled = append(c.stalled, one.conn)
	return nil
}

// await waits until every listener has the event, and returns the times that this
// took from at, in order.
func (c *crowd) await(ctx context.Context, at time.Time, data string) (durations, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	took := make(durations, 0, len(c.listeners))
	for len(took) < len(c.listeners) {
		select {
		case r := <-c.heard:
			if r.data == data {
				took = append(took, r.at.Sub(at))
			}
		case <-limit.C:
			return nil, fmt.Errorf("%d of %d listeners did not get the event within %s", len(c.listeners)-len(took), len(c.listeners), patience)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return took.sorted(), nil
}

// shutdown stops the proxy and reports how the streams ended.
func (c *crowd) shutdown(p *lab.Process) error {
	began := time.Now()
	p.Stop()
	stopped := time.Since(began)
	c.ended.Wait()
	if len(c.broken) > 0 {
		return fmt.Errorf("%d streams were cut off: %w", len(c.broken), c.broken[0])
	}
	fmt.Printf("shutdown                      all streams ended cleanly; the process was gone after %s\n", stopped.Round(time.Millisecond))
	return nil
}

func (c *crowd) close() {
	for _, one := range c.listeners {
		_ = one.conn.Close()
	}
	for _, conn := range c.stalled {
		_ = conn.Close()
	}
}
