package app

import (
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Announcements notify listeners when a new document is served. They are safe for
// concurrent use.
type Announcements interface {
	// Listen starts listening to an environment. After each change the channel receives
	// the updated_at of the document that is served then; of several changes that were
	// not received yet, only the last stays. The channel is closed when the environment
	// is no longer served. stop ends the listening and must be called.
	Listen(key domain.EnvironmentKey) (updates <-chan time.Time, stop func())
}

// announcer sends announcements to listeners without waiting for them.
type announcer struct {
	mu        sync.Mutex
	listeners map[domain.EnvironmentKey]map[chan time.Time]struct{}
}

func newAnnouncer() *announcer {
	return &announcer{listeners: map[domain.EnvironmentKey]map[chan time.Time]struct{}{}}
}

// Listen implements Announcements.
func (a *announcer) Listen(key domain.EnvironmentKey) (updates <-chan time.Time, stop func()) {
	listener := make(chan time.Time, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listeners[key] == nil {
		a.listeners[key] = map[chan time.Time]struct{}{}
	}
	a.listeners[key][listener] = struct{}{}
	return listener, func() { a.remove(key, listener) }
}

func (a *announcer) remove(key domain.EnvironmentKey, listener chan time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.listeners[key], listener)
	if len(a.listeners[key]) == 0 {
		delete(a.listeners, key)
	}
}

// end closes the channels of an environment's listeners.
func (a *announcer) end(key domain.EnvironmentKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for listener := range a.listeners[key] {
		close(listener)
	}
	delete(a.listeners, key)
}

// announce is called once the document is served.
func (a *announcer) announce(e *Environment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for listener := range a.listeners[e.Key] {
		select {
		case <-listener: // replaces what was not received yet
		default:
		}
		listener <- e.UpdatedAt // has room: only this method sends, one call at a time
	}
}

// counts returns how many listeners each environment has; environments without any are
// left out.
func (a *announcer) counts() map[domain.EnvironmentKey]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	counts := make(map[domain.EnvironmentKey]int, len(a.listeners))
	for key, listeners := range a.listeners {
		counts[key] = len(listeners)
	}
	return counts
}
