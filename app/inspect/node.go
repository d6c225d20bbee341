package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// maxIdentities is how many identities one request can compare.
	maxIdentities = 1000
	// patience is how long a store or upstream may take.
	patience = 20 * time.Second
)

// Node answers the requests of operators to a running proxy: POST /explain and
// POST /diff. It is safe for concurrent use. Once it has the documents, it works on one
// request after the other: each parses whole documents, and applications come first.
type Node struct {
	deps NodeDeps
	turn chan struct{}
}

// History has the former documents of environments. app.App implements it, and its
// method's comment says what it does. It is called concurrently.
type History interface {
	Document(ctx context.Context, key domain.EnvironmentKey, version string) (app.HistoryEntry, []byte, error)
}

// NodeDeps are what a Node needs.
type NodeDeps struct {
	Served   func() *app.Snapshot // what the proxy serves now
	History  History
	Store    ports.Reader
	Upstream ports.Upstream
	Now      func() time.Time
}

// NewNode returns a Node.
func NewNode(d NodeDeps) *Node {
	return &Node{d, make(chan struct{}, 1)}
}

// RequestError is why a request is not answered. Its text has no secret.
type RequestError struct {
	Kind ErrorKind
	Err  error
}

// ErrorKind says whose fault a RequestError is.
type ErrorKind int

// The kinds.
const (
	Malformed   ErrorKind = iota // the request has to be changed
	NotFound                     // the node does not have what is asked about
	Unreachable                  // the store or upstream did not give the document
)

func (e *RequestError) Error() string { return domain.RedactServerKeys(e.Err.Error()) }

// Unwrap returns Err.
func (e *RequestError) Unwrap() error { return e.Err }

// Explain answers a question (ReadQuestion) about a document that is served. The
// answer is the JSON of an Explanation in which server-side keys are masked. Errors: a
// *RequestError; ctx's.
func (n *Node) Explain(ctx context.Context, body []byte) (json.RawMessage, error) {
	q, err := ReadQuestion(string(body))
	if err != nil {
		return nil, &RequestError{Malformed, err}
	}
	keys, err := n.environment(q.Environment)
	if err != nil {
		return nil, err
	}
	document, err := n.document(ctx, PlaceProxy, keys)
	if err != nil {
		return nil, err
	}
	return n.inTurn(ctx, func() (any, error) { return answered(Explain(document, q)) })
}

// Diff compares two documents. body is a JSON object: a and b say which documents, each
// a place or a document itself; environment is the client-side key for places, "" for
// the only one; identities is a list of bodies of requests for /identities. The answer is
// the JSON of a Comparison in which server-side keys are masked. Errors: a *RequestError; ctx's.
func (n *Node) Diff(ctx context.Context, body []byte) (json.RawMessage, error) {
	r, err := readDiffRequest(string(body))
	if err != nil {
		return nil, &RequestError{Malformed, err}
	}
	a, err := n.source(ctx, r.environment, r.a)
	if err != nil {
		return nil, err
	}
	b, err := n.source(ctx, r.environment, r.b)
	if err != nil {
		return nil, err
	}
	return n.inTurn(ctx, func() (any, error) {
		c, err := NewComparer(a, b)
		if err != nil {
			return nil, &RequestError{Malformed, err}
		}
		for i, id := range r.identities {
			c.Identity(i+1, id)
		}
		return c.Result(), nil
	})
}

// answered makes a *RequestError of an error of Explain.
func answered(e *Explanation, err error) (*Explanation, error) {
	var unknown *UnknownFeatureError
	switch {
	case errors.As(err, &unknown):
		return nil, &RequestError{NotFound, unknown}
	case err != nil:
		return nil, &RequestError{Malformed, err}
	}
	return e, nil
}

// inTurn calls work when no other request is worked on, and returns its result as JSON.
func (n *Node) inTurn(ctx context.Context, work func() (any, error)) (json.RawMessage, error) {
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	result, err := work()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("encoding the answer: %w", err)
	}
	return json.RawMessage(domain.RedactServerKeys(string(encoded))), nil
}

// environment returns the keys of an environment of the node.
func (n *Node) environment(client string) (domain.EnvironmentKeys, error) {
	all := n.deps.Served().Keys()
	if client == "" && len(all) == 1 {
		return all[0], nil
	}
	for _, keys := range all {
		if client != "" && string(keys.Client) == client {
			return keys, nil
		}
	}
	if client == "" {
		return domain.EnvironmentKeys{}, &RequestError{Malformed, fmt.Errorf("this node serves %d environments; name one by the member environment, its client-side key", len(all))}
	}
	return domain.EnvironmentKeys{}, &RequestError{NotFound, errors.New("this node does not serve an environment with that client-side key")}
}

