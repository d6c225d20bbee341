package httpapi

import (
	"net/http"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/uptrace/bunrouter"
)

// getFlags answers the environment's flags, without an identity: all of them or,
// with ?feature=NAME, that one.
func (a *API) getFlags(w http.ResponseWriter, r bunrouter.Request) error {
	entry, err := a.environment(r.Request)
	if err != nil {
		return err
	}
	p := presentationOf(entry.Environment)
	flags := p.flags[entry.Access]
	if name, _ := queryValue(r.URL.RawQuery, "feature"); name != "" {
		if flags = p.feature(entry, name); flags == nil {
			return unknownFeature(name)
		}
	}
	a.served(entry, domain.ResourceFlags)
	a.writePrepared(w, r.Request, p, flags)
	return nil
}
