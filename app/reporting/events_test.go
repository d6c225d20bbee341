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
)

const eventInterval = 10 * time.Second

// The ways in which upstream refuses a batch.
var (
	errPoison  = &ports.ReportError{Status: 400, Refused: true, Divisible: true, Err: errors.New("upstream answered 400")}
	errNoKey   = &ports.ReportError{Status: 403, Refused: true, Cause: "the key is wrong"}
	errWaiting = &ports.ReportError{Status: 429, After: 5 * time.Minute}
)

// eventSource is where the events of most tests come from.
func eventSource() domain.EventSource {
	return domain.EventSource{Environment: "a", SDK: "flagsmith-python-sdk/6.3.0"}
}

// collector takes events as Flagsmith does.
type collector struct {
	mu     sync.Mutex
	taken  map[string]int // how often, by event
	came   []ports.EventBatch
	answer func(b ports.EventBatch) (ports.EventReceipt, error) // nil: all is taken
	effect bool                                                 // events are taken, whatever the answer
}

func newCollector() *collector { return &collector{taken: map[string]int{}} }

func (c *collector) script(answer func(b ports.EventBatch) (ports.EventReceipt, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *collector) failing(err error) {
	c.script(func(ports.EventBatch) (ports.EventReceipt, error) { return ports.EventReceipt{}, err })
}

// poisoned refuses whatever has one of the events.
func (c *collector) poisoned(events ...string) {
	c.script(func(b ports.EventBatch) (ports.EventReceipt, error) {
		if slices.ContainsFunc(b.Events, func(e string) bool { return slices.Contains(events, e) }) {
			return ports.EventReceipt{}, errPoison
		}
		return ports.EventReceipt{}, nil
	})
}

func (c *collector) SendEvents(_ context.Context, b ports.EventBatch) (ports.EventReceipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.Events = slices.Clone(b.Events)
	c.came = append(c.came, b)
	var receipt ports.EventReceipt
	var err error
	if c.answer != nil {
		receipt, err = c.answer(b)
	}
	if err == nil || c.effect {
		for _, e := range b.Events {
			c.taken[e]++
		}
	}
	return receipt, err
}

// requests returns what came so far.
func (c *collector) requests() []ports.EventBatch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.came)
}

// takes fails the test unless upstream has taken each of the events once.
func (c *collector) takes(t *testing.T, events ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		if c.taken[e] != 1 {
			t.Errorf("%s: event %s was taken %d times, want once", time.Now().Format(time.TimeOnly), e, c.taken[e])
		}
	}
	if len(c.taken) != len(events) {
		t.Errorf("%d events were taken, want %d", len(c.taken), len(events))
	}
}

// forwarder is Events as one process runs it.
type forwarder struct {
	*reporting.Events
	collector *collector
	store     ports.Store
	log       journal
	ended     chan struct{}
	stop      func()
	cut       func()
	dead      atomic.Bool // nothing that it does reaches anybody
	away      atomic.Bool // the store does not answer
	deaf      atomic.Bool // the store writes, and its answers are lost
	limit     atomic.Int64
	keys      sync.Map     // server-side keys by digest
	unheard   atomic.Value // of the domain.EnvironmentKey to whose events upstream does not answer
}

func (f *forwarder) SendEvents(ctx context.Context, b ports.EventBatch) (ports.EventReceipt, error) {
	if f.dead.Load() {
		return ports.EventReceipt{}, errAway
	}
	if f.unheard.Load() == b.Environment {
		<-ctx.Done()
		return ports.EventReceipt{}, errAway
	}
	receipt, err := f.collector.SendEvents(ctx, b)
	if f.dead.Load() { // it died while it waited for the answer
		return ports.EventReceipt{}, errAway
	}
	return receipt, err
}

func (f *forwarder) blocked() bool { return f.dead.Load() || f.away.Load() }

// eventStore is the store as a forwarder reaches it.
type eventStore struct {
	reporting.SpoolStore
	f *forwarder
}

func (s eventStore) PutState(ctx context.Context, name string, value []byte, v ports.Version) (ports.Version, error) {
	if s.f.blocked() {
		return "", ports.ErrUnavailable
	}
	version, err := s.SpoolStore.PutState(ctx, name, value, v)
	if s.f.deaf.Load() {
		return "", ports.ErrUnavailable
	}
	return version, err
}

