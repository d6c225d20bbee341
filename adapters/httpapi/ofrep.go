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

// The OpenFeature Remote Evaluation Protocol, version 0.3, serves applications that use an
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
// The reason is the engine's: SPLIT for an option, TARGETING_MATCH for an override of a
// segment or of the identity, STATIC for a flag without overrides, DEFAULT for a flag
// whose overrides do not apply, OVERRIDE for a flag that an operator has set. The metadata
// of the last has the reason, too, since a flag that is off has the reason DISABLED.
const ofrepFlags = "/ofrep/v1/evaluate/flags"

// The error codes of OFREP that the proxy uses. No flag needs a targeting key, so
// TARGETING_KEY_MISSING is not among them.
const (
	ofrepParseError     = "PARSE_ERROR"
	ofrepInvalidContext = "INVALID_CONTEXT"
	ofrepFlagNotFound   = "FLAG_NOT_FOUND"
	ofrepGeneral        = "GENERAL"
)

// maxFlagName is how many characters the name of a flag has in Flagsmith. An error does
// not repeat a longer one.
const maxFlagName = 2000

var (
	errMissingOFREPKey = refused(http.StatusUnauthorized, "unauthorized", "missing key: send it in X-Environment-Key, X-API-Key or Authorization").as(noKey)
	errUnknownFlag     = &statusError{status: http.StatusNotFound, details: "flag not found", code: ofrepFlagNotFound}
)

// postOFREPFlags answers with all flags for the context in the request's body.
func (a *API) postOFREPFlags(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	named := namedConfiguration(r.URL.RawQuery)
	entry, id, err := a.ofrepRequest(w, r.Request, s, named)
	if err != nil {
		return err
	}
	p := presentationOf(entry.Environment)
	p.stamp(w.Header())
	s.out = append(s.out[:0], "null"...)
	if id != nil {
		s.out = appendIdentity(s.out[:0], id, false)
	}
	if a.advertisesStreams() { // which is another answer
		s.out = append(s.out, ",eventStreams"...)
	}
	tag := p.seeds.identity(entry.Access, s.out)
	a.served(w, r.Request, entry, ofrepService(id))
	// A client that knows of another configuration than this one gets what there is.
	if named.isOf(entry.Environment) && notModified(w, r.Request, tag) {
		return nil
	}
	s.out = append(s.out[:0], `{"flags":[`...)
	outcomes := entry.Environment.Program.Outcomes()
	for _, i := range a.evaluateOFREP(w, entry, id, s) {
		if o := &outcomes[i]; entry.Access != domain.ClientSide || !o.Hidden {
			s.out = append(appendEvaluation(s.out, entry, o), ',')
		}
	}
	if last := len(s.out) - 1; s.out[last] == ',' {
		s.out = s.out[:last]
	}
	s.out = append(s.out, ']')
	if a.advertisesStreams() {
		s.out = append(s.out, p.eventStreams...)
	}
	if at := entry.Environment.UpdatedAt; !at.IsZero() {
		s.out = at.UTC().AppendFormat(append(s.out, `,"metadata":{"version":"`...), time.RFC3339Nano)
		s.out = append(s.out, `"}`...)
	}
	s.out = append(s.out, '}')
	return a.writeTagged(w, r.Request, http.StatusOK, s.out, tag)
}

// postOFREPFlag answers with the flag that the path names.
func (a *API) postOFREPFlag(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	entry, id, err := a.ofrepRequest(w, r.Request, s, configuration{})
	if err != nil {
		return err
	}
	i, ok := entry.Environment.Program.Feature(ofrepKey(r.URL))
	if !ok {
		return errUnknownFlag
	}
	program := entry.Environment.Program
	outcome := program.Flags()[i]
	span := factsOf(w)
	switch {
	case id == nil:
	case span.sampled:
		began := a.o.Now()
		outcome = program.EvaluateOne(i, id)
		span.evaluated = a.o.Now().Sub(began)
	default:
		outcome = program.EvaluateOne(i, id)
	}
	o := &program.Outcomes()[outcome]
	if entry.Access == domain.ClientSide && o.Hidden {
		return errUnknownFlag
	}
	if a.o.Traces != nil {
		span.flag = o
	}
	presentationOf(entry.Environment).stamp(w.Header())
	a.served(w, r.Request, entry, ofrepService(id))
	s.out = appendEvaluation(s.out[:0], entry, o)
	return a.writeJSON(w, r.Request, http.StatusOK, s.out)
}