// document returns the document of an environment from a place.
func (n *Node) document(ctx context.Context, place string, keys domain.EnvironmentKeys) (Source, error) {
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	var body []byte
	var err error
	switch place {
	case PlaceProxy:
		served := n.deps.Served().Environment(keys.Client)
		if served == nil {
			return Source{}, &RequestError{NotFound, errors.New("no document of this environment has arrived")}
		}
		body = served.Body
	case PlaceAPI:
		body, err = Fetch(waiting, n.deps.Upstream, keys, n.deps.Now())
	case PlaceStore:
		body, err = Stored(waiting, n.deps.Store, keys.Client)
	default:
		version, former := HistoryPlace(place)
		if !former {
			return Source{}, &RequestError{Malformed, fmt.Errorf("%q is not a place of documents; %s, %s, %s and, such as %s1, the history are", place, PlaceProxy, PlaceAPI, PlaceStore, placeHistory)}
		}
		_, body, err = n.deps.History.Document(waiting, keys.Client, version)
	}
	switch {
	case ctx.Err() != nil:
		return Source{}, ctx.Err()
	case errors.Is(err, ports.ErrNotFound):
		return Source{}, &RequestError{NotFound, err}
	case errors.Is(err, app.ErrNoSuchVersion), errors.Is(err, app.ErrUnknownEnvironment):
		return Source{}, &RequestError{NotFound, fmt.Errorf("%s: %w", place, err)}
	case err != nil:
		return Source{}, &RequestError{Unreachable, fmt.Errorf("%s: %w", place, err)}
	}
	return Source{place, string(body)}, nil
}

func (n *Node) source(ctx context.Context, environment string, o operand) (Source, error) {
	if o.place == "" {
		return Source{o.name, o.document}, nil
	}
	keys, err := n.environment(environment)
	if err != nil {
		return Source{}, err
	}
	return n.document(ctx, o.place, keys)
}

// diffRequest is the body of a request for Diff.
type diffRequest struct {
	environment string
	a, b        operand
	identities  []*domain.Identity
}

// operand is one of the documents to compare: that of a place, or a document itself.
type operand struct{ name, place, document string }

func readDiffRequest(body string) (diffRequest, error) {
	const form = `the body is not an object such as {"a":"proxy","b":"api"}`
	var r diffRequest
	if err := jsonscan.Valid(body); err != nil {
		return r, fmt.Errorf("the body is not JSON: %w", err)
	}
	s := jsonscan.New(body)
	if s.Kind() != jsonscan.Object {
		return r, errors.New(form)
	}
	for key := range s.Keys() {
		raw := s.Raw()
		var err error
		switch key {
		case "a":
			r.a, err = operandOf("a", raw)
		case "b":
			r.b, err = operandOf("b", raw)
		case "environment":
			err = r.readEnvironment(raw)
		case "identities":
			err = r.readIdentities(raw)
		}
		if err != nil {
			return r, err
		}
	}
	for _, o := range []operand{r.a, r.b} {
		if o.place+o.document == "" {
			return r, errors.New("the documents a and b are needed: a place (proxy, api, store or history:N) or a document each")
		}
	}
	return r, nil
}

func (r *diffRequest) readEnvironment(raw string) error {
	s := jsonscan.New(raw)
	if s.Kind() != jsonscan.String {
		return errors.New("environment is not a text")
	}
	r.environment = s.String()
	return nil
}

func (r *diffRequest) readIdentities(raw string) error {
	s := jsonscan.New(raw)
	if s.Kind() != jsonscan.Array {
		return errors.New("identities is not a list")
	}
	r.identities = nil
	s.EnterArray()
	for i := 0; s.NextElement(); i++ {
		if i == maxIdentities {
			return fmt.Errorf("identities has more than %d elements", maxIdentities)
		}
		id, err := ReadIdentity(s.Raw())
		if err != nil {
			return fmt.Errorf("identities[%d]: %w", i, err)
		}
		r.identities = append(r.identities, id)
	}
	return nil
}

func operandOf(name, raw string) (operand, error) {
	s := jsonscan.New(raw)
	switch s.Kind() {
	case jsonscan.String:
		return operand{name: name, place: s.String()}, nil
	case jsonscan.Object:
		return operand{name: name, document: raw}, nil
	default:
		return operand{}, fmt.Errorf("%s is not a place (proxy, api, store or history:N) or a document", name)
	}
}
