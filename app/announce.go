package app

import (
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Announcements tell who listens that a new document is being served. All
// methods are safe for concurrent use.
type Announcements interface {
	// Listen begins to listen to an environment. The caller ends it with
	// Listener.Stop.
	Listen(key domain.EnvironmentKey) *Listener
}

// Listener hears of the new documents of one environment.
type Listener struct {
	// C has the updated_at of the document that is served now, after each change.
	// Several changes that nobody took in between are one: the last.
	C <-chan time.Time

	c    chan time.Time
	key  domain.EnvironmentKey
	from *announcer
}

// Stop ends the listening. C is not closed.
func (l *Listener) Stop() { l.from.remove(l) }

// announcer hands announcements to listeners and waits for none of them.
type announcer struct {
	mu        sync.Mutex
	listeners map[domain.EnvironmentKey]map[*Listener]struct{}
}

func newAnnouncer() *announcer {
	return &announcer{listeners: map[domain.EnvironmentKey]map[*Listener]struct{}{}}
}

func (a *announcer) listen(key domain.EnvironmentKey) *Listener {
	c := make(chan time.Time, 1)
	l := &Listener{C: c, c: c, key: key, from: a}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listeners[key] == nil {
		a.listeners[key] = map[*Listener]struct{}{}
	}
	a.listeners[key][l] = struct{}{}
	return l
}

func (a *announcer) remove(l *Listener) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.listeners[l.key], l)
	if len(a.listeners[l.key]) == 0 {
		delete(a.listeners, l.key)
	}
}

// announce is called once the document is served.
func (a *announcer) announce(e *Environment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.listeners[e.Key] {
		select {
		case <-l.c: // what was not taken yet is outdated
		default:
		}
		l.c <- e.UpdatedAt // has room: only this method sends, one call at a time
	}
}
