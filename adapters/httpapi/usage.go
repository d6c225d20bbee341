package httpapi

import (
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Usage counts served requests. It is called on the way of every request and from
// many at a time.
type Usage interface {
	Count(key domain.EnvironmentKey, what domain.Resource)
}

// served counts a request that is about to be answered with what it asked for, or
// with 304, which tells the client the same. Errors are not counted. It is called
// before the answer is written, so that who has the answer is counted.
func (a *API) served(entry app.Entry, what domain.Resource) {
	if a.usage != nil {
		a.usage.Count(entry.Key, what)
	}
}
