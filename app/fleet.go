package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// beatsPerInterval is how often in a poll interval this node looks whether there is
	// something to exchange with the others: what it has confirmed itself, and the leases
	// of others about which news is due. On every second beat it extends its leases.
	beatsPerInterval = 4
	// touchesPerInterval is about how many records this node touches in a poll
	// interval in a store that it shares, see record.touch.
	touchesPerInterval = 3
)

// fleet is this node's part in the fleet of nodes that share a store. It takes, extends
// and reads the leases of all environments together: a quiet fleet costs its store a few
// calls for each node and interval, whatever the number of environments. The notes of the
// leases say what their holders have confirmed.
//
// One goroutine runs it. Keepers use their seats from their own goroutines.
type fleet struct {
	store     ports.Store
	exclusive bool // no other process uses the store
	config    *atomic.Pointer[Config]
	now       func() time.Time
	random    func() float64
	observer  Observer
	hurry     chan struct{} // an exchange should not wait for the next beat
	presence  *presence     // set before run
	clock     *clockOffset  // of upstream; set before run

	mu    sync.Mutex // taken after roster.mu; never held over a call of the store
	seats map[domain.EnvironmentKey]*seat
	left  map[domain.EnvironmentKey]bool // whose lease is to be given back, as their seats are gone
	away  bool                           // the last exchange failed: each node polls for itself
	led   int                            // how many leases this node has
}

func newFleet(deps Deps, config *atomic.Pointer[Config]) *fleet {
	return &fleet{
		store: deps.Store, exclusive: exclusive(deps.Store), config: config, now: deps.Now, random: deps.Random, observer: deps.Observer,
		hurry: make(chan struct{}, 1),
		seats: map[domain.EnvironmentKey]*seat{}, left: map[domain.EnvironmentKey]bool{},
	}
}

// learn takes over what another node knows of upstream's clock, from a note that was written
// between two moments of this node's clock. It stands in for what this node learns when it
// asks upstream itself.
func (f *fleet) learn(n leaseNote, after, now time.Time) {
	if n.madeAt.IsZero() {
		return
	}
	beat := f.config.Load().Freshness.PollInterval / 4
	f.clock.adopt(n.ahead+differenceOf(n.madeAt, after.Add(-2*beat), now), now) // a note is written at the next beat, a slow store may take one more
}

// run exchanges with the store until ctx ends, from when begin is closed, and then gives
// all leases back.
func (f *fleet) run(ctx context.Context, begin <-chan struct{}) {
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	beat := f.now() // when the next beat is due
	whole := true   // it reads and extends all leases
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-f.hurry: // before a beat that is due too, so that the order is always the same
			f.exchange(ctx, false)
			continue
		default:
		}
		select {
		case <-ctx.Done():
		case <-f.hurry:
			f.exchange(ctx, false)
		case <-timer.C:
			now := f.now()
			pause := f.period() / beatsPerInterval
			if rest := beat.Sub(now); rest > 0 && rest <= pause { // a lease of another node runs out
				f.exchange(ctx, false)
				break
			}
			f.exchange(ctx, whole)
			whole = !whole
			beat = f.now().Add(pause - time.Duration(f.random()*float64(pause)/10)) // nodes spread over the interval
		}
		timer.Reset(f.nextExpiry(beat).Sub(f.now()))
	}
	f.leave(ctx)
}

// period returns the time in which this node exchanges everything once: the poll interval,
// or less where leases do not last two of them.
func (f *fleet) period() time.Duration {
	c := f.config.Load()
	return min(c.Freshness.PollInterval, c.Lease/2)
}

// longestUnseen returns for how long a note can have been written at most when a node sees it
// that can reach the store: it is looked for on the first beat after most of a period.
func (f *fleet) longestUnseen() time.Duration {
	return f.period() + f.period()/beatsPerInterval
}

// nextExpiry returns when another node's lease is the next to run out, a moment after that,
// or beat if that is sooner.
func (f *fleet) nextExpiry(beat time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return beat
	}
	now, next := f.now(), beat
	for _, s := range f.seats {
		if s.willing && s.lease.Holder != "" && !s.mine && s.lease.Until.Before(next) {
			next = later(s.lease.Until, now)
		}
	}
	if next.Before(beat) {
		// Not all nodes at once.
		next = earlier(beat, next.Add(time.Duration(f.random()*float64(f.config.Load().Freshness.PollInterval)/10)))
	}
	return next
}