func (s eventStore) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	if s.f.blocked() {
		return nil, "", ports.ErrUnavailable
	}
	return s.SpoolStore.GetState(ctx, name)
}

func (s eventStore) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if s.f.blocked() {
		return nil, ports.ErrUnavailable
	}
	return s.SpoolStore.TryLeases(ctx, claims, holder, ttl)
}

func (s eventStore) DropLeases(ctx context.Context, names []string, holder string) error {
	if s.f.blocked() {
		return ports.ErrUnavailable
	}
	return s.SpoolStore.DropLeases(ctx, names, holder)
}

func eventsStore(t *testing.T) ports.Store {
	t.Helper()
	s, err := memory.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forwardTwo runs two processes on one store, with five events each, while upstream is away.
func forwardTwo(t *testing.T) (c *collector, store ports.Store, first, second *forwarder) {
	t.Helper()
	c, store = newCollector(), eventsStore(t)
	c.failing(errAway)
	first, second = forward(t, c, store, "first"), forward(t, c, store, "second")
	first.accept(t, numbered(0, 5)...)
	second.accept(t, numbered(5, 5)...)
	return c, store, first, second
}

// forward runs Events until the end of the test at most, after the calls of before, and
// returns once it waits for something; store may be nil.
func forward(t *testing.T, c *collector, store ports.Store, node string, before ...func(*forwarder)) *forwarder {
	t.Helper()
	f := &forwarder{collector: c, store: store, log: newJournal(), ended: make(chan struct{})}
	f.limit.Store(1 << 20)
	o := reporting.EventsOptions{
		Sender: f, Node: node, MaxBytes: f.limit.Load,
		ServerKey: func(d domain.KeyDigest) domain.ServerKey {
			if key, ok := f.keys.Load(d); ok {
				return key.(domain.ServerKey)
			}
			return domain.ServerKey{}
		},
		Pace: reporting.Pace{
			Interval: func() time.Duration { return eventInterval },
			Now:      time.Now, Random: func() float64 { return 0.5 }, Logger: slog.New(f.log),
		},
	}
	if store != nil {
		o.Store = eventStore{store, f}
	}
	f.Events = reporting.NewEvents(o)
	for _, do := range before {
		do(f)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.cut = cancel
	stop := make(chan struct{})
	f.stop = sync.OnceFunc(func() { close(stop) })
	go func() { f.Run(ctx, stop); close(f.ended) }()
	t.Cleanup(func() {
		f.stop()
		cancel()
		<-f.ended
	})
	synctest.Wait() // until its first round is over, or waits for upstream
	return f
}

func (f *forwarder) accept(t *testing.T, events ...string) {
	t.Helper()
	if !f.Accept(eventSource(), events) {
		t.Fatalf("%v were not accepted", events)
	}
}

// kill ends a process without giving it a chance. freed: the store is its own, so that
// its leases end with it.
func (f *forwarder) kill(t *testing.T, node string, freed bool) {
	t.Helper()
	f.dead.Store(true)
	f.cut()
	<-f.ended
	for n := 0; freed && n < 100; n++ {
		if err := ports.DropLease(t.Context(), f.store, fmt.Sprintf("events/slots/%d", n), node); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *forwarder) end() {
	f.stop()
	<-f.ended
}

// numbered returns n events that differ.
func numbered(from, n int) []string {
	events := make([]string, n)
	for i := range events {
		events[i] = fmt.Sprintf(`{"event":"e%d", "timestamp":1.50}`, from+i)
	}
	return events
}

func TestEventsAreSentEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		f := forward(t, c, eventsStore(t), "node")
		pass(eventInterval) // the first deliveries are at random times
		all := numbered(0, 2500)
		f.accept(t, all[:1200]...)
		f.accept(t, all[1200:]...)
		other := eventSource()
		other.SDK = ""
		f.Accept(other, []string{`{"other":1}`})
		pass(time.Second)
		before := len(c.requests())
		pass(eventInterval)
		c.takes(t, append(all, `{"other":1}`)...)
		requests := c.requests()[before:]
		if len(requests) != 4 {
			t.Errorf("%d requests, want 3 and 1", len(requests))
		}
		for _, r := range requests {
			if r.Environment != "a" || !r.ServerKey.IsZero() || len(r.Events) > 1000 || (r.SDK == "") != (len(r.Events) == 1) {
				t.Errorf("%d events of %q with %v for %s", len(r.Events), r.SDK, r.ServerKey, r.Environment)
			}
		}
		pass(10 * eventInterval)
		if len(c.requests()) != before+4 {
			t.Error("more is sent")
		}
		f.end()
	})
}

