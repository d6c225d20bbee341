package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/engine/python/text"
)

// The OpenFeature Remote Evaluation Protocol, version 0.2, serves applications that use an
// OpenFeature SDK with its OFREP provider. Where the protocol leaves a choice, the proxy
// does what Flagsmith's own OpenFeature providers do:
//
//   - The key is an environment's, in X-Environment-Key, X-API-Key or Authorization, the
//     first of these that the request has. In Authorization it is a Bearer token or
//     stands alone.
//   - targetingKey is the identifier, and the other attributes are the traits (see
//     decodeContext). Without a targetingKey the identifier is derived from the traits,
//     as for identities. Without traits too, the answer has the environment's flags.
//   - The value of a flag without one is its state, true or false. Any other value has
//     the type it has in the document. JSON in a string stays a string.
//   - A disabled flag has the reason DISABLED and no value, so that the provider uses the
//     application's default. If it has no value in the document either, it is false.
//   - Flags that client-side keys may not see are left out, or not found.
//
// The reason says where the outcome comes from: SPLIT for a variant, TARGETING_MATCH for
// another override of a segment or of the identity, STATIC for a flag that has the same
// outcome for everybody, and DEFAULT for all others.
const ofrepFlags = "/ofrep/v1/evaluate/flags"

// The error codes of OFREP that the proxy uses. No flag needs a targeting key, so
// TARGETING_KEY_MISSING is not among them.
const (
	ofrepParseError     = "PARSE_ERROR"
	ofrepInvalidContext = "INVALID_CONTEXT"
	ofrepFlagNotFound   = "FLAG_NOT_FOUND"
	ofrepGeneral        = "GENERAL"
)

var (
	errMissingOFREPKey = refused(http.StatusUnauthorized, "unauthorized", "missing key: send it in X-Environment-Key, X-API-Key or Authorization")
	errUnknownFlag     = &statusError{status: http.StatusNotFound, details: "flag not found", code: ofrepFlagNotFound}
)

// postOFREPFlags answers with all flags for the context in the request's body.
func (a *API) postOFREPFlags(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	entry, id, err := a.ofrepRequest(r.Request, s)
	if err != nil {
		return err
	}
	p := presentationOf(entry.Environment)
	p.stamp(w.Header())
	s.out = append(s.out[:0], "null"...)
	if id != nil {
		s.out = appendIdentity(s.out[:0], id)
	}
	tag := p.seeds.identity(entry.Access, s.out)
	a.served(entry, ofrepResource(id))
	if notModified(w, r.Request, tag) {
		return nil
	}
	s.out = append(s.out[:0], `{"flags":[`...)
	for _, x := range explain(entry, id) {
		if entry.Access == domain.ClientSide && p.hidden[x.Outcome] {
			continue
		}
		s.out = append(appendEvaluation(s.out, entry, &x), ',')
	}
	if last := len(s.out) - 1; s.out[last] == ',' {
		s.out = s.out[:last]
	}
	s.out = append(s.out, ']')
	if at := entry.Environment.UpdatedAt; !at.IsZero() {
		s.out = at.UTC().AppendFormat(append(s.out, `,"metadata":{"version":"`...), time.RFC3339Nano)
		s.out = append(s.out, `"}`...)
	}
	s.out = append(s.out, '}')
	a.writeTagged(w, r.Request, http.StatusOK, s.out, tag)
	return nil
}

// postOFREPFlag answers with the flag that the path names.
func (a *API) postOFREPFlag(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	entry, id, err := a.ofrepRequest(r.Request, s)
	if err != nil {
		return err
	}
	i, ok := entry.Environment.Program.Feature(ofrepKey(r.URL))
	if !ok {
		return errUnknownFlag
	}
	p, x := presentationOf(entry.Environment), explain(entry, id)[i]
	if entry.Access == domain.ClientSide && p.hidden[x.Outcome] {
		return errUnknownFlag
	}
	p.stamp(w.Header())
	a.served(entry, ofrepResource(id))
	s.out = appendEvaluation(s.out[:0], entry, &x)
	a.writeJSON(w, r.Request, http.StatusOK, s.out)
	return nil
}

// ofrepRequest returns the environment and the identity of a request. The identity is
// part of s, or nil.
func (a *API) ofrepRequest(r *http.Request, s *scratch) (app.Entry, *domain.Identity, error) {
	key, ok := ofrepCredential(r.Header)
	if !ok {
		return app.Entry{}, nil, errMissingOFREPKey
	}
	entry, err := a.lookup(key)
	if err != nil {
		return app.Entry{}, nil, err
	}
	if entry.Environment == nil {
		return app.Entry{}, nil, errNoDocument
	}
	body, err := s.readBody(r, a.maxBody)
	if err != nil {
		return app.Entry{}, nil, err
	}
	if body != "" && !declaredJSON(r.Header["Content-Type"]) {
		return app.Entry{}, nil, badRequest(ofrepParseError, "send the body with Content-Type: application/json")
	}
	if err := decodeContext(body, &s.identity); err != nil {
		return app.Entry{}, nil, err
	}
	if text.IsBlank(s.identity.Identifier) {
		if len(s.identity.Traits) == 0 {
			return entry, nil, nil
		}
		s.identity.Identifier = transientIdentifier(s.identity.Traits)
	}
	return entry, &s.identity, nil
}