// exchange reads the leases about which news is due, writes into the store what this node has
// confirmed, extends its leases if whole, takes those that nobody has, and gives back those
// that it does not want.
func (f *fleet) exchange(ctx context.Context, whole bool) {
	err := f.read(ctx, whole)
	if err == nil {
		err = f.claim(ctx, whole)
	}
	if err == nil {
		err = f.drop(ctx)
	}
	if ctx.Err() != nil || errors.Is(err, ports.ErrClosed) {
		return
	}
	f.mu.Lock()
	f.away = err != nil
	for _, s := range f.seats {
		s.settle()
	}
	f.mu.Unlock()
	if err == nil {
		f.presence.exchange(ctx)
	}
}

// read reads the leases of other nodes about which news is due.
func (f *fleet) read(ctx context.Context, whole bool) error {
	now, period := f.now(), f.period()
	seats, names := f.choose(func(s *seat) bool { return s.expectsNews(now, period, whole) })
	if len(seats) == 0 {
		return nil
	}
	leases, err := f.store.Leases(ctx, names)
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, s := range seats {
			s.see(leases[i], now)
		}
	}
	return err
}

// claim takes and extends leases, and writes the notes of those that this node has.
func (f *fleet) claim(ctx context.Context, whole bool) error {
	now, half := f.now(), f.config.Load().Lease/2
	seats, names := f.choose(func(s *seat) bool {
		if s.mine {
			return whole || s.post != "" || s.lease.Until.Sub(now) < half
		}
		return s.takes(now)
	})
	if len(seats) == 0 {
		return nil
	}
	claims := make([]ports.Claim, len(seats))
	f.mu.Lock()
	for i, s := range seats {
		claims[i].Name = names[i]
		if s.mine {
			// To the others a note is news, whatever time it has: what could not be written
			// in that time is not.
			if now.Sub(s.postAt).Abs() > f.longestUnseen() {
				s.post = ""
			}
			claims[i].Note = s.post
		}
	}
	f.mu.Unlock()
	asked, ttl := f.now(), f.config.Load().Lease
	leases, err := f.store.TryLeases(ctx, claims, f.node(), ttl)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, s := range seats {
		if s.post == claims[i].Note {
			s.post = ""
		}
		l := leases[i]
		if l.Holder == f.node() {
			l.Until = asked.Add(ttl)
		}
		s.see(l, asked)
	}
	f.count()
	return nil
}

// count counts the leases of this node. It needs f.mu.
func (f *fleet) count() {
	f.led = 0
	for _, s := range f.seats {
		if s.mine {
			f.led++
		}
	}
}

// drop gives back leases.
func (f *fleet) drop(ctx context.Context) error {
	seats, names := f.choose(func(s *seat) bool { return s.mine && (s.offering || !s.willing) })
	f.mu.Lock()
	gone := len(f.left) > 0
	for key := range f.left {
		names = append(names, string(key))
	}
	f.mu.Unlock()
	if len(seats) == 0 && !gone {
		return nil
	}
	if err := f.store.DropLeases(ctx, names, f.node()); err != nil {
		return err
	}
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.left)
	for _, s := range seats {
		s.given(now)
	}
	f.count()
	return nil
}

// leave writes what is not noted yet and gives all leases back.
func (f *fleet) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	f.mu.Lock()
	away := f.away
	for _, s := range f.seats {
		s.willing = false // and gives back what it has
	}
	f.mu.Unlock()
	if !away && f.claim(ctx, false) == nil {
		_ = f.drop(ctx)
		f.presence.leave(ctx)
	}
}

// choose returns the seats that which reports true for, in the order of their keys, and the
// names of their leases. It holds f.mu meanwhile.
func (f *fleet) choose(which func(*seat) bool) (seats []*seat, names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seats {
		if which(s) {
			seats = append(seats, s)
		}
	}
	slices.SortFunc(seats, func(a, b *seat) int { return cmp.Compare(a.key, b.key) })
	for _, s := range seats {
		names = append(names, string(s.key))
	}
	return seats, names
}

func (f *fleet) node() string { return f.config.Load().Node }

// ask has an exchange take place at once. It never waits.
func (f *fleet) ask() {
	select {
	case f.hurry <- struct{}{}:
	default:
	}
}

// join adds an environment. wake is called when its seat has news for its keeper; it must
// not wait. The caller must call leave, unless the fleet ends.
func (f *fleet) join(key domain.EnvironmentKey, willing bool, wake func()) *seat {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &seat{fleet: f, key: key, willing: willing, wake: wake, settled: make(chan struct{})}
	f.seats[key] = s
	delete(f.left, key)
	f.ask()
	return s
}