func TestServerSideKeysAreLookedUpWhenEventsAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		key := domain.NewServerKey("ser.secret-0123456789")
		source := eventSource()
		source.ServerKey = key.Digest()
		c.failing(errAway)
		first := forward(t, c, store, "first")
		first.Accept(source, []string{"{}"})
		first.end()
		value, _, err := store.GetState(t.Context(), "events/slots/0")
		if err != nil || strings.Contains(string(value), "secret") || !strings.Contains(string(value), "{}") {
			t.Errorf("stored %q, %v", value, err)
		}
		c.failing(nil)
		second := forward(t, c, store, "second", func(f *forwarder) { f.keys.Store(key.Digest(), key) })
		pass(eventInterval)
		c.takes(t, "{}")
		requests := c.requests()
		if last := requests[len(requests)-1]; last.ServerKey != key || last.SDK != source.SDK {
			t.Errorf("sent with %v as %s", last.ServerKey, last.SDK)
		}
		// A key that is gone: the environment's other key does as well.
		second.keys.Clear()
		second.Accept(source, []string{`{"late":1}`})
		pass(2 * eventInterval)
		c.takes(t, "{}", `{"late":1}`)
		requests = c.requests()
		if last := requests[len(requests)-1]; !last.ServerKey.IsZero() || last.Environment != "a" {
			t.Errorf("sent with %v of %s", last.ServerKey, last.Environment)
		}
	})
}

func TestEventsAreSentAgainUntilUpstreamAnswers(t *testing.T) {
	for _, err := range []error{errAway, errBusy, errTooMany} {
		synctest.Test(t, func(t *testing.T) {
			c := newCollector()
			c.failing(err)
			f := forward(t, c, eventsStore(t), "node")
			for n := range 60 {
				f.accept(t, numbered(n, 1)...)
				pass(10 * time.Second)
			}
			tries := len(c.requests())
			if tries < 30 || tries > 200 {
				t.Errorf("%d tries within ten minutes", tries)
			}
			if n := len(f.log.named("reports_fail")); n != 3 {
				t.Errorf("the failure is logged %d times in ten minutes, want at once and after 1 and 5", n)
			}
			c.failing(nil)
			pass(2 * eventInterval)
			c.takes(t, numbered(0, 60)...)
			if more := len(c.requests()) - tries; more > 3 {
				t.Errorf("%d requests for 60 events", more)
			}
		})
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		c.failing(errWaiting)
		f := forward(t, c, nil, "node")
		f.accept(t, "{}")
		pass(eventInterval)
		tries := len(c.requests())
		pass(4 * time.Minute)
		if n := len(c.requests()); tries == 0 || n != tries {
			t.Errorf("%d tries, then %d, before the time that upstream asked for", tries, n)
		}
		c.failing(nil)
		pass(2 * time.Minute)
		c.takes(t, "{}")
	})
}

func TestOnePoisonedEventDoesNotStopTheOthers(t *testing.T) {
	for _, poison := range [][]int{{0}, {999}, {500}, {3, 4, 5, 700}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}} {
		synctest.Test(t, func(t *testing.T) {
			c := newCollector()
			all := numbered(0, 1000)
			var bad, good []string
			for i, e := range all {
				if slices.Contains(poison, i) {
					bad = append(bad, e)
				} else {
					good = append(good, e)
				}
			}
			c.poisoned(bad...)
			f := forward(t, c, eventsStore(t), "node")
			f.accept(t, all...)
			pass(2 * eventInterval)
			c.takes(t, good...)
			if n := len(c.requests()); n > 30*(1+len(poison)) {
				t.Errorf("%d requests", n)
			}
			if lost := f.log.named("events_dropped"); len(lost) != 1 || !strings.Contains(lost[0].with, fmt.Sprintf("events=%d ", len(bad))) {
				t.Errorf("logged %v", lost)
			}
			sent := len(c.requests())
			pass(3 * eventInterval)
			if len(c.requests()) != sent {
				t.Error("something is sent again")
			}
		})
	}
}

