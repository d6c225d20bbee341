package httpapi

import (
	"sync/atomic"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/sse"
)

// Stats are counts since the start, for metrics. The maps belong to the receiver.
type Stats struct {
	// Rejected is how many requests were refused, by reason.
	Rejected map[string]int64
	// SDKs is how many requests were served, by the SDK that sent them: the names of
	// Flagsmith's SDKs, and "other" for all other clients. It is empty without an Observer.
	SDKs map[string]int64
	// Webhooks is how many calls of the webhook there were, by result.
	Webhooks map[string]int64
	// Streams are the event streams.
	Streams sse.Stats
	// Panics is how many handlers panicked.
	Panics int64
	// CacheHits and CacheMisses are lookups in the cache of identities, CacheEntries and
	// CacheBytes what it holds now. CacheEntries is zero while the cache is switched off.
	CacheHits, CacheMisses, CacheEntries, CacheBytes int64
}

// The results of calls of the webhook.
const (
	webhookAccepted     = "accepted"
	webhookBadSignature = "bad_signature"
	webhookMalformed    = "malformed" // its body could not be read
)

// counters count what Stats reports. They are safe for concurrent use; make them with
// newCounters.
type counters struct {
	rejected               tally[rejection]
	webhooks               tally[string]
	sdks                   *sdkTally // nil: not counted
	panics                 atomic.Int64
	cacheHits, cacheMisses atomic.Int64
}

func newCounters(countSDKs bool) *counters {
	c := &counters{rejected: newTally(rejections()...), webhooks: newTally(webhookAccepted, webhookBadSignature, webhookMalformed)}
	if countSDKs {
		c.sdks = newSDKTally()
	}
	return c
}

// Stats returns the counts of this API and of those that it replaced. It takes no lock.
func (a *API) Stats() Stats {
	c := a.counters
	s := Stats{
		Rejected: c.rejected.counts(), SDKs: c.sdks.counts(), Webhooks: c.webhooks.counts(), Panics: c.panics.Load(), Streams: a.streams.Stats(),
		CacheHits: c.cacheHits.Load(), CacheMisses: c.cacheMisses.Load(),
	}
	if a.evaluations != nil {
		s.CacheEntries, s.CacheBytes = a.evaluations.size.Load(), a.evaluations.bytes.Load()
	}
	return s
}

// Stats returns those of the API in use.
func (s *Switch) Stats() Stats { return s.current.Load().Stats() }
