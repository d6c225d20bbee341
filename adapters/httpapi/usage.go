package httpapi

import (
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Usage counts served requests. It is on the path of every request and called
// concurrently.
type Usage interface {
	Count(key domain.EnvironmentKey, what domain.Resource)
}

// served counts a request that is about to be answered with the resource or with 304.
// Errors are not counted. It is called before the answer is written, so that no answer
// is missing from the count.
func (a *API) served(entry app.Entry, what domain.Resource) {
	if a.usage != nil {
		a.usage.Count(entry.Key, what)
	}
}
