package httpapi

import (
	"net/http"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine/python/query"
)

// getFlags answers with the environment's flags, without an identity: all of them, or
// with ?feature=NAME one.
func (a *API) getFlags(w http.ResponseWriter, r bunrouter.Request) error {
	entry, err := a.serving(r.Request)
	if err != nil {
		return err
	}
	p := presentationOf(entry.Environment)
	flags := p.flags[entry.Access]
	if name, _ := query.Value(r.URL.RawQuery, "feature"); name != "" {
		if flags = p.feature(entry, name); flags == nil {
			return unknownFeature(name)
		}
	}
	a.served(w, r.Request, entry, domain.ServedFlags)
	a.writePrepared(w, r.Request, p, flags)
	return nil
}
