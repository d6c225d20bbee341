package simulation_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// faults are what is wrong with upstream.
type faults struct {
	down     int          // it answers nobody; how says which number
	cutOff   map[int]bool // nodes that do not reach it
	slow     bool
	flapping bool // every other request fails
	stale    bool // some requests are answered by a replica that is behind
	poison   bool // some documents arrive that cannot be used
	reports  int  // reports fail: 1 unanswered, 2 refused, 3 accepted but the answer is lost
}

// environment is one environment as upstream has it.
type environment struct {
	key       domain.EnvironmentKey
	listed    bool
	keys      []domain.Credential // that upstream accepts, or accepted until they expired
	retired   map[string]bool     // keys that upstream refuses
	documents []*document         // all that there ever were
	current   *document
	changed   chan struct{} // closed when there is another current document

	disturbed bool // it was taken away, or its keys rotated

	answered time.Time     // when upstream last said what the document is, to any node
	unwell   time.Duration // world.unwellSoFar at that time
	insisted []insistence
	pinned   time.Time // until when a pin of an operator may be in force anywhere
	polls    []poll
}

// insistence is that upstream went back, or has answered a node with an older document so
// often that the node may believe so.
type insistence struct {
	at time.Time
	to *document
}

type poll struct {
	at   time.Time
	node string
}

// upstream is a Flagsmith API.
type upstream struct {
	w            *world
	environments []*environment
	ahead        time.Duration // of its clock
	faults       faults
	rotations    int

	batches map[string]string // usage that came, by the key of the batch
	refused map[string]bool   // batches that were refused
	counted map[domain.UsageRow]int64
	dropped int64 // requests in batches that were refused
}

func newUpstream(w *world, environments int) *upstream {
	u := &upstream{w: w, faults: faults{cutOff: map[int]bool{}}, batches: map[string]string{}, refused: map[string]bool{}, counted: map[domain.UsageRow]int64{}}
	for i := range environments {
		e := &environment{key: domain.EnvironmentKey(fmt.Sprintf("env-%d", i+1)), listed: true, retired: map[string]bool{}, changed: make(chan struct{})}
		u.environments = append(u.environments, e)
		u.addKey(e)
		u.publishTo(e, false)
	}
	return u
}

func (u *upstream) now() time.Time { return time.Now().Add(u.ahead) }

func (u *upstream) addKey(e *environment) {
	u.rotations++
	key := domain.NewServerKey(fmt.Sprintf("ser.%s-%d", e.key, u.rotations))
	e.keys = append([]domain.Credential{domain.NewCredential(key, time.Time{})}, e.keys...)
}

// The following are called by steps.

func (u *upstream) publish(i int, mutilated bool) {
	u.w.mu.Lock()
	defer u.w.mu.Unlock()
	u.publishTo(u.environments[i], mutilated)
}

func (u *upstream) publishTo(e *environment, mutilated bool) {
	updated := u.now()
	for _, d := range e.documents { // upstream's database does not make an older one after a newer one
		if !updated.After(d.updated) {
			updated = d.updated.Add(time.Microsecond)
		}
	}
	d := newDocument(e.key, len(e.documents)+1, updated, mutilated)
	e.documents = append(e.documents, d)
	e.become(d)
}

// become makes a document the current one.
func (e *environment) become(d *document) {
	e.current = d
	close(e.changed)
	e.changed = make(chan struct{})
}

func (u *upstream) goBack(i, by int) {
	u.w.mu.Lock()
	defer u.w.mu.Unlock()
	e := u.environments[i]
	e.become(e.documents[max(0, slices.Index(e.documents, e.current)-by)])
	e.insisted = append(e.insisted, insistence{time.Now(), e.current})
}

func (u *upstream) goForth(i int) {
	u.w.mu.Lock()
	defer u.w.mu.Unlock()
	e := u.environments[i]
	e.become(e.documents[len(e.documents)-1])
}

func (u *upstream) fails(change func(*faults)) {
	u.w.mu.Lock()
	defer u.w.mu.Unlock()
	change(&u.faults)
}

func (u *upstream) recover() {
	u.fails(func(f *faults) { *f = faults{cutOff: map[int]bool{}} })
}

func (u *upstream) skew(ahead time.Duration) {
	u.w.mu.Lock()
	defer u.w.mu.Unlock()
	u.ahead = ahead
}

// rotate adds a server-side key and retires those before, at once or when they expire.
func (u *upstream) rotate(i int, atOnce bool) {
	u.w.mu.Lock()
	defer u.w.mu.Unlock()
	e := u.environments[i]
	e.disturbed = true
	for j := range e.keys {
		if atOnce {
			e.retired[e.keys[j].Key.Reveal()] = true
		} else if e.keys[j].ExpiresAt.IsZero() {
			e.keys[j].ExpiresAt = time.Now().Add(time.Minute)
		}
	}
	u.addKey(e)
	e.keys = e.keys[:min(len(e.keys), 3)]
}

