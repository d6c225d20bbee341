package reporting

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/edge-proxy/edge-proxy/domain"
)

// OtherFeatures stands for all features, and as an environment for all environments, that
// have no total of their own in Features.
const OtherFeatures = "_other"

// Features keeps totals of the evaluations that applications report, by environment and
// feature, beside the counts that Analytics delivers and forgets. The number of totals is
// bounded: features that come too late are added up under OtherFeatures. A total never
// decreases and never moves. Features is safe for concurrent use; make it with NewFeatures.
type Features struct {
	// environments has those that Track was given. The map never changes.
	environments atomic.Pointer[map[domain.EnvironmentKey]*featuresOf]
	// others is the total of environments without one of their own.
	others atomic.Int64
	// full says that no totals are left, so that mu need not be taken.
	full atomic.Bool

	mu   sync.Mutex // held while the set of totals changes
	free int        // how many more totals there may be
}

// featuresOf has the totals of one environment.
type featuresOf struct {
	named sync.Map // from names of features to *atomic.Int64
	// rest is the total of all other features; nil until something is counted.
	rest atomic.Pointer[atomic.Int64]

	// Features.mu guards these.
	totals  int
	removed bool
}

// NewFeatures returns Features with room for most totals, at least 1.
func NewFeatures(most int) *Features {
	f := &Features{free: most - 1} // one is others
	f.environments.Store(&map[domain.EnvironmentKey]*featuresOf{})
	return f
}

// Track sets which environments exist. The totals of removed ones are forgotten.
func (f *Features) Track(environments []domain.EnvironmentKeys) {
	f.mu.Lock()
	defer f.mu.Unlock()
	former := *f.environments.Load()
	next := make(map[domain.EnvironmentKey]*featuresOf, len(environments))
	for _, keys := range environments {
		if next[keys.Client] = former[keys.Client]; next[keys.Client] == nil {
			next[keys.Client] = new(featuresOf)
		}
	}
	for key, e := range former {
		if next[key] == nil {
			e.removed = true
			f.free += e.totals
		}
	}
	f.full.Store(f.free <= 0)
	f.environments.Store(&next)
}

// add adds evaluations of a feature. It takes a lock only for the first ones. It does not
// keep feature, and does nothing for nil.
func (f *Features) add(key domain.EnvironmentKey, feature string, evaluations int64) {
	if f == nil {
		return
	}
	e := (*f.environments.Load())[key]
	if e == nil {
		return
	}
	feature = strings.ToValidUTF8(feature, "\uFFFD")
	if total, known := e.named.Load(feature); known {
		total.(*atomic.Int64).Add(evaluations)
		return
	}
	if rest := e.rest.Load(); rest != nil && (f.full.Load() || feature == OtherFeatures) {
		rest.Add(evaluations)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !e.removed {
		f.total(key, e, feature).Add(evaluations)
	}
}

// total returns the total that a feature is added to, which it makes if there is room. The
// caller holds f.mu.
func (f *Features) total(key domain.EnvironmentKey, e *featuresOf, feature string) *atomic.Int64 {
	if e.rest.Load() == nil {
		rest := &f.others
		if key != OtherFeatures && f.take(e) {
			rest = new(atomic.Int64)
		}
		e.rest.Store(rest)
	}
	if known, is := e.named.Load(feature); is { // since add looked
		return known.(*atomic.Int64)
	}
	if feature == OtherFeatures || e.rest.Load() == &f.others || !f.take(e) {
		return e.rest.Load()
	}
	total := new(atomic.Int64)
	e.named.Store(strings.Clone(feature), total)
	return total
}

// take takes one of the totals that are left for e. It reports false when none is left.
// The caller holds f.mu.
func (f *Features) take(e *featuresOf) bool {
	if f.free <= 0 {
		f.full.Store(true)
		return false
	}
	f.free--
	e.totals++
	return true
}

// Each calls yield with each total that is more than zero. It takes no lock. Names are
// UTF-8.
func (f *Features) Each(yield func(environment domain.EnvironmentKey, feature string, evaluations int64)) {
	some := func(environment domain.EnvironmentKey, feature string, total *atomic.Int64) {
		if n := total.Load(); n > 0 {
			yield(environment, feature, n)
		}
	}
	for key, e := range *f.environments.Load() {
		e.named.Range(func(feature, total any) bool {
			some(key, feature.(string), total.(*atomic.Int64))
			return true
		})
		if rest := e.rest.Load(); rest != nil && rest != &f.others {
			some(key, OtherFeatures, rest)
		}
	}
	some(OtherFeatures, OtherFeatures, &f.others)
}
