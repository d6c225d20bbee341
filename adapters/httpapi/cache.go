package httpapi

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// evaluationCache is the endpoint cache of identities: how features came out for
// the identities asked for last. What it remembers of an environment belongs to
// one revision of its document and is dropped when another one is asked about,
// so that nothing stale can be served. It holds on to no document.
//
// It keeps outcomes, not bodies: they are small, and putting an answer together
// costs less than storing it. It is safe for concurrent use.
//
// An identity is remembered when it is asked for a second time, as far as missed
// tells: with more identities than there is room for, each would make another one
// go in vain, and remembering is some hundredths of an answer's cost.
type evaluationCache struct {
	maxSize int
	seed    maphash.Seed

	mu           sync.Mutex
	missed       []uint64 // hashes of identities that were asked for, each in its place
	size         int
	environments map[domain.EnvironmentKey]*cachedEnvironment
	recent       cachedEvaluation // head of a ring, the most recently used next
}

type cachedEnvironment struct {
	key         domain.EnvironmentKey
	revision    [32]byte
	evaluations map[string]*cachedEvaluation // by the identity as JSON
}

type cachedEvaluation struct {
	environment *cachedEnvironment
	identity    string
	outcomes    []engine.OutcomeID // never changed, so that it can be handed out
	prev, next  *cachedEvaluation
}

// mostMissed bounds the memory for identities that are not remembered.
const mostMissed = 1 << 16

// newEvaluationCache returns nil for a cache that is switched off.
func newEvaluationCache(c Cache) *evaluationCache {
	if !c.Use || c.MaxSize <= 0 {
		return nil
	}
	cache := &evaluationCache{
		maxSize: c.MaxSize, seed: maphash.MakeSeed(),
		missed: make([]uint64, min(c.MaxSize, mostMissed)), environments: make(map[domain.EnvironmentKey]*cachedEnvironment),
	}
	cache.recent.prev, cache.recent.next = &cache.recent, &cache.recent
	return cache
}

// get returns the remembered outcomes for an identity, written as JSON. They are
// read-only.
func (c *evaluationCache) get(e *app.Environment, identity []byte) ([]engine.OutcomeID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	environment := c.environments[e.Key]
	if environment == nil || environment.revision != e.Digest {
		return nil, false
	}
	v := environment.evaluations[string(identity)]
	if v == nil {
		return nil, false
	}
	v.unlink()
	c.recent.insertNext(v)
	return v.outcomes, true
}

// put remembers a copy of the outcomes, unless it is the first time.
func (c *evaluationCache) put(e *app.Environment, identity []byte, outcomes []engine.OutcomeID) {
	hash := maphash.Bytes(c.seed, identity)
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := &c.missed[hash%uint64(len(c.missed))]; *place != hash {
		*place = hash
		return
	}
	v := &cachedEvaluation{identity: string(identity), outcomes: slices.Clone(outcomes)}
	environment := c.environments[e.Key]
	if environment != nil && environment.revision != e.Digest {
		for _, old := range environment.evaluations {
			c.remove(old)
		}
		environment = nil
	}
	if environment == nil {
		environment = &cachedEnvironment{e.Key, e.Digest, make(map[string]*cachedEvaluation)}
		c.environments[e.Key] = environment
	}
	if environment.evaluations[v.identity] != nil {
		return // another request was faster
	}
	v.environment = environment
	environment.evaluations[v.identity] = v
	c.recent.insertNext(v)
	if c.size++; c.size > c.maxSize {
		c.remove(c.recent.prev)
	}
}

// remove forgets v, and its environment when nothing is left of it.
func (c *evaluationCache) remove(v *cachedEvaluation) {
	v.unlink()
	c.size--
	delete(v.environment.evaluations, v.identity)
	if len(v.environment.evaluations) == 0 {
		delete(c.environments, v.environment.key)
	}
}

func (v *cachedEvaluation) unlink() { v.prev.next, v.next.prev = v.next, v.prev }

func (v *cachedEvaluation) insertNext(w *cachedEvaluation) {
	w.prev, w.next = v, v.next
	v.next.prev, v.next = w, w
}
