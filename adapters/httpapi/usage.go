package httpapi

import (
	"net/http"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Usage counts served requests. It is on the path of every request and called
// concurrently.
type Usage interface {
	Count(key domain.EnvironmentKey, what domain.Service)
}

// served counts a request that is about to be answered with what it asked for or with 304.
// Errors are not counted. It is called before the answer is written, so that no answer
// is missing from the count.
func (a *API) served(r *http.Request, entry app.Entry, what domain.Service) {
	a.counters.servedTo(r.Header)
	if a.usage != nil {
		a.usage.Count(entry.Key, what)
	}
}