// ofrepResource returns the resource that usage reports count: an identity's flags or,
// without an identity, the environment's.
func ofrepResource(id *domain.Identity) domain.Resource {
	if id == nil {
		return domain.ResourceFlags
	}
	return domain.ResourceIdentities
}

// ofrepCredential returns the key in a request's headers.
func ofrepCredential(h http.Header) (string, bool) {
	for _, name := range []string{"X-Environment-Key", "X-Api-Key"} {
		if keys := h[name]; len(keys) > 0 {
			return keys[0], true
		}
	}
	for _, line := range h["Authorization"] {
		scheme, token, hasScheme := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case !hasScheme && scheme != "": // as in the providers' own examples
			return scheme, true
		case strings.EqualFold(scheme, "Bearer"):
			return strings.TrimSpace(token), true
		}
	}
	return "", false
}

func explain(entry app.Entry, id *domain.Identity) []engine.Explanation {
	program := entry.Environment.Program
	return program.Explain(make([]engine.Explanation, 0, program.Len()), id)
}

// appendEvaluation appends the evaluation of one flag.
func appendEvaluation(dst []byte, entry app.Entry, x *engine.Explanation) []byte {
	o := &entry.Environment.Program.Outcomes()[x.Outcome]
	dst = jsonscan.AppendString(append(dst, `{"key":`...), o.Feature.Name)
	dst = append(append(dst, `,"reason":"`...), ofrepReason(o, x)...)
	dst = appendVariant(append(dst, `","variant":`...), x)
	switch {
	case o.Value.IsNull():
		dst = strconv.AppendBool(append(dst, `,"value":`...), o.Enabled)
	case o.Enabled:
		dst = o.Value.AppendJSON(append(dst, `,"value":`...))
	}
	dst = append(append(dst, `,"metadata":{"source":"`...), ofrepSources[x.Source]...)
	dst = append(dst, '"')
	if x.Variant > 0 {
		dst = strconv.AppendFloat(append(dst, `,"weight":`...), x.Weight, 'f', -1, 64)
	}
	// Client-side keys must not learn about segments.
	if x.Source == engine.FromSegment && entry.Access == domain.ServerSide {
		dst = jsonscan.AppendString(append(dst, `,"segmentId":`...), x.Segment.ID)
		dst = jsonscan.AppendString(append(dst, `,"segmentName":`...), x.Segment.Name)
	}
	return append(dst, "}}"...)
}

func ofrepReason(o *engine.Outcome, x *engine.Explanation) string {
	switch {
	case !o.Enabled:
		return "DISABLED"
	case x.Variant > 0:
		return "SPLIT"
	case x.Source != engine.FromEnvironment:
		return "TARGETING_MATCH"
	case x.Static:
		return "STATIC"
	default:
		return "DEFAULT"
	}
}

var ofrepSources = [...]string{engine.FromEnvironment: "environment", engine.FromSegment: "segment", engine.FromIdentity: "identity"}

// appendVariant appends a name for the value among those that the flag can have: the
// variant's key, or variant-N for the N-th variant by id when the document has no keys;
// control when a split selected no variant; and otherwise where the value comes from.
func appendVariant(dst []byte, x *engine.Explanation) []byte {
	switch {
	case x.VariantKey != "":
		return jsonscan.AppendString(dst, x.VariantKey)
	case x.Variant > 0:
		return append(strconv.AppendInt(append(dst, `"variant-`...), int64(x.Variant), 10), '"')
	case x.Variants > 0:
		return append(dst, `"control"`...)
	case x.Source == engine.FromSegment:
		return append(dst, `"segment-override"`...)
	case x.Source == engine.FromIdentity:
		return append(dst, `"identity-override"`...)
	default:
		return append(dst, `"default"`...)
	}
}

// badRequest returns an error with one of OFREP's codes.
func badRequest(code, details string) *statusError {
	return &statusError{status: http.StatusBadRequest, details: details, code: code}
}

// ofrepKey returns the name of the flag in u, or "".
func ofrepKey(u *url.URL) string {
	escaped, ok := strings.CutPrefix(u.EscapedPath(), ofrepFlags+"/")
	if !ok {
		return ""
	}
	key, err := url.PathUnescape(strings.TrimSuffix(escaped, "/"))
	if err != nil {
		return ""
	}
	return key
}

// ofrepForm returns e in OFREP's form. It is an errorForm.
func ofrepForm(r *http.Request, e *statusError) []byte {
	body := []byte{'{'}
	if key := ofrepKey(r.URL); key != "" {
		body = append(jsonscan.AppendString(append(body, `"key":`...), strings.ToValidUTF8(key, "\uFFFD")), ',')
	}
	code := e.code
	if code == "" {
		code = ofrepGeneral
	}
	body = append(append(body, `"errorCode":"`...), code...)
	body = jsonscan.AppendString(append(body, `","errorDetails":`...), e.details)
	return append(body, '}')
}