// TestAnsweredPartsAreNotSentAgain sees that a batch of which upstream took a part
// before it went away goes on with the rest.
func TestAnsweredPartsAreNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		all := numbered(0, 100)
		n := 0
		c.script(func(b ports.EventBatch) (ports.EventReceipt, error) {
			n++
			switch {
			case n > 3 && n < 8:
				return ports.EventReceipt{}, errAway
			case slices.Contains(b.Events, all[60]):
				return ports.EventReceipt{}, errPoison
			}
			return ports.EventReceipt{}, nil
		})
		first := forward(t, c, store, "first")
		first.accept(t, all...)
		for len(c.requests()) < 4 {
			pass(time.Second)
		}
		first.kill(t, "first", true)
		forward(t, c, store, "second")
		pass(3 * eventInterval)
		c.takes(t, append(slices.Clone(all[:60]), all[61:]...)...)
	})
}

func TestRefusalsOfWholeBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		c.failing(errNoKey)
		f := forward(t, c, eventsStore(t), "node")
		f.accept(t, numbered(0, 1000)...)
		pass(3 * eventInterval)
		if n := len(c.requests()); n != 1 {
			t.Errorf("%d requests with a key that upstream does not know", n)
		}
		if lost := f.log.named("events_dropped"); len(lost) != 1 || !strings.Contains(lost[0].with, "events=1000 ") || !strings.Contains(lost[0].with, "the key is wrong") {
			t.Errorf("logged %v", lost)
		}
		// An upstream that wants none of the events is not asked for each.
		c.failing(errPoison)
		f.accept(t, numbered(0, 1000)...)
		pass(3 * eventInterval)
		if n := len(c.requests()); n > 130 {
			t.Errorf("%d requests with a thousand events that upstream refuses", n)
		}
	})
}

func TestEventsThatUpstreamRejectsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		c.script(func(ports.EventBatch) (ports.EventReceipt, error) {
			return ports.EventReceipt{Rejected: 2, Reason: "events[0].timestamp is odd"}, nil
		})
		f := forward(t, c, nil, "node")
		all := numbered(0, 3)
		f.accept(t, all...)
		pass(3 * eventInterval)
		c.takes(t, all...) // once
		if lines := f.log.named("events_rejected"); len(lines) != 1 || lines[0].with != "events=2 reason=events[0].timestamp is odd " {
			t.Errorf("logged %v", lines)
		}
	})
}

func TestNoMoreEventsThanThereIsRoomFor(t *testing.T) {
	for _, durable := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newCollector()
			c.failing(errAway)
			var store ports.Store
			if durable {
				store = eventsStore(t)
			}
			f := forward(t, c, store, "node")
			var accepted []string
			turnedAway := 0
			for i := range 20_000 {
				one := numbered(i, 1)
				if f.Accept(eventSource(), one) {
					accepted = append(accepted, one...)
				} else {
					turnedAway++
				}
				if i%100 == 0 {
					pass(time.Second)
				}
			}
			bytes := len(strings.Join(accepted, ""))
			if limit := int(f.limit.Load()); bytes > limit || bytes < limit/4 {
				t.Errorf("%d bytes of events wait, of %d", bytes, limit)
			}
			pass(eventInterval)
			logged := 0
			for _, l := range f.log.named("events_turned_away") {
				var n int
				if _, err := fmt.Sscanf(l.with, "events=%d", &n); err != nil {
					t.Fatal(err)
				}
				logged += n
			}
			if logged != turnedAway || turnedAway == 0 {
				t.Errorf("%d events were turned away, %d are logged", turnedAway, logged)
			}
			c.failing(nil)
			pass(3 * eventInterval)
			c.takes(t, accepted...)
			f.accept(t, "{}") // there is room again
		})
	}
}

// TestAQueueThatFillsIsSentAtOnce sees that an interval that brings more than there is
// room for loses nothing, as long as upstream takes it.
func TestAQueueThatFillsIsSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		f := forward(t, c, eventsStore(t), "node")
		pass(eventInterval + eventInterval/2)
		all := numbered(0, 30_000)
		for part := range slices.Chunk(all, 1000) {
			f.accept(t, part...)
			pass(time.Millisecond)
		}
		f.end()
		c.takes(t, all...)
	})
}

func TestKilledWhileEventsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		c.failing(errAway)
		first := forward(t, c, store, "first")
		all := numbered(0, 200)
		for i := range all {
			first.accept(t, all[i])
			pass(777 * time.Millisecond)
		}
		pass(eventInterval)
		first.accept(t, `{"fresh":1}`)
		first.kill(t, "first", true)

		c.failing(nil)
		second := forward(t, c, store, "second")
		pass(time.Second)
		c.takes(t, all...)
		second.end()
		third := forward(t, c, store, "third")
		pass(3 * eventInterval)
		third.end()
		c.takes(t, all...)
	})
}

// TestKilledAfterUpstreamAnswered sees that what upstream has answered is not sent
// again by a restarted process, though all of its round was not over.
func TestKilledAfterUpstreamAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		c.script(func(b ports.EventBatch) (ports.EventReceipt, error) {
			if b.SDK == "slow" {
				return ports.EventReceipt{}, errBusy
			}
			return ports.EventReceipt{}, nil
		})
		first := forward(t, c, store, "first")
		slow := eventSource()
		slow.SDK = "slow"
		first.Accept(slow, []string{`{"slow":1}`})
		first.accept(t, numbered(0, 10)...)
		for len(c.requests()) == 0 {
			pass(time.Millisecond)
		}
		first.kill(t, "first", true)
		c.failing(nil)
		forward(t, c, store, "second")
		pass(eventInterval)
		c.takes(t, append(numbered(0, 10), `{"slow":1}`)...)
	})
}

// TestANodeThatDiesIsSucceeded sees that another node of a fleet sends what one left
// that was killed, once its leases have run out, and each node its own until then.
func TestANodeThatDiesIsSucceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, first, _ := forwardTwo(t)
		pass(2 * eventInterval)
		c.failing(nil)
		first.kill(t, "first", false)
		pass(eventInterval)
		c.takes(t, numbered(5, 5)...)
		pass(5 * eventInterval)
		c.takes(t, numbered(0, 10)...)
	})
}

// TestSuccessionWhileUpstreamIsAway sees that a process with events of its own takes over those
// of another, as there is room for both.
func TestSuccessionWhileUpstreamIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, first, second := forwardTwo(t)
		pass(2 * eventInterval)
		first.kill(t, "first", false)
		pass(10 * eventInterval)
		if p := second.Progress(); p.Pending != 10 || len(second.log.named("events_restored")) != 1 {
			t.Errorf("%+v, logged %v", p, second.log.named("events_restored"))
		}
		c.failing(nil)
		pass(3 * eventInterval)
		c.takes(t, numbered(0, 10)...)
	})
}

// TestEachProcessKeepsItsSlot sees that a process takes over nothing of one that is there, however
// long its events wait, and that both leave nothing that upstream has taken.
func TestEachProcessKeepsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store, first, second := forwardTwo(t)
		pass(20 * eventInterval)
		if restored := append(first.log.named("events_restored"), second.log.named("events_restored")...); len(restored) > 0 {
			t.Errorf("logged %v", restored)
		}
		c.failing(nil)
		pass(2 * eventInterval)
		c.takes(t, numbered(0, 10)...)
		first.kill(t, "first", false)
		second.kill(t, "second", false)
		forward(t, c, store, "third")
		pass(6 * eventInterval)
		c.takes(t, numbered(0, 10)...)
	})
}

// TestAProcessThatWasStopped sees that a process that comes back after its leases have
// run out leaves what was stored to the one that took it over.
func TestAProcessThatWasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		c.failing(errAway)
		first := forward(t, c, store, "first")
		first.accept(t, numbered(0, 5)...)
		pass(2 * eventInterval)
		first.dead.Store(true) // neither store nor upstream
		pass(time.Second)
		first.accept(t, `{"unsaved":1}`)
		pass(3 * eventInterval)
		c.failing(nil)
		second := forward(t, c, store, "second")
		pass(eventInterval)
		c.takes(t, numbered(0, 5)...)
		first.dead.Store(false)
		pass(5 * eventInterval)
		c.takes(t, append(numbered(0, 5), `{"unsaved":1}`)...)
		first.end()
		second.end()
	})
}