// ofrepRequest returns the environment and the identity of a request, which names a
// configuration or none. The identity is part of s, or nil.
func (a *API) ofrepRequest(w http.ResponseWriter, r *http.Request, s *scratch, named configuration) (app.Entry, *domain.Identity, error) {
	key, ok := ofrepCredential(r.Header)
	if !ok {
		return app.Entry{}, nil, errMissingOFREPKey
	}
	entry, err := a.lookup(key)
	if err == nil {
		err = a.admit(r, entry)
	}
	if err != nil {
		return app.Entry{}, nil, err
	}
	if entry.Environment == nil {
		return app.Entry{}, nil, errNoDocument
	}
	entry = a.caughtUp(r, entry, key, named)
	if entry.Environment.Serving.Stopped {
		return app.Entry{}, nil, errStopped
	}
	body, err := a.readBody(w, r, s)
	if err != nil {
		return app.Entry{}, nil, err
	}
	if body != "" && !declaredJSON(r.Header["Content-Type"]) {
		return app.Entry{}, nil, badRequest(ofrepParseError, "send the body with Content-Type: application/json")
	}
	if err := decodeContext(body, &s.identity); err != nil {
		return app.Entry{}, nil, err
	}
	if text.IsBlank(s.identity.Identifier) && (len(s.identity.Traits) == 0 || ignoresTraits(entry)) {
		return entry, nil, nil
	}
	s.complete(entry)
	return entry, &s.identity, nil
}

// ofrepService returns what a request for an identity's flags or, without an identity, the
// environment's counts as.
func ofrepService(id *domain.Identity) domain.Service {
	if id == nil {
		return domain.ServedOFREPFlags
	}
	return domain.ServedOFREPIdentities
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

// evaluateOFREP returns the outcome of every feature for id, which is nil or that of s.
func (a *API) evaluateOFREP(w http.ResponseWriter, entry app.Entry, id *domain.Identity, s *scratch) []engine.OutcomeID {
	program := entry.Environment.Program
	if id == nil {
		return program.Flags()
	}
	return s.evaluate(program, factsOf(w), a.o.Now)
}

// appendEvaluation appends the evaluation of one flag.
func appendEvaluation(dst []byte, entry app.Entry, o *engine.Outcome) []byte {
	dst = jsonscan.AppendString(append(dst, `{"key":`...), o.Feature.Name)
	dst = append(append(dst, `,"reason":"`...), ofrepReason(o)...)
	dst = appendVariant(append(dst, `","variant":`...), o)
	switch {
	case o.Value.IsNull():
		dst = strconv.AppendBool(append(dst, `,"value":`...), o.Enabled)
	case o.Enabled:
		dst = o.Value.AppendJSON(append(dst, `,"value":`...))
	}
	dst = append(append(dst, `,"metadata":{"source":"`...), ofrepSources[o.Source]...)
	dst = append(dst, '"')
	if o.Choice != nil && o.Choice.Number > 0 {
		weight, _ := o.Choice.Weight.Float()
		dst = strconv.AppendFloat(append(dst, `,"weight":`...), weight, 'f', -1, 64)
	}
	if o.Reason == engine.Circular {
		dst = append(dst, `,"circular":true`...)
	}
	if o.Reason == engine.Override { // also of a flag that is off, whose reason is DISABLED
		dst = append(dst, `,"reason":"OVERRIDE"`...)
	}
	// Client-side keys do not see how an environment is divided into segments.
	if o.Source == engine.FromSegment && entry.Access == domain.ServerSide {
		dst = jsonscan.AppendString(append(dst, `,"segmentId":`...), o.Segment.ID)
		dst = jsonscan.AppendString(append(dst, `,"segmentName":`...), o.Segment.Name)
	}
	return append(dst, "}}"...)
}

// ofrepReason returns the reason as the engine has it. OFREP has no word for a cycle,
// in which a flag keeps a value that needs no other flag: it is a default.
func ofrepReason(o *engine.Outcome) string {
	if !o.Enabled {
		return "DISABLED"
	}
	return [...]string{
		engine.Static: "STATIC", engine.Default: "DEFAULT", engine.TargetingMatch: "TARGETING_MATCH", engine.Split: "SPLIT", engine.Circular: "DEFAULT", engine.Override: "OVERRIDE",
	}[o.Reason]
}

var ofrepSources = [...]string{engine.FromEnvironment: "environment", engine.FromSegment: "segment", engine.FromIdentity: "identity"}

// appendVariant appends a name for the value among those that the flag can have. It is
// the key of the option or, without one, variant-N for the N-th option in the order of
// their ids; control for those who get no option; and otherwise the source of the value.
func appendVariant(dst []byte, o *engine.Outcome) []byte {
	switch {
	case o.Variant().Text() != "":
		return jsonscan.AppendString(dst, o.Variant().Text())
	case o.Choice != nil && o.Choice.Number > 0:
		return append(strconv.AppendInt(append(dst, `"variant-`...), int64(o.Choice.Number), 10), '"')
	case o.Choice != nil:
		return append(dst, `"control"`...)
	case o.Source == engine.FromSegment:
		return append(dst, `"segment-override"`...)
	case o.Source == engine.FromIdentity:
		return append(dst, `"identity-override"`...)
	default:
		return append(dst, `"default"`...)
	}
}

// badRequest returns an error with one of OFREP's codes.
func badRequest(code, details string) *statusError {
	return &statusError{status: http.StatusBadRequest, details: details, code: code, rejection: badBody}
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
	if key := ofrepKey(r.URL); key != "" && !tooLong(key, maxFlagName) {
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
