package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Check is the result of trying one server-side key of an environment.
type Check struct {
	// Environment was fetched with Key. Discovered: it is known by a proxy key.
	Environment domain.EnvironmentKey
	Key         domain.ServerKey
	Discovered  bool
	// Err is why the document could not be fetched or is unusable; it may be ctx's
	// error. Then the fields of the document are zero.
	Err error
	// Of the document: its updated_at, zero when it has none, the size and the
	// SHA-256 of its JSON, pages merged, and what is wrong with it.
	UpdatedAt time.Time
	Bytes     int
	Digest    [sha256.Size]byte
	Problems  []domain.Problem
	// Costly are regular expressions of the document that use up the budget of an
	// evaluation on some short texts.
	Costly []domain.Problem
	// ClockAhead is by how much upstream's clock is ahead of this one, as far as the
	// response says, and 0 where they may agree. Dated: the response says it.
	ClockAhead time.Duration
	Dated      bool
	// Mismatch is the document's own api_key where that differs from the environment's
	// client-side key.
	Mismatch string
}

// CheckAll fetches and checks a document with each server-side key that is known whole,
// at most concurrency at a time. It returns the results in the order of the keys. When
// ctx ends, the remaining results have its error. now is this node's clock; it may be
// called by several goroutines at the same time.
func CheckAll(ctx context.Context, upstream ports.Upstream, environments []domain.EnvironmentKeys, concurrency int, now func() time.Time) []Check {
	var checks []Check
	for _, e := range environments {
		for _, c := range e.Server {
			if !c.Key.IsZero() {
				checks = append(checks, Check{Environment: e.Client, Key: c.Key, Discovered: e.Discovered})
			}
		}
	}
	var all sync.WaitGroup
	slots := newSemaphore(max(1, concurrency))
	for i := range checks {
		all.Go(func() {
			release, err := slots.acquire(ctx)
			if err != nil {
				checks[i].Err = err
				return
			}
			defer release()
			checks[i].run(ctx, upstream, now)
		})
	}
	all.Wait()
	return checks
}

func (c *Check) run(ctx context.Context, upstream ports.Upstream, now func() time.Time) {
	asked := now()
	answer, err := upstream.FetchDocument(ctx, ports.DocumentRequest{Environment: c.Environment, Key: c.Key, Discovered: c.Discovered})
	answered := now()
	if err == nil && answer.NotModified {
		err = errors.New("upstream sent no document")
	}
	if err != nil {
		c.Err = err
		return
	}
	if c.Dated = !answer.Date.IsZero(); c.Dated {
		var clock clockOffset
		clock.observe(answer.Date, asked, answered)
		c.ClockAhead = clock.get()
	}
	document, problems, err := domain.ParseEnvironment(string(answer.Body))
	if err != nil {
		c.Err = err
		return
	}
	_, more := engine.Compile(document)
	c.UpdatedAt, c.Bytes, c.Digest, c.Problems = document.UpdatedAt, len(answer.Body), sha256.Sum256(answer.Body), append(problems, more...)
	c.Costly = engine.CostlyPatterns(document)
	if document.APIKey != string(c.Environment) {
		c.Mismatch = document.APIKey
	}
}