// TestAProcessThatWasStoppedInABatch sees the same of one that upstream had answered a part of
// a batch, which it could not note in the store: it sends none of the batch again.
func TestAProcessThatWasStoppedInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		all := numbered(0, 10)
		c.failing(errAway)
		first := forward(t, c, store, "first")
		first.accept(t, all...)
		pass(2 * eventInterval) // they are stored
		parts := 0
		c.script(func(b ports.EventBatch) (ports.EventReceipt, error) {
			switch {
			case slices.Contains(b.Events, all[9]) && len(b.Events) == 10:
				return ports.EventReceipt{}, errPoison
			case parts > 0:
				return ports.EventReceipt{}, errAway
			}
			parts++
			first.away.Store(true)
			return ports.EventReceipt{}, nil
		})
		pass(6 * eventInterval)
		c.poisoned(all[9])
		second := forward(t, c, store, "second")
		first.dead.Store(true)
		pass(2 * eventInterval)
		first.away.Store(false)
		first.dead.Store(false)
		first.accept(t, `{"unsaved":1}`)
		pass(5 * eventInterval)
		c.mu.Lock()
		for i, e := range append(all, `{"unsaved":1}`) {
			want := 1
			switch {
			case i == 9:
				want = 0 // the poisoned one
			case i < 5:
				want = 2 // the second process cannot know of the answer
			}
			if c.taken[e] != want {
				t.Errorf("event %s was taken %d times, want %d", e, c.taken[e], want)
			}
		}
		c.mu.Unlock()
		first.end()
		second.end()
	})
}

func TestEventsWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		f := forward(t, c, store, "node")
		f.away.Store(true)
		f.accept(t, numbered(0, 5)...)
		pass(2 * eventInterval)
		c.takes(t, numbered(0, 5)...) // the store is not on the way
		c.failing(errAway)
		f.accept(t, numbered(5, 5)...)
		pass(2 * eventInterval)
		f.away.Store(false)
		pass(2 * eventInterval)
		f.kill(t, "node", true)
		c.failing(nil)
		forward(t, c, store, "next")
		pass(eventInterval)
		c.takes(t, numbered(0, 10)...)
	})
}

func TestTheLastEventsAreSentWhenTheProcessEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		f := forward(t, c, eventsStore(t), "node")
		pass(time.Second)
		f.accept(t, numbered(0, 5)...)
		f.end()
		c.takes(t, numbered(0, 5)...)
		if lines := f.log.named("events_not_delivered"); len(lines) != 0 {
			t.Errorf("logged %v", lines)
		}
		c.failing(errAway)
		g := forward(t, c, nil, "node")
		pass(time.Second)
		g.accept(t, numbered(5, 5)...)
		g.end()
		if lines := g.log.named("events_not_delivered"); len(lines) != 1 || !strings.Contains(lines[0].with, "events=5 stored=0") {
			t.Errorf("logged %v", lines)
		}
	})
}

// TestDamagedSlots sees that a slot that cannot be read is logged and used again.
func TestDamagedSlots(t *testing.T) {
	for _, value := range []string{"", "x", "{}", "null\n", `{"batches":[{"client_side_key":"a","lengths":[9]}]}` + "\n{}", `{"batches":[{"client_side_key":"a","lengths":[-1,3]}]}` + "\n{}",
		`{"batches":[{"client_side_key":"","lengths":[2]}]}` + "\n{}", `{"batches":[{"client_side_key":"a","server_side_key_sha256":"00","lengths":[2]}]}` + "\n{}", `{"batches":[]}` + "\n{}"} {
		synctest.Test(t, func(t *testing.T) {
			c, store := newCollector(), eventsStore(t)
			for name, text := range map[string]string{"events/slots": "1", "events/slots/0": value} {
				if _, err := store.PutState(t.Context(), name, []byte(text), ""); err != nil {
					t.Fatal(err)
				}
			}
			f := forward(t, c, store, "node")
			pass(time.Second)
			if lines := f.log.named("events_slot_unreadable"); len(lines) == 0 && value != "null\n" {
				t.Errorf("%q: nothing is logged", value)
			}
			c.failing(errAway)
			f.accept(t, "{}")
			pass(eventInterval)
			f.kill(t, "node", true)
			c.failing(nil)
			forward(t, c, store, "next")
			pass(eventInterval)
			c.takes(t, "{}")
		})
	}
}

