package reporting_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// This file holds what the tests of this package run reports with. All of them run
// in a bubble of testing/synctest, so that time is exact and takes none.

const interval = time.Minute

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// The ways in which a report fails.
var (
	errAway    = &ports.ReportError{Err: errors.New("connection refused")}
	errBusy    = &ports.ReportError{Status: 503}
	errTooMany = &ports.ReportError{Status: 429}
	errDenied  = &ports.ReportError{Status: 403, Refused: true, Cause: "the proxy key is wrong"}
)

// row names what is counted.
type row struct {
	environment domain.EnvironmentKey
	what        domain.Resource
}

// upstream takes reports as Flagsmith does: a batch once for each key.
type upstream struct {
	mu      sync.Mutex
	seen    map[string][]domain.UsageRow
	served  map[row]int64
	batches []domain.UsageBatch // as they came, repetitions too
	// answer, if set, is asked with each batch's number from 1. effect tells whether
	// the batch counts although it fails.
	answer func(ctx context.Context, n int, b domain.UsageBatch) (effect bool, err error)
}

func newUpstream() *upstream {
	return &upstream{seen: map[string][]domain.UsageRow{}, served: map[row]int64{}}
}

func (u *upstream) script(answer func(ctx context.Context, n int, b domain.UsageBatch) (effect bool, err error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = answer
}

// failing makes all reports fail, or none with nil.
func (u *upstream) failing(err error) {
	u.script(func(context.Context, int, domain.UsageBatch) (bool, error) { return false, err })
}

func (u *upstream) ReportUsage(ctx context.Context, b domain.UsageBatch) error {
	u.mu.Lock()
	u.batches = append(u.batches, b)
	answer, n := u.answer, len(u.batches)
	u.mu.Unlock()
	if len(b.Rows) == 0 || len(b.Rows) > domain.MaxUsageRows || b.Key == "" {
		return &ports.ReportError{Status: 400, Refused: true, Err: fmt.Errorf("%d rows under %q", len(b.Rows), b.Key)}
	}
	effect, err := true, error(nil)
	if answer != nil {
		if effect, err = answer(ctx, n, b); err == nil {
			effect = true
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.seen[b.Key]; effect && !known {
		u.seen[b.Key] = slices.Clone(b.Rows)
		for _, r := range b.Rows {
			u.served[row{r.Environment, r.Resource}] += r.Count
		}
	}
	return err
}

// of returns how much was taken of a row.
func (u *upstream) of(environment domain.EnvironmentKey, what domain.Resource) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.served[row{environment, what}]
}

// came returns the batches so far.
func (u *upstream) came() []domain.UsageBatch {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.batches)
}

// sameUnderEachKey checks that what was sent again under a key is what was sent before.
func (u *upstream) sameUnderEachKey(t *testing.T) {
	t.Helper()
	sent := map[string]string{}
	for _, b := range u.came() {
		text := fmt.Sprint(b.Rows)
		if before, again := sent[b.Key]; again && before != text {
			t.Errorf("batch %s was changed from %s to %s", b.Key, before, text)
		}
		sent[b.Key] = text
	}
}

// takes reports whether upstream has taken n of the flags of an environment.
func (u *upstream) takes(t *testing.T, environment domain.EnvironmentKey, n int64) {
	t.Helper()
	if got := u.of(environment, domain.ResourceFlags); got != n {
		t.Errorf("%s: %d requests for flags of %s are reported, want %d", time.Now().Format(time.TimeOnly), got, environment, n)
	}
}

// process is usage as one process runs it.
type process struct {
	*reporting.Usage
	*reporting.Requests
	log   journal
	ended chan struct{}
	stop  func() // has it end in good order
	dead  atomic.Bool
	// stuck, if set, is what calls of the store wait for.
	stuck atomic.Pointer[chan struct{}]
	away  atomic.Bool  // the store does not answer
	deaf  atomic.Bool  // the store does what it is asked to, and its answers are lost
	full  atomic.Bool  // the store takes nothing new
	wrong atomic.Bool  // the store fails in a way that no store should
	slow  atomic.Int64 // how long answers of the store to GetState take
	cut   func()       // ends what is under way
	every atomic.Int64 // the interval
}

func discovered(keys ...domain.EnvironmentKey) []domain.EnvironmentKeys {
	list := make([]domain.EnvironmentKeys, len(keys))
	for i, k := range keys {
		list[i] = domain.EnvironmentKeys{Client: k, Discovered: true}
	}
	return list
}

// start runs usage until the end of the test at most, for environments a, b and c, after
// the calls of before.
func start(t *testing.T, u *upstream, b *sharedmemory.Backend, node string, before ...func(*process)) *process {
	t.Helper()
	store, err := b.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Requests: reporting.NewRequests(time.Now), log: newJournal(), ended: make(chan struct{})}
	p.every.Store(int64(interval))
	var keys atomic.Int64
	p.Usage = reporting.NewUsage(reporting.UsageOptions{
		Reporter: reporterOf{u, p}, Requests: p.Requests, Store: limited{store, p}, Node: node,
		NewKey: func() string { return fmt.Sprintf("%s-%p-%d", node, p, keys.Add(1)) },
		Pace: reporting.Pace{
			Interval: func() time.Duration { return time.Duration(p.every.Load()) },
			Now:      time.Now, Random: func() float64 { return 0.5 }, Logger: slog.New(p.log),
		},
	})
	p.Track(discovered("a", "b", "c"))
	for _, f := range before {
		f(p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cut = cancel
	stop := make(chan struct{})
	p.stop = sync.OnceFunc(func() { close(stop) })
	go func() { p.Run(ctx, stop); close(p.ended) }()
	t.Cleanup(func() {
		p.stop()
		cancel()
		<-p.ended
	})
	return p
}

// reporterOf is upstream as a process reaches it.
type reporterOf struct {
	*upstream
	p *process
}

func (r reporterOf) ReportUsage(ctx context.Context, b domain.UsageBatch) error {
	if r.p.dead.Load() {
		return errAway
	}
	err := r.upstream.ReportUsage(ctx, b)
	if r.p.dead.Load() { // it died while it waited for the answer
		return errAway
	}
	return err
}

// limited is a store as a process reaches it.
type limited struct {
	reporting.SpoolStore
	p *process
}

// call calls the store, unless the process does not get through to it.
func (s limited) call(ctx context.Context, f func() error) error {
	p := s.p
	if stuck := p.stuck.Load(); stuck != nil {
		select {
		case <-*stuck:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), reporting.ErrNotCalled)
		}
	}
	if p.dead.Load() || p.away.Load() {
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, reporting.ErrNotCalled)
	}
	err := f()
	if p.deaf.Load() {
		return ports.ErrUnavailable
	}
	return err
}

