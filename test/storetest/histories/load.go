package histories

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Load says what callers do.
type Load struct {
	// Stores are handles of one backend, which is empty. Callers share them evenly.
	Stores []ports.Store
	// Callers is how many call at a time.
	Callers int
	// Calls is how many calls each makes, unless ctx ends before.
	Calls int
	// Objects is how many records, states and leases they compete for; of each kind.
	Objects int
	// Records, States and Leases say what the calls are about.
	Records, States, Leases bool
	// Seed decides what is called. How calls meet is not decided by it.
	Seed uint64
	// TTL is the longest time for which a lease is asked.
	TTL time.Duration
	// Timeout bounds each call.
	Timeout time.Duration
	// Pause is how long a caller rests between calls, at most; during a failover, a hundred
	// times as long.
	Pause time.Duration
	// LateTouches allows that the effect of Touch is seen only later, as ports.Writer does.
	LateTouches bool
	// Now is the clock of the handles; nil: time.Now.
	Now func() time.Time
	// Advance moves that clock, if it does not move by itself.
	Advance func(time.Duration)
}

// Run has callers call until each has made its calls or ctx ends, and returns what they did
// and saw.
func (l Load) Run(ctx context.Context) *History {
	h := l.Begin(ctx)
	h.Wait()
	return h
}

// caller is one goroutine of a Load.
type caller struct {
	Load
	history *History
	number  int
	store   ports.Store
	random  *rand.Rand
	count   int
	met     bool // the latest call returned an error that does not say what happened
	// versions are those that the caller has seen last of each object.
	versions map[object]ports.Version
}

// Begin starts callers. [History.Wait] waits for their end.
func (l Load) Begin(ctx context.Context) *History {
	if l.Now == nil {
		l.Now = time.Now
	}
	h := newHistory(l)
	for i := range l.Callers {
		c := &caller{
			Load: l, history: h, number: i, store: l.Stores[i%len(l.Stores)],
			random:   rand.New(rand.NewPCG(l.Seed, uint64(i))),
			versions: make(map[object]ports.Version),
		}
		h.callers.Go(func() { c.run(ctx) })
	}
	return h
}

func (c *caller) run(ctx context.Context) {
	var calls []func(context.Context)
	if c.Records {
		calls = append(calls, c.get, c.get, c.get, c.stat, c.put, c.put, c.put, c.put, c.put, c.touch, c.touch, c.touch, c.list, c.delete)
	}
	if c.States {
		calls = append(calls, c.getState, c.getState, c.putState, c.putState)
	}
	if c.Leases {
		calls = append(calls, c.tryLeases, c.tryLeases, c.tryLeases, c.leases, c.dropLeases)
	}
	for c.count = 0; c.count < c.Calls && ctx.Err() == nil; c.count++ {
		within, cancel := context.WithTimeout(ctx, c.Timeout)
		c.met = false
		calls[c.random.IntN(len(calls))](within)
		cancel()
		if c.met {
			c.history.settles(ctx)
		}
		c.rest(ctx)
	}
}

// rest lets other callers come between two calls.
func (c *caller) rest(ctx context.Context) {
	for range c.random.IntN(4) {
		runtime.Gosched()
	}
	if c.Advance != nil && c.random.IntN(8) == 0 {
		c.Advance(c.TTL / 4)
	}
	if c.Pause > 0 {
		c.history.pause(ctx, rand.N(c.Pause))
	}
}

func (c *caller) some(k kind) object {
	return object{k, fmt.Sprintf("%s-%d", k, c.random.IntN(c.Objects))}
}

func (c *caller) text() string { return fmt.Sprintf("%d/%d", c.number, c.count) }

// firstTime is the first of the times that callers note, in microseconds since 1970.
const firstTime = 1_800_000_000_000_000

// time returns one of a few hundred times, on the microsecond.
func (c *caller) time() int64 { return firstTime + c.random.Int64N(500) }

func (c *caller) get(ctx context.Context)  { c.read(ctx, c.some(aRecord), methodGet) }
func (c *caller) stat(ctx context.Context) { c.read(ctx, c.some(aRecord), methodStat) }

// read notes which version of the record there is.
func (c *caller) read(ctx context.Context, o object, method string) {
	read := c.store.Get
	if method == methodStat {
		read = c.store.Stat
	}
	s := c.history.start(c)
	r, err := read(ctx, domain.EnvironmentKey(o.name))
	s.end(err, part{o, input{method: method}, output{body: string(r.Body), version: r.Version, checkedAt: r.CheckedAt.UnixMicro()}})
	c.saw(o, r.Version, err)
}

// saw notes the version of an object that was read.
func (c *caller) saw(o object, v ports.Version, err error) {
	if _, isKnown := outcomeOf(err); isKnown {
		c.versions[o] = v // "" after ErrNotFound
	}
}

// wrote notes the version of an object that was written. Who met a conflict looks again, as
// often as not: writes on what is long gone must be refused, too.
func (c *caller) wrote(o object, v ports.Version, err error) (looks bool) {
	if err == nil {
		c.versions[o] = v
	}
	return errors.Is(err, ports.ErrConflict) && c.random.IntN(2) == 0
}