func TestDamagedCountOfSlots(t *testing.T) {
	for _, count := range []string{"", "x", "-5", "5000"} {
		synctest.Test(t, func(t *testing.T) {
			c, store := newCollector(), eventsStore(t)
			if _, err := store.PutState(t.Context(), "events/slots", []byte(count), ""); err != nil {
				t.Fatal(err)
			}
			c.failing(errAway)
			f := forward(t, c, store, "node")
			f.accept(t, "{}")
			pass(2 * eventInterval)
			f.kill(t, "node", true)
			c.failing(nil)
			forward(t, c, store, "next")
			pass(eventInterval)
			c.takes(t, "{}")
		})
	}
}

// TestKilledWhileAnotherBatchIsUnderWay sees that what upstream has answered is not sent again
// by the next process, although the answer to another batch was outstanding.
func TestKilledWhileAnotherBatchIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		f := forward(t, c, store, "node")
		other := eventSource()
		other.Environment = "b"
		f.unheard.Store(other.Environment)
		f.accept(t, numbered(0, 5)...)
		if !f.Accept(other, numbered(5, 5)) {
			t.Fatal("the events were not accepted")
		}
		for len(c.requests()) == 0 {
			pass(100 * time.Millisecond)
		}
		c.takes(t, numbered(0, 5)...)
		f.kill(t, "node", true)
		forward(t, c, store, "next")
		pass(2 * eventInterval)
		c.takes(t, numbered(0, 10)...)
	})
}

// TestNoMoreIsTakenOverThanThereIsRoomFor sees that a process takes over what others
// left bit by bit.
func TestNoMoreIsTakenOverThanThereIsRoomFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		c.failing(errAway)
		first := forward(t, c, store, "first")
		first.limit.Store(8 << 20)
		all := numbered(0, 50_000)
		first.accept(t, all...)
		first.end()
		c.failing(errBusy) // an answer, so that each batch is tried
		second := forward(t, c, store, "second")
		second.limit.Store(2 << 20)
		before := len(c.requests())
		pass(10 * eventInterval)
		waiting := map[string]bool{}
		for _, r := range c.requests()[before:] {
			for _, e := range r.Events {
				waiting[e] = true
			}
		}
		if n := len(waiting); n == 0 || n > len(all)/2 {
			t.Errorf("%d events of %d were taken over", n, len(all))
		}
		c.failing(nil)
		pass(20 * eventInterval)
		c.takes(t, all...)
	})
}

// TestAnswersOfTheStoreThatAreLost sees that a slot stays the process's own if it was
// saved but the answer was lost.
func TestAnswersOfTheStoreThatAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		c.failing(errAway)
		first := forward(t, c, store, "first")
		first.accept(t, numbered(0, 5)...)
		pass(eventInterval)
		first.deaf.Store(true)
		first.accept(t, numbered(5, 5)...)
		pass(eventInterval)
		first.deaf.Store(false)
		first.accept(t, numbered(10, 5)...)
		pass(eventInterval)
		first.kill(t, "first", true)
		c.failing(nil)
		forward(t, c, store, "second")
		pass(eventInterval)
		c.takes(t, numbered(0, 15)...)
	})
}

// TestRestartsWhileUpstreamIsAway sees that many restarts leave no more in the store
// than there is room for, and lose nothing of what was accepted.
func TestRestartsWhileUpstreamIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		c.failing(errAway)
		var accepted []string
		for n := range 10 {
			f := forward(t, c, store, fmt.Sprint("node-", n))
			pass(time.Second)
			for part := range slices.Chunk(numbered(n*5000, 5000), 100) {
				if f.Accept(eventSource(), part) {
					accepted = append(accepted, part...)
				}
			}
			pass(eventInterval)
			f.end()
		}
		if bytes := len(strings.Join(accepted, "")); bytes > 2<<20 {
			t.Errorf("%d bytes are stored", bytes)
		}
		c.failing(nil)
		forward(t, c, store, "last")
		pass(10 * eventInterval)
		c.takes(t, accepted...)
	})
}
