package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// shutDown stops in order. It makes the proxy unready, stops polling and drops leases;
// waits for the drain delay, in which answers ask clients to reconnect; closes the
// listener and finishes requests; sends the last reports; and closes the store. Each
// step is bounded in time.
func (a *App) shutDown(ctx context.Context, input Input, stopKeeping func(), running *sync.WaitGroup, served <-chan error) error {
	began := a.deps.Now()
	a.drain.shutDown(input)
	a.deps.Logger.InfoContext(ctx, "shutting_down", "drain_delay", a.config.Load().DrainDelay.String(),
		"second_signal", "ends at once")
	drained := time.NewTimer(a.config.Load().DrainDelay)
	defer drained.Stop()

	stopKeeping()
	stopped := a.waitFor(ctx, "stopping to poll", running.Wait)
	<-drained.C

	ctx, cancel := context.WithTimeout(ctx, a.config.Load().ShutdownTimeout)
	defer cancel()
	var errs []error
	if err := input.Shutdown(ctx); err != nil {
		errs = append(errs, fmt.Errorf("closing the listener: %w", err))
	}
	select {
	case err := <-served:
		if err != nil {
			errs = append(errs, fmt.Errorf("serving: %w", err))
		}
	case <-ctx.Done(): // and Shutdown has returned why
	}
	reported := a.endReports(ctx)
	errs = append(errs, a.closeStore(ctx, stopped && reported))
	a.deps.Logger.Log(ctx, ports.LevelAlways, "stopped", "took", a.deps.Now().Sub(began).Round(time.Millisecond).String())
	return errors.Join(errs...)
}

// closeStore closes the store, in bounded time. stopped is whether everything that uses
// the store has ended in time.
func (a *App) closeStore(ctx context.Context, stopped bool) error {
	var err error
	switch ended := a.waitFor(ctx, "closing the store", func() { err = a.deps.Store.Close() }); {
	case !ended, !stopped:
		return errors.New("shutting down took too long")
	case err != nil:
		return fmt.Errorf("closing the store: %w", err)
	default:
		return nil
	}
}

// waitFor runs a step and reports whether it ended in time.
func (a *App) waitFor(ctx context.Context, step string, f func()) bool {
	done := make(chan struct{})
	go func() { f(); close(done) }()
	timeout := time.NewTimer(a.config.Load().ShutdownTimeout)
	defer timeout.Stop()
	select {
	case <-done:
		return true
	case <-timeout.C:
		a.deps.Logger.ErrorContext(ctx, "shutdown_step_timed_out", "step", step)
		return false
	}
}
