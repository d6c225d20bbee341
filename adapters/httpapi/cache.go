package httpapi

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// evaluationCache is the endpoint cache of identities. It stores the outcomes of the
// identities that were requested last. The outcomes of an environment belong to one
// revision of its document. They are dropped when another revision is requested, so
// the cache cannot serve stale answers. It keeps no document in memory.
//
// It stores outcomes rather than bodies: they are small, and assembling an answer costs
// less than storing it. It is safe for concurrent use.
//
// An identity is stored when it is requested for the second time, according to missed.
// Otherwise, with more identities than the cache can hold, each would displace another
// one in vain.
type evaluationCache struct {
	maxSize  int
	maxBytes int64
	seed     maphash.Seed

	mu           sync.Mutex
	missed       []uint64     // a table of hashes of identities that were requested
	size, bytes  atomic.Int64 // changed under mu, and read without it for metrics
	environments map[domain.EnvironmentKey]*cachedEnvironment
	recent       cachedEvaluation // head of a ring; its next is the most recently used
}

type cachedEnvironment struct {
	key         domain.EnvironmentKey
	revision    [32]byte
	evaluations map[string]*cachedEvaluation // by the identity as JSON
}

type cachedEvaluation struct {
	environment *cachedEnvironment
	identity    string
	outcomes    []engine.OutcomeID // never changed, because get returns it
	prev, next  *cachedEvaluation
}

// defaultCacheBytes bounds the bytes of a cache when its options do not.
const defaultCacheBytes = 64 << 20

// entryBytes estimates what an evaluation takes in addition to its identity and its outcomes: the
// struct, its entry in a map, and what the allocator rounds up.
const entryBytes = 250

// cost returns how many bytes the evaluation takes.
func (v *cachedEvaluation) cost() int64 {
	return int64(len(v.identity)+len(v.outcomes)*int(unsafe.Sizeof(engine.OutcomeID(0)))) + entryBytes
}

// maxMissed bounds the memory for identities that are not stored.
const maxMissed = 1 << 16

// newEvaluationCache returns nil when the cache is switched off.
func newEvaluationCache(c Cache) *evaluationCache {
	if !c.Use || c.MaxSize <= 0 {
		return nil
	}
	cache := &evaluationCache{
		maxSize: c.MaxSize, maxBytes: c.MaxBytes, seed: maphash.MakeSeed(),
		missed: make([]uint64, min(c.MaxSize, maxMissed)), environments: make(map[domain.EnvironmentKey]*cachedEnvironment),
	}
	if cache.maxBytes <= 0 {
		cache.maxBytes = defaultCacheBytes
	}
	cache.recent.prev, cache.recent.next = &cache.recent, &cache.recent
	return cache
}

// get returns the stored outcomes of an identity, which is written as JSON. The
// outcomes are read-only.
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

// put stores a copy of the outcomes, unless the identity is requested for the first
// time.
func (c *evaluationCache) put(e *app.Environment, identity []byte, outcomes []engine.OutcomeID) {
	hash := maphash.Bytes(c.seed, identity)
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := &c.missed[hash%uint64(len(c.missed))]; *place != hash {
		*place = hash
		return
	}
	v := &cachedEvaluation{identity: string(identity), outcomes: slices.Clone(outcomes)}
	if v.cost() > c.maxBytes {
		return
	}
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
		return // stored by another request meanwhile
	}
	v.environment = environment
	environment.evaluations[v.identity] = v
	c.recent.insertNext(v)
	size, bytes := c.size.Add(1), c.bytes.Add(v.cost())
	for size > int64(c.maxSize) || bytes > c.maxBytes {
		size, bytes = c.remove(c.recent.prev)
	}
}

// remove removes v, and its environment when it was the last of it. It returns what is
// left.
func (c *evaluationCache) remove(v *cachedEvaluation) (size, bytes int64) {
	v.unlink()
	delete(v.environment.evaluations, v.identity)
	if len(v.environment.evaluations) == 0 {
		delete(c.environments, v.environment.key)
	}
	return c.size.Add(-1), c.bytes.Add(-v.cost())
}

func (v *cachedEvaluation) unlink() { v.prev.next, v.next.prev = v.next, v.prev }

func (v *cachedEvaluation) insertNext(w *cachedEvaluation) {
	w.prev, w.next = v, v.next
	v.next.prev, v.next = w, w
}