func (s limited) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) (leases []ports.Lease, err error) {
	err = s.call(ctx, func() error {
		leases, err = s.SpoolStore.TryLeases(ctx, claims, holder, ttl)
		return err
	})
	return leases, err
}

func (s limited) DropLeases(ctx context.Context, names []string, holder string) error {
	return s.call(ctx, func() error { return s.SpoolStore.DropLeases(ctx, names, holder) })
}

func (s limited) GetState(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
	err = s.call(ctx, func() error {
		value, v, err = s.SpoolStore.GetState(ctx, name)
		<-time.After(time.Duration(s.p.slow.Load()))
		return err
	})
	return value, v, err
}

func (s limited) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (v ports.Version, err error) {
	err = s.call(ctx, func() error {
		if s.p.full.Load() {
			return ports.ErrUnavailable
		}
		if s.p.wrong.Load() {
			return errors.New("a fault of the store")
		}
		v, err = s.SpoolStore.PutState(ctx, name, value, ifVersion)
		return err
	})
	return v, err
}

// kill ends a process without giving it a chance: nothing that it does from now on
// reaches anybody.
func (p *process) kill() {
	p.dead.Store(true)
	p.cut()
	<-p.ended
}

// end ends a process in good order.
func (p *process) end() {
	p.stop()
	<-p.ended
}

// served counts n requests for flags of a.
func (p *process) served(n int) {
	for range n {
		p.Count("a", domain.ServedFlags, 0)
	}
}

// journal collects what is logged.
type journal struct {
	mu    *sync.Mutex
	lines *[]line
}

type line struct {
	level slog.Level
	event string
	with  string
}

func newJournal() journal { return journal{&sync.Mutex{}, &[]line{}} }

func (j journal) Enabled(context.Context, slog.Level) bool { return true }
func (j journal) WithGroup(string) slog.Handler            { return j }
func (j journal) WithAttrs([]slog.Attr) slog.Handler       { return j }

func (j journal) Handle(_ context.Context, r slog.Record) error {
	var with strings.Builder
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&with, "%s=%v ", a.Key, a.Value); return true })
	j.mu.Lock()
	defer j.mu.Unlock()
	*j.lines = append(*j.lines, line{r.Level, r.Message, with.String()})
	return nil
}

// named returns what was logged of an event.
func (j journal) named(event string) []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(*j.lines), func(l line) bool { return l.event != event })
}