// list adds an environment or takes it away. One is always left.
func (u *upstream) list(i int, listed bool) {
	u.w.mu.Lock()
	defer u.w.mu.Unlock()
	others := slices.ContainsFunc(u.environments, func(e *environment) bool { return e.listed && e != u.environments[i] })
	if listed || others {
		u.environments[i].listed = listed
		u.environments[i].disturbed = u.environments[i].disturbed || !listed
	}
}

// configured returns the environments as a configuration or a list of discovery has them.
// The caller holds w.mu.
func (u *upstream) configured() []domain.EnvironmentKeys {
	var list []domain.EnvironmentKeys
	for _, e := range u.environments {
		if e.listed {
			keys := slices.DeleteFunc(slices.Clone(e.keys), func(c domain.Credential) bool { return e.retired[c.Key.Reveal()] })
			list = append(list, domain.EnvironmentKeys{Client: e.key, Server: keys})
		}
	}
	return list
}

// accepts reports whether a server-side key opens the environment. The caller holds w.mu.
func (e *environment) accepts(key domain.ServerKey) bool {
	return slices.ContainsFunc(e.keys, func(c domain.Credential) bool { return c.Key == key && c.Valid(time.Now()) }) && !e.retired[key.Reveal()] && e.listed
}

// pins takes note that an operator pins a document of an environment.
func (w *world) pins(key domain.EnvironmentKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	until := 4 * time.Minute
	if w.plan.settings.clocks {
		until += 2 * mostSkew
	}
	w.upstream.environment(key).pinned = time.Now().Add(until)
}

func (u *upstream) environment(key domain.EnvironmentKey) *environment {
	for _, e := range u.environments {
		if e.key == key {
			return e
		}
	}
	return nil
}

// connection is upstream as one process reaches it.
type connection struct {
	*upstream
	life *life
}

var errGone = errors.New("the process is gone")

// travel takes the time of half a request. Errors: the context's; those of a request that
// does not arrive.
func (c connection) travel(ctx context.Context, r *rand.Rand) error {
	c.w.mu.Lock()
	f := c.faults
	cut := f.cutOff[c.life.node.index]
	c.w.mu.Unlock()
	takes := between(r, time.Millisecond, 40*time.Millisecond)
	if f.slow {
		takes = between(r, time.Second, 12*time.Second)
	}
	fails := &ports.FetchError{Reached: ports.OutcomeRefused, Err: errors.New("connection refused")}
	var err error
	switch {
	case f.flapping && chance(r, 3):
		err = fails
	case f.flapping && chance(r, 8):
		err = &ports.FetchError{Status: 429, After: between(r, time.Second, time.Minute)}
	case f.down == 1:
		err = fails
	case f.down == 2:
		err = &ports.FetchError{Status: 503}
	case f.down == 3 || cut:
		takes = between(r, 4*time.Second, 8*time.Second)
		err = &ports.FetchError{Reached: ports.OutcomeTimeout, Err: context.DeadlineExceeded}
	}
	if waited := c.life.wait(ctx, takes); waited != nil {
		return waited
	}
	return err
}

// FetchDocument implements ports.Upstream.
func (c connection) FetchDocument(ctx context.Context, q ports.DocumentRequest) (ports.Document, error) {
	if err := c.life.awake(ctx); err != nil {
		return ports.Document{}, err
	}
	r := c.w.dice.at(time.Now(), c.life.name, "fetch", string(q.Environment))
	c.w.mu.Lock()
	e := c.environment(q.Environment)
	e.polls = append(e.polls, poll{time.Now(), c.life.name})
	c.w.mu.Unlock()
	if err := c.travel(ctx, r); err != nil {
		return ports.Document{}, err
	}
	document, d, err := c.answer(e, q, r)
	if lost := c.travel(ctx, r); lost != nil {
		return ports.Document{}, lost
	}
	if d != nil { // what does not arrive is not one of the answers in a row
		c.w.mu.Lock()
		c.life.answered(e, d, q.IfModifiedSince.IsZero())
		c.w.mu.Unlock()
	}
	return document, err
}

// answer is what upstream does with a request that has arrived. It also returns the document
// that the answer has, nil if it has none that can be used.
func (c connection) answer(e *environment, q ports.DocumentRequest, r *rand.Rand) (ports.Document, *document, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	date := c.now().Truncate(time.Second)
	if !e.accepts(q.Key) {
		c.w.noteLocked("%s: %s: 403", c.life.name, e.key)
		return ports.Document{}, nil, &ports.FetchError{Status: 403, Cause: "the server-side key is wrong"}
	}
	if c.faults.poison && chance(r, 2) {
		c.w.noteLocked("%s: %s: poison", c.life.name, e.key)
		return ports.Document{Body: poisoned(e.current, r), Date: date}, nil, nil
	}
	d := e.current
	if c.faults.stale && chance(r, 2) {
		d = e.documents[max(0, slices.Index(e.documents, d)-1-r.IntN(2))]
	}
	e.answered, e.unwell = time.Now(), c.w.unwellSoFar()
	if !q.IfModifiedSince.IsZero() && !d.updated.Truncate(time.Second).After(q.IfModifiedSince) {
		c.w.noteLocked("%s: %s: 304", c.life.name, e.key)
		return ports.Document{NotModified: true, Date: date}, nil, nil
	}
	c.w.noteLocked("%s: %s: 200 with document %d", c.life.name, e.key, d.number)
	return ports.Document{Body: slices.Clone(d.body), Date: date}, d, nil
}

