package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// LongestMeasure is how long an operator's measure lasts at most.
const LongestMeasure = 24 * time.Hour

const (
	measuresName   = "measures" // of the state in the store
	measuresFormat = 1
	// maxOverrides is how many features of an environment may be overridden.
	maxOverrides = 100
)

// Measure is who changed for a time what is served, and why.
type Measure struct {
	Author string    `json:"author"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
}

// Pin has one document served in place of newer ones, for a time.
type Pin struct {
	Measure
	SHA256 string `json:"sha256"` // of the document
}

// Override sets a feature for everybody, for a time.
type Override struct {
	Measure
	Feature string `json:"feature"`
	domain.FeatureOverride
}

var (
	// ErrDuration: a measure lasts more than nothing and at most LongestMeasure.
	ErrDuration = errors.New("a measure must end: say for how long, at most 24h")
	// ErrReason: a measure needs a reason.
	ErrReason = errors.New("a measure needs a reason")
	// ErrNoDocument: the environment has no document that something could be done with.
	ErrNoDocument = errors.New("no document of this environment has arrived yet")
	// ErrNoSuchMeasure: there is nothing that could be ended.
	ErrNoSuchMeasure = errors.New("there is no such measure; it may have ended")
	// ErrUnknownFeature: the served document has no feature of that name.
	ErrUnknownFeature = errors.New("this environment has no feature of that name")
	// ErrTooManyOverrides: an environment has at most 100 overrides.
	ErrTooManyOverrides = errors.New("this environment has 100 overrides, which is the most")
)

// environmentMeasures are the measures of an environment as they are stored. Those whose
// end has passed stay until the next change.
type environmentMeasures struct {
	// Changed is when measures changed last, apart from those that are here.
	Changed   time.Time  `json:"changed"`
	Pin       *Pin       `json:"pin"`
	Overrides []Override `json:"overrides"` // by feature
}

func (e *environmentMeasures) all() []Measure {
	var all []Measure
	if e.Pin != nil {
		all = append(all, e.Pin.Measure)
	}
	for _, o := range e.Overrides {
		all = append(all, o.Measure)
	}
	return all
}

// Measures is what is in force in an environment at one moment.
type Measures struct {
	Pin       *Pin       // nil: none
	Overrides []Override // by feature
	// changed is when this last changed: what is served has changed then.
	changed time.Time
}

func (m Measures) some() bool { return m.Pin != nil || len(m.Overrides) > 0 }

// pinned returns the digest of the pinned document; "": none is.
func (m Measures) pinned() string {
	if m.Pin == nil {
		return ""
	}
	return m.Pin.SHA256
}

func (m Measures) equal(other Measures) bool {
	a, _ := json.Marshal(m)
	b, _ := json.Marshal(other)
	return string(a) == string(b) && m.changed.Equal(other.changed)
}

type measuresText struct {
	Format       int                                            `json:"format"`
	Environments map[domain.EnvironmentKey]*environmentMeasures `json:"environments"`
}

// measures are the measures of all environments, as the store has them: a layer over the
// documents. All nodes that share the store apply them. Each node ends them by its own
// clock: for a measure that it saw begin, as long after that as it lasts, so that clocks
// that differ do not matter; after a start, when its end has come. It is safe for
// concurrent use.
type measures struct {
	store  ports.Stater
	config *atomic.Pointer[Config]
	now    func() time.Time
	logger *slog.Logger
	recent *Recent
	wake   func(domain.EnvironmentKey) // is called when the measures of an environment changed
	hints  chan struct{}

	loading *semaphore // held by load, so that many keepers that start look once

	mu      sync.Mutex // taken after loading; not held over a call of the store
	loaded  bool
	version ports.Version
	text    measuresText
	ends    map[Measure]time.Time // by this node's clock
	inForce map[domain.EnvironmentKey]Measures
}

func newMeasures(deps Deps, config *atomic.Pointer[Config], recent *Recent, wake func(domain.EnvironmentKey)) *measures {
	return &measures{
		store: deps.Store, config: config, now: deps.Now, logger: deps.Logger, recent: recent, wake: wake, hints: make(chan struct{}, 1),
		loading: newSemaphore(1),
		ends:    map[Measure]time.Time{}, inForce: map[domain.EnvironmentKey]Measures{},
	}
}

// hint has the store be looked at soon: a record has changed, and measures may have. It
// never waits.
func (m *measures) hint() {
	select {
	case m.hints <- struct{}{}:
	default:
	}
}

// run follows the store, and ends measures on time, until ctx ends.
func (m *measures) run(ctx context.Context) {
	looked := m.now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-m.hints: // before a look that is due too, so that the order is always the same
			m.look(ctx)
			looked = m.now()
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-m.hints:
			m.look(ctx)
			looked = m.now()
		case <-timer.C:
			if due := looked.Add(m.config.Load().Freshness.PollInterval); !m.now().Before(due) {
				m.look(ctx)
				looked = m.now()
			}
		}
		m.enforce(ctx)
		timer.Reset(m.pause())
	}
}

// pause returns the time until something is due: the next end, or the next look.
func (m *measures) pause() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	pause, now := m.config.Load().Freshness.PollInterval, m.now()
	for _, end := range m.ends {
		if rest := end.Sub(now); rest > 0 {
			pause = min(pause, rest)
		}
	}
	return pause
}

// load looks at the store unless that was done before. It returns early when ctx ends.
func (m *measures) load(ctx context.Context) {
	release, err := m.loading.acquire(ctx)
	if err != nil {
		return
	}
	defer release()
	m.mu.Lock()
	known := m.loaded
	m.mu.Unlock()
	if !known {
		m.look(ctx)
		m.enforce(ctx)
	}
}

// look reads what the store has.
func (m *measures) look(ctx context.Context) {
	if text, version, err := m.read(ctx); err == nil {
		m.adopt(text, version)
	} else {
		logStoreError(ctx, m.logger, "reading the measures", err)
	}
}

func (m *measures) read(ctx context.Context) (text measuresText, version ports.Version, err error) {
	value, version, err := m.store.GetState(ctx, measuresName)
	if missing(err) {
		return measuresText{}, "", nil
	}
	if err == nil {
		err = json.Unmarshal(value, &text)
	}
	if err == nil && text.Format != measuresFormat {
		err = fmt.Errorf("the measures in the store have format %d; this program knows %d", text.Format, measuresFormat)
	}
	return text, version, err
}

// adopt takes over what was read or written.
func (m *measures) adopt(text measuresText, version ports.Version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.loaded && version == m.version {
		return
	}
	ends, now := map[Measure]time.Time{}, m.now()
	for _, e := range text.Environments {
		for _, one := range e.all() {
			end, known := m.ends[one]
			switch {
			case known:
			case m.loaded: // it has just begun
				end = now.Add(one.Until.Sub(one.Since))
			default:
				end = one.Until
			}
			ends[one] = end
		}
	}
	m.loaded, m.version, m.text, m.ends = true, version, text, ends
}

// enforce finds out what is in force now, and wakes the keepers for which that changed.
func (m *measures) enforce(ctx context.Context) {
	m.mu.Lock()
	now := m.now()
	next := map[domain.EnvironmentKey]Measures{}
	for key, e := range m.text.Environments {
		next[key] = m.at(e, now)
	}
	var changed []domain.EnvironmentKey
	former := m.inForce
	for key := range next {
		if !next[key].equal(former[key]) {
			changed = append(changed, key)
		}
	}
	for key := range former {
		if _, still := next[key]; !still {
			changed = append(changed, key)
		}
	}
	m.inForce = next
	m.mu.Unlock()
	slices.Sort(changed)
	for _, key := range changed {
		m.report(ctx, key, former[key], next[key])
		m.wake(key)
	}
}

// at returns what is in force of e. The caller holds m.mu.
func (m *measures) at(e *environmentMeasures, now time.Time) Measures {
	in := Measures{changed: e.Changed}
	applies := func(one Measure) bool {
		in.changed = later(in.changed, one.Since)
		if m.ends[one].After(now) {
			return true
		}
		in.changed = later(in.changed, one.Until)
		return false
	}
	if e.Pin != nil && applies(e.Pin.Measure) {
		in.Pin = e.Pin
	}
	for _, o := range e.Overrides {
		if applies(o.Measure) {
			in.Overrides = append(in.Overrides, o)
		}
	}
	return in
}

// report logs what begins and ends on this node.
func (m *measures) report(ctx context.Context, key domain.EnvironmentKey, former, next Measures) {
	before, after := former.described(), next.described()
	for what, one := range after {
		if before[what] != one {
			m.log(ctx, key, "measure_begins", what, one)
		}
	}
	for what, one := range before {
		if _, still := after[what]; !still {
			m.log(ctx, key, "measure_ends", what, one)
		}
	}
}

func (m *measures) log(ctx context.Context, key domain.EnvironmentKey, event eventName, what string, one Measure) {
	m.logger.WarnContext(ctx, string(event), "client_side_key", string(key), "measure", what, "author", one.Author, "reason", one.Reason, "until", formatTime(one.Until))
	verb := "begins, until " + formatTime(one.Until)
	if event == "measure_ends" {
		verb = "ends"
	}
	m.recent.Add(string(event), key, fmt.Sprintf("The %s by %s %s: %s", what, one.Author, verb, one.Reason))
}

// described returns the measures by what they do.
func (m Measures) described() map[string]Measure {
	all := map[string]Measure{}
	if m.Pin != nil {
		all["pin of document "+m.Pin.SHA256[:min(12, len(m.Pin.SHA256))]] = m.Pin.Measure
	}
	for _, o := range m.Overrides {
		all["override of feature "+o.Feature] = o.Measure
	}
	return all
}

// of returns what is in force in an environment.
func (m *measures) of(key domain.EnvironmentKey) Measures {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inForce[key]
}

// change changes the measures of an environment in the store and applies them here.
// Errors: those of edit; the store's.
func (m *measures) change(ctx context.Context, key domain.EnvironmentKey, edit func(*environmentMeasures) error) error {
	for range 5 {
		text, version, err := m.read(ctx)
		if err != nil {
			return err
		}
		m.adopt(text, version)
		m.enforce(ctx)
		next := measuresText{Format: measuresFormat, Environments: map[domain.EnvironmentKey]*environmentMeasures{}}
		for other, e := range text.Environments {
			next.Environments[other] = e
		}
		// Only what is in force stays, and Changed remembers the rest.
		in := m.of(key)
		e := &environmentMeasures{Changed: in.changed, Pin: in.Pin, Overrides: slices.Clone(in.Overrides)}
		if err := edit(e); err != nil {
			return err
		}
		e.Changed = later(e.Changed.Add(time.Microsecond), m.now().UTC().Truncate(time.Microsecond))
		next.Environments[key] = e
		value, err := json.Marshal(next)
		if err != nil {
			return err
		}
		version, err = m.store.PutState(ctx, measuresName, value, version)
		switch {
		case err == nil:
			m.adopt(next, version)
			m.enforce(ctx)
			return nil
		case !errors.Is(err, ports.ErrConflict):
			return err
		}
	}
	return ports.ErrConflict
}

// lasting returns a measure that begins now.
func (a *App) lasting(author, reason string, lasts time.Duration) (Measure, error) {
	switch {
	case lasts <= 0 || lasts > LongestMeasure:
		return Measure{}, ErrDuration
	case reason == "":
		return Measure{}, ErrReason
	}
	now := a.deps.Now().UTC().Truncate(time.Microsecond)
	return Measure{Author: author, Reason: reason, Since: now, Until: now.Add(lasts)}, nil
}

// PinDocument has a document of the history served for some time, in place of newer ones,
// by all nodes that share the store. version is as for Document. Errors: ErrDuration,
// ErrReason, ErrUnknownEnvironment, ErrNoSuchVersion; the store's.
func (a *App) PinDocument(ctx context.Context, key domain.EnvironmentKey, version, author, reason string, lasts time.Duration) (Pin, error) {
	one, err := a.lasting(author, reason, lasts)
	if err != nil {
		return Pin{}, err
	}
	entry, _, err := a.Document(ctx, key, version)
	if err != nil {
		return Pin{}, err
	}
	pin := Pin{one, entry.SHA256}
	return pin, a.change(ctx, key, func(e *environmentMeasures) error { e.Pin = &pin; return nil })
}

// Rollback pins the document before the one that is pinned or, without a pin, before the
// newest. Errors: as PinDocument.
func (a *App) Rollback(ctx context.Context, key domain.EnvironmentKey, author, reason string, lasts time.Duration) (Pin, error) {
	entries, err := a.History(ctx, key)
	if err != nil {
		return Pin{}, err
	}
	at := 0
	if pin := a.roster.measures.of(key).Pin; pin != nil {
		at = max(0, slices.IndexFunc(entries, func(e HistoryEntry) bool { return e.SHA256 == pin.SHA256 }))
	}
	if at+1 >= len(entries) {
		return Pin{}, ErrNoSuchVersion
	}
	return a.PinDocument(ctx, key, entries[at+1].SHA256, author, reason, lasts)
}

// EndPin ends a pin. Errors: ErrUnknownEnvironment, ErrNoSuchMeasure; the store's.
func (a *App) EndPin(ctx context.Context, key domain.EnvironmentKey) error {
	return a.change(ctx, key, func(e *environmentMeasures) error {
		if e.Pin == nil {
			return ErrNoSuchMeasure
		}
		e.Pin = nil
		return nil
	})
}

// OverrideFeature sets a feature for everybody, for some time, on all nodes that share the
// store. Errors: ErrDuration, ErrReason, ErrUnknownEnvironment, ErrNoDocument,
// ErrUnknownFeature, ErrTooManyOverrides; the store's. o must be valid.
func (a *App) OverrideFeature(ctx context.Context, key domain.EnvironmentKey, feature string, o domain.FeatureOverride, author, reason string, lasts time.Duration) (Override, error) {
	one, err := a.lasting(author, reason, lasts)
	if err != nil {
		return Override{}, err
	}
	if a.roster.keeper(key) == nil {
		return Override{}, ErrUnknownEnvironment
	}
	served := a.Snapshot().Environment(key)
	if served == nil {
		return Override{}, ErrNoDocument
	}
	if _, known := served.Program.Feature(feature); !known {
		return Override{}, ErrUnknownFeature
	}
	override := Override{one, feature, o}
	return override, a.change(ctx, key, func(e *environmentMeasures) error {
		e.Overrides = slices.DeleteFunc(e.Overrides, func(o Override) bool { return o.Feature == feature })
		if len(e.Overrides) >= maxOverrides {
			return ErrTooManyOverrides
		}
		e.Overrides = append(e.Overrides, override)
		slices.SortFunc(e.Overrides, func(a, b Override) int { return cmp.Compare(a.Feature, b.Feature) })
		return nil
	})
}

// EndOverride ends the override of a feature. Errors: ErrUnknownEnvironment,
// ErrNoSuchMeasure; the store's.
func (a *App) EndOverride(ctx context.Context, key domain.EnvironmentKey, feature string) error {
	return a.change(ctx, key, func(e *environmentMeasures) error {
		left := slices.DeleteFunc(e.Overrides, func(o Override) bool { return o.Feature == feature })
		if len(left) == len(e.Overrides) {
			return ErrNoSuchMeasure
		}
		e.Overrides = left
		return nil
	})
}

// change changes the measures of an environment, and has the other nodes look at them.
func (a *App) change(ctx context.Context, key domain.EnvironmentKey, edit func(*environmentMeasures) error) error {
	k := a.roster.keeper(key)
	if k == nil {
		return ErrUnknownEnvironment
	}
	if err := a.roster.measures.change(ctx, key, edit); err != nil {
		return err
	}
	k.wakes.by(ofOperator)
	return nil
}
