package httpapi

import (
	"net/http"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// DecodeIdentity reads the body of a request for an identity.
var DecodeIdentity = decodeIdentity

// AppendIdentityAnswer appends the answer to such a request of a client.
func AppendIdentityAnswer(dst []byte, e *app.Environment, id *domain.Identity, outcomes []engine.OutcomeID) []byte {
	return appendIdentityFlags(appendIdentity(dst, id, false), presentationOf(e), outcomes, domain.ClientSide)
}

// Admit does all that limits do for the request of a document: its address, its key, and
// the place among those who are sent one.
func Admit(a *API, r *http.Request, entry app.Entry) error {
	if err := a.admitAddress(r); err != nil {
		return err
	}
	if err := a.admitKey(entry); err != nil {
		return err
	}
	if err := a.admitDocument(r); err != nil {
		return err
	}
	a.leaveDocument()
	return nil
}

// CacheHits asks a cache for identities in turn and returns how often it had the
// answer.
func CacheHits(c Cache, e *app.Environment, identities []string) (hits int) {
	cache := newEvaluationCache(c)
	for _, identity := range identities {
		if _, ok := cache.get(e, []byte(identity)); ok {
			hits++
		} else {
			cache.put(e, []byte(identity), nil)
		}
	}
	return hits
}
