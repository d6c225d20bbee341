package bolt

import (
	"errors"
	"maps"
	"sync"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// confirmation is when upstream confirmed a version of a document.
type confirmation struct {
	version ports.Version
	at      time.Time
}

// latest returns when the revision h was last confirmed, as far as h and c know.
func (c confirmation) latest(h head) time.Time {
	if c.version == h.version && c.at.After(h.checkedAt) {
		return c.at
	}
	return h.checkedAt
}

// confirmations are those that came by Touch: the latest of each document, kept until
// the document goes, and which of them the file does not have yet. They are few
// bytes for each document.
type confirmations struct {
	// waiting holds one when there may be some that are not in the file.
	waiting chan struct{}

	mu        sync.Mutex
	latest    map[domain.EnvironmentKey]confirmation
	unwritten map[domain.EnvironmentKey]confirmation
}

func newConfirmations() *confirmations {
	return &confirmations{
		waiting:   make(chan struct{}, 1),
		latest:    make(map[domain.EnvironmentKey]confirmation),
		unwritten: make(map[domain.EnvironmentKey]confirmation),
	}
}

// of returns the latest confirmation of key, which may be of a former version.
func (c *confirmations) of(key domain.EnvironmentKey) confirmation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest[key]
}

// add notes the confirmation of key if it is of the version that current returns,
// and later than what is known. Errors: as Touch.
func (c *confirmations) add(key domain.EnvironmentKey, of confirmation, current func() (head, error)) error {
	// While current reads the file, so that of two versions the later one stays.
	c.mu.Lock()
	defer c.mu.Unlock()
	h, err := current()
	switch {
	case errors.Is(err, ports.ErrCorrupt):
		return ports.ErrNotFound // what cannot be read counts as absent
	case err != nil:
		return err
	case h.version != of.version:
		return ports.ErrConflict
	case !of.at.After(c.latest[key].latest(h)):
		return nil
	}
	c.latest[key], c.unwritten[key] = of, of
	select {
	case c.waiting <- struct{}{}:
	default:
	}
	return nil
}

// forget drops what is known of key, unless it is of the version that current returns: the
// record may have been written and confirmed again since it was removed.
func (c *confirmations) forget(key domain.EnvironmentKey, current func() (head, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, err := current(); err == nil && h.version == c.latest[key].version {
		return
	}
	delete(c.latest, key)
	delete(c.unwritten, key)
}

// write brings all that are not in the file into it, in one transaction.
func (c *confirmations) write(f *file) error {
	c.mu.Lock()
	writing := maps.Clone(c.unwritten)
	c.mu.Unlock()
	if len(writing) == 0 {
		return nil
	}
	err := f.update(func(tx *bbolt.Tx) error {
		changed := false
		for key, of := range writing {
			h, err := documents().head(tx, string(key))
			if err != nil || !of.latest(h).After(h.checkedAt) {
				continue // replaced, deleted or damaged meanwhile
			}
			h.checkedAt = of.at
			if err := writeHead(tx, documents().current, string(key), h); err != nil {
				return err
			}
			changed = true
		}
		if !changed {
			return errUnchanged
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, of := range writing {
		if c.unwritten[key] == of {
			delete(c.unwritten, key)
		}
	}
	return nil
}