// poisoned returns a body that cannot be used.
func poisoned(d *document, r *rand.Rand) []byte {
	switch r.IntN(5) {
	case 0:
		return d.body[:r.IntN(len(d.body))]
	case 1:
		return []byte("{}")
	case 2:
		return []byte("<html>not available</html>")
	case 3:
		return fmt.Appendf(nil, `{"api_key":%q,"updated_at":%q}`, d.environment, d.updated.Add(time.Hour).Format(time.RFC3339Nano))
	default:
		return nil
	}
}

// Notify implements ports.Notifier. Events are late, and lost while upstream is not well.
func (c connection) Notify(ctx context.Context, keys []domain.EnvironmentKey, changed func(domain.EnvironmentKey, time.Time)) error {
	e := c.environment(keys[0])
	for {
		c.w.mu.Lock()
		event := e.changed
		c.w.mu.Unlock()
		select {
		case <-event:
		case <-ctx.Done():
			return ctx.Err()
		}
		r := c.w.dice.at(time.Now(), c.life.name, "event", string(e.key))
		if err := c.travel(ctx, r); err != nil {
			if errors.Is(err, errGone) || ctx.Err() != nil {
				return err
			}
			continue
		}
		c.w.mu.Lock()
		updated := e.current.updated
		c.w.mu.Unlock()
		if chance(r, 4) {
			updated = time.Time{}
		}
		changed(e.key, updated)
	}
}

// Discover implements ports.Discoverer.
func (c connection) Discover(ctx context.Context) ([]domain.EnvironmentKeys, error) {
	if err := c.life.awake(ctx); err != nil {
		return nil, err
	}
	r := c.w.dice.at(time.Now(), c.life.name, "discover")
	if err := c.travel(ctx, r); err != nil {
		return nil, err
	}
	c.w.mu.Lock()
	list := c.configured()
	c.life.listed(list)
	c.w.noteLocked("%s: %d environments are listed", c.life.name, len(list))
	c.w.mu.Unlock()
	for i := range list {
		list[i].Discovered = true
	}
	if err := c.travel(ctx, r); err != nil {
		return nil, err
	}
	return list, nil
}

// ReportUsage implements ports.UsageReporter.
func (c connection) ReportUsage(ctx context.Context, b domain.UsageBatch) error {
	return c.report(ctx, b.Key, func(refuse bool) bool {
		text := fmt.Sprint(b.Rows)
		if before, again := c.batches[b.Key]; again && before != text {
			c.w.failLocked("usage", "%s: batch %s was changed from %s to %s", c.life.name, b.Key, before, text)
		} else if again {
			return !c.refused[b.Key]
		}
		c.batches[b.Key], c.refused[b.Key] = text, refuse
		for _, row := range b.Rows {
			if refuse {
				c.dropped += row.Count
				continue
			}
			count := row.Count
			row.Count = 0
			c.counted[row] += count
		}
		return !refuse
	})
}

// report is a report of any kind. accept is called when it arrives, and returns whether it is
// accepted.
func (c connection) report(ctx context.Context, name string, accept func(refuse bool) bool) error {
	if err := c.life.awake(ctx); err != nil {
		return err
	}
	r := c.w.dice.at(time.Now(), c.life.name, "report", name)
	c.w.mu.Lock()
	kind := c.faults.reports
	c.w.mu.Unlock()
	unanswered := &ports.ReportError{Reached: ports.OutcomeRefused, Err: errors.New("connection refused")}
	if err := c.travel(ctx, r); err != nil {
		return reportError(err)
	}
	if kind == 1 && chance(r, 2) {
		return unanswered
	}
	c.w.mu.Lock()
	accepted := accept(kind == 2 && chance(r, 3))
	c.w.noteLocked("%s: report %s: %v", c.life.name, name, accepted)
	c.w.mu.Unlock()
	if err := c.travel(ctx, r); err != nil {
		return reportError(err)
	}
	switch {
	case !accepted:
		return &ports.ReportError{Status: 403, Refused: true}
	case kind == 3 && chance(r, 2):
		return unanswered
	}
	return nil
}

func reportError(err error) error {
	var fetch *ports.FetchError
	if errors.As(err, &fetch) {
		return &ports.ReportError{Status: fetch.Status, After: fetch.After, Reached: fetch.Reached, Err: fetch.Err}
	}
	return err
}

// ReportCounts implements ports.AnalyticsReporter.
func (c connection) ReportCounts(ctx context.Context, key domain.EnvironmentKey, _ []domain.FeatureCount) error {
	return c.report(ctx, "analytics of "+string(key), func(refuse bool) bool { return !refuse })
}

// ReportEvaluations implements ports.AnalyticsReporter.
func (c connection) ReportEvaluations(ctx context.Context, key domain.EnvironmentKey, _ []domain.FeatureEvaluation) error {
	return c.report(ctx, "evaluations of "+string(key), func(refuse bool) bool { return !refuse })
}