func (c *caller) put(ctx context.Context) {
	o := c.some(aRecord)
	in := input{method: methodPut, body: c.text(), checkedAt: c.time(), ifVersion: c.versions[o]}
	s := c.history.start(c)
	v, err := c.store.Put(ctx, ports.Record{
		Key: domain.EnvironmentKey(o.name), Body: []byte(in.body),
		UpdatedAt: time.UnixMicro(in.checkedAt), CheckedAt: time.UnixMicro(in.checkedAt),
	}, in.ifVersion)
	s.end(err, part{o, in, output{version: v}})
	if c.wrote(o, v, err) {
		c.read(ctx, o, methodGet)
	}
}

func (c *caller) touch(ctx context.Context) {
	o := c.some(aRecord)
	in := input{method: methodTouch, checkedAt: c.time(), ifVersion: c.versions[o]}
	s := c.history.start(c)
	err := c.store.Touch(ctx, domain.EnvironmentKey(o.name), in.ifVersion, time.UnixMicro(in.checkedAt))
	s.end(err, part{o, in, output{}})
}

func (c *caller) delete(ctx context.Context) {
	o := c.some(aRecord)
	s := c.history.start(c)
	err := c.store.Delete(ctx, domain.EnvironmentKey(o.name))
	s.end(err, part{o, input{method: methodDelete}, output{}})
}

func (c *caller) list(ctx context.Context) {
	s := c.history.start(c)
	keys, err := c.store.List(ctx)
	var parts []part
	for i := range c.Objects {
		o := object{aRecord, fmt.Sprintf("%s-%d", aRecord, i)}
		parts = append(parts, part{o, input{method: methodList}, output{listed: slices.Contains(keys, domain.EnvironmentKey(o.name))}})
	}
	s.end(err, parts...)
}

func (c *caller) getState(ctx context.Context) { c.readState(ctx, c.some(aState)) }

func (c *caller) readState(ctx context.Context, o object) {
	s := c.history.start(c)
	value, v, err := c.store.GetState(ctx, o.name)
	s.end(err, part{o, input{method: methodGet}, output{body: string(value), version: v}})
	c.saw(o, v, err)
}

func (c *caller) putState(ctx context.Context) {
	o := c.some(aState)
	in := input{method: methodPut, body: c.text(), ifVersion: c.versions[o]}
	s := c.history.start(c)
	v, err := c.store.PutState(ctx, o.name, []byte(in.body), in.ifVersion)
	s.end(err, part{o, in, output{version: v}})
	if c.wrote(o, v, err) {
		c.readState(ctx, o)
	}
}

// names returns some of the leases, in any order.
func (c *caller) names() []string {
	var names []string
	for _, i := range c.random.Perm(c.Objects)[:1+c.random.IntN(c.Objects)] {
		names = append(names, fmt.Sprintf("%s-%d", aLease, i))
	}
	return names
}

func (c *caller) ttl() time.Duration {
	return (c.TTL/2 + time.Duration(c.random.Int64N(int64(c.TTL/2)))).Truncate(time.Millisecond)
}

// holder is the name under which the caller takes leases. Two callers share one, as two
// goroutines of a node do.
func (c *caller) holder() string { return fmt.Sprintf("holder-%d", c.number/2) }

func (c *caller) tryLeases(ctx context.Context) {
	in := input{method: methodTry, holder: c.holder(), ttl: c.ttl()}
	var claims []ports.Claim
	for _, name := range c.names() {
		claim := ports.Claim{Name: name}
		if c.random.IntN(2) == 0 {
			claim.Note = c.text()
		}
		claims = append(claims, claim)
	}
	s := c.history.start(c)
	got, err := c.store.TryLeases(ctx, claims, in.holder, in.ttl)
	var parts []part
	for i, claim := range claims {
		in.note = claim.Note
		parts = append(parts, part{object{aLease, claim.Name}, in, leaseOutput(got, i)})
	}
	s.end(err, parts...)
}

func (c *caller) leases(ctx context.Context) {
	names := c.names()
	s := c.history.start(c)
	got, err := c.store.Leases(ctx, names)
	var parts []part
	for i, name := range names {
		parts = append(parts, part{object{aLease, name}, input{method: methodLeases}, leaseOutput(got, i)})
	}
	s.end(err, parts...)
}

func (c *caller) dropLeases(ctx context.Context) {
	names := c.names()
	in := input{method: methodDrop, holder: c.holder()}
	s := c.history.start(c)
	err := c.store.DropLeases(ctx, names, in.holder)
	var parts []part
	for _, name := range names {
		parts = append(parts, part{object{aLease, name}, in, output{}})
	}
	s.end(err, parts...)
}

// leaseOutput returns what was said of the lease at i, nothing if there was an error.
func leaseOutput(got []ports.Lease, i int) output {
	if i >= len(got) {
		return output{}
	}
	return output{lease: got[i]}
}
