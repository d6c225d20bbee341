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

// Check is what came of trying one server-side key of an environment.
type Check struct {
	Environment domain.EnvironmentKey
	Key         domain.ServerKey
	Discovered  bool
	Err         error // the document could not be fetched or is unusable
	UpdatedAt   time.Time
	Bytes       int
	Digest      [sha256.Size]byte
	// Mismatch is the document's own api_key where that is another one than the
	// environment's client-side key.
	Mismatch string
	Problems []domain.Problem
}

// CheckAll tries every server-side key that is known whole against upstream, at most
// concurrency at a time, and returns the results in order.
func CheckAll(ctx context.Context, upstream ports.Upstream, environments []domain.EnvironmentKeys, concurrency int) []Check {
	var checks []Check
	for _, e := range environments {
		for _, c := range e.Server {
			if !c.Key.IsZero() {
				checks = append(checks, Check{Environment: e.Client, Key: c.Key, Discovered: e.Discovered})
			}
		}
	}
	var all sync.WaitGroup
	places := make(chan struct{}, max(1, concurrency))
	for i := range checks {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			checks[i].run(ctx, upstream)
		})
	}
	all.Wait()
	return checks
}

func (c *Check) run(ctx context.Context, upstream ports.Upstream) {
	answer, err := upstream.FetchDocument(ctx, ports.DocumentRequest{Environment: c.Environment, Key: c.Key, Discovered: c.Discovered})
	if err == nil && answer.NotModified {
		err = errors.New("upstream sent no document")
	}
	if err != nil {
		c.Err = err
		return
	}
	document, problems, err := domain.ParseEnvironment(string(answer.Body))
	if err != nil {
		c.Err = err
		return
	}
	_, more := engine.Compile(document)
	c.UpdatedAt, c.Bytes, c.Digest, c.Problems = document.UpdatedAt, len(answer.Body), sha256.Sum256(answer.Body), append(problems, more...)
	if document.APIKey != string(c.Environment) {
		c.Mismatch = document.APIKey
	}
}
