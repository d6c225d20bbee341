package httpapi

import (
	"net/http"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// Usage counts served requests. It is on the path of every request and called
// concurrently.
type Usage interface {
	// Count counts one request. Requests that are answered at the same time mostly differ
	// in lane, see Observer.
	Count(key domain.EnvironmentKey, what domain.Service, lane uint32)
}

// served counts a request that is about to be answered with what it asked for or with 304.
// Errors are not counted. It is called before the answer is written, so that no answer
// is missing from the count.
func (a *API) served(w http.ResponseWriter, r *http.Request, entry app.Entry, what domain.Service) {
	lane := w.(*exchange).lane
	if sdks := a.counters.sdks; sdks != nil {
		sdks.add(r.Header, lane)
	}
	if a.o.Usage != nil {
		a.o.Usage.Count(entry.Key, what, lane)
	}
}
