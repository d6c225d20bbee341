package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/engine/python/query"
	"github.com/edge-proxy/edge-proxy/engine/python/text"
)

// scratch is the working memory of a request with a body. It is reused.
type scratch struct {
	in       []byte
	identity domain.Identity
	outcomes []engine.OutcomeID
	out      []byte
}

// The limits of what is kept for reuse: bytes of a buffer and traits. Larger requests and
// answers are rare, and their memory is released.
const (
	keepBuffer = 256 << 10
	keepTraits = 10_000
)

func (a *API) recycle(s *scratch) {
	if cap(s.in) > keepBuffer {
		s.in = nil
	}
	if cap(s.out) > keepBuffer {
		s.out = make([]byte, 0, firstRead) // room for the identity of the next answer
	}
	if cap(s.identity.Traits) > keepTraits {
		s.identity.Traits = nil
	}
	clear(s.identity.Traits) // they point into the request
	s.identity = domain.Identity{Traits: s.identity.Traits[:0]}
	a.scratches.Put(s)
}

// postIdentity answers with the flags of the identity in the request's body. It
// validates the body before it checks the key (docs/spec/behaviour.md#validation-errors).
func (a *API) postIdentity(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	body, err := a.readIdentity(w, r.Request, s)
	if err != nil {
		return err
	}
	if err := decodeIdentity(body, &s.identity); err != nil {
		return err
	}
	entry, err := a.serving(r.Request)
	if err != nil {
		return err
	}
	s.complete(entry)
	return a.answerIdentity(w, r.Request, entry, s)
}

// complete makes the identity ready for evaluation: it removes traits that do not apply
// and gives it an identifier. Of two traits with one key the last one applies, and the
// answer repeats both, as recorded.
func (s *scratch) complete(entry app.Entry) {
	id := &s.identity
	if ignoresTraits(entry) {
		id.Traits = id.Traits[:0]
	}
	if text.IsBlank(id.Identifier) {
		id.Identifier = transientIdentifier(id.Traits)
	}
}

// ignoresTraits reports whether the traits of a request do not apply.
func ignoresTraits(entry app.Entry) bool {
	return entry.Access == domain.ClientSide && entry.Environment.Serving.IgnoreClientTraits
}

// getIdentity answers with the flags of the identity in ?identifier=, which has no
// traits. A blank identifier is valid here.
func (a *API) getIdentity(w http.ResponseWriter, r bunrouter.Request) error {
	identifier, ok := query.Value(r.URL.RawQuery, "identifier")
	switch {
	case !ok:
		return errMissingIdentifier
	case tooLong(identifier, maxIdentity):
		return invalid(problems{{longIdentity, `["query","identifier"]`, string(jsonscan.AppendString(nil, cut(identifier)))}})
	}
	entry, err := a.serving(r.Request)
	if err != nil {
		return err
	}
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	s.identity.Identifier = identifier
	if name, _ := query.Value(r.URL.RawQuery, "feature"); name != "" {
		return a.answerIdentityFeature(w, r.Request, entry, s, name)
	}
	return a.answerIdentity(w, r.Request, entry, s)
}

// answerIdentityFeature evaluates s.identity and writes the flag of that name alone.
func (a *API) answerIdentityFeature(w http.ResponseWriter, r *http.Request, entry app.Entry, s *scratch, name string) error {
	p := presentationOf(entry.Environment)
	s.out = appendIdentity(s.out[:0], &s.identity, false)
	i, known := entry.Environment.Program.Feature(name)
	if !known {
		return errGivenFeature
	}
	id := a.evaluate(w, entry.Environment, s)[i]
	if entry.Access == domain.ClientSide && p.hidden[id] {
		return errGivenFeature
	}
	a.served(w, r, entry, domain.ServedIdentities)
	p.stamp(w.Header())
	flag := p.fragments().of(id)
	s.out = append(s.out[:0], flag[:len(flag)-1]...)
	tag := p.seeds.identity(entry.Access, s.out)
	if notModified(w, r, tag) {
		return nil
	}
	return a.writeTagged(w, r, http.StatusOK, s.out, tag)
}

// errGivenFeature has the words of the Flagsmith API.
var errGivenFeature = detailed(http.StatusNotFound, "Given feature not found")

// answerIdentity evaluates s.identity and writes the answer: the identity as it was
// sent, then the prepared flag of every outcome.
func (a *API) answerIdentity(w http.ResponseWriter, r *http.Request, entry app.Entry, s *scratch) error {
	a.served(w, r, entry, domain.ServedIdentities)
	p := presentationOf(entry.Environment)
	p.stamp(w.Header())
	s.out = appendIdentity(s.out[:0], &s.identity, false)
	tag := p.seeds.identity(entry.Access, s.out)
	if notModified(w, r, tag) {
		return nil
	}
	outcomes := a.evaluate(w, entry.Environment, s)
	if entry.Environment.Serving.HideTraits {
		s.out = appendIdentity(s.out[:0], &s.identity, true)
	}
	s.out = appendIdentityFlags(s.out, p, outcomes, entry.Access)
	return a.writeTagged(w, r, http.StatusOK, s.out, tag)
}

// evaluate returns the outcomes of the features of e for s.identity, which is in s.out
// as JSON. The result is read-only and valid until s is used again. w is the handler's.
func (a *API) evaluate(w http.ResponseWriter, e *app.Environment, s *scratch) []engine.OutcomeID {
	span := factsOf(w)
	if a.evaluations == nil {
		return s.evaluate(e.Program, span, a.o.Now)
	}
	if outcomes, ok := a.evaluations.get(e, s.out); ok {
		a.counters.cacheHits.Add(1)
		span.cache = "hit"
		return outcomes
	}
	a.counters.cacheMisses.Add(1)
	span.cache = "miss"
	outcomes := s.evaluate(e.Program, span, a.o.Now)
	a.evaluations.put(e, s.out, outcomes)
	return outcomes
}

// evaluate evaluates s.identity, and measures that for a request that is sampled.
func (s *scratch) evaluate(p *engine.Program, span *spanFacts, now func() time.Time) []engine.OutcomeID {
	if !span.sampled {
		s.outcomes = p.Evaluate(s.outcomes[:0], &s.identity)
		return s.outcomes
	}
	began := now()
	s.outcomes = p.Evaluate(s.outcomes[:0], &s.identity)
	span.evaluated = now().Sub(began)
	return s.outcomes
}

// appendIdentity appends the first part of an answer: the identity, up to its flags.
// Without its traits, the list of traits is empty.
func appendIdentity(dst []byte, id *domain.Identity, withoutTraits bool) []byte {
	dst = jsonscan.AppendString(append(dst, `{"identifier":`...), id.Identifier)
	dst = append(dst, `,"traits":[`...)
	if withoutTraits {
		return append(dst, ']')
	}
	for i := range id.Traits {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsonscan.AppendString(append(dst, `{"trait_key":`...), id.Traits[i].Key)
		dst = id.Traits[i].Value.AppendJSON(append(dst, `,"trait_value":`...))
		if id.Traits[i].Marked {
			dst = strconv.AppendBool(append(dst, `,"transient":`...), id.Traits[i].Transient)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendIdentityFlags appends the rest of an answer: the flags.
func appendIdentityFlags(dst []byte, p *presentation, outcomes []engine.OutcomeID, access domain.Access) []byte {
	return append(p.appendFlags(append(dst, `,"flags":[`...), outcomes, access), '}')
}
