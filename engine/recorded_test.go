package engine_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/data"
)

// recorded holds one document with its requests a line, and the results of the Python
// flag engine 10.1.0. The documents mix all operators with values of every kind, odd
// priorities and JSONPaths that lead to several nodes.
//
//go:embed testdata/evaluations.jsonl.gz
var recorded []byte

// recordedOdd has the same form. Its documents have values at the edges of every
// operator, JSONPaths with filters, and lists, splits and rules of every shape.
//
//go:embed testdata/odd.jsonl.gz
var recordedOdd []byte

// recording is one line of a file of recordings.
type recording struct {
	Document json.RawMessage
	Requests []recordedRequest

	environment *domain.Environment
}

type recordedRequest struct {
	Key      string
	Identity json.RawMessage
	Response json.RawMessage
	Reasons  map[string]string
	Status   int

	id *domain.Identity // nil for a request of flags, and for an identity that is refused
}

// The recordings are read once for all tests, which do not change them: those beside this
// package, and those of engines 10 and 11.
var (
	readOwn = sync.OnceValues(func() ([]recording, error) {
		return readRecordings(io.MultiReader(bytes.NewReader(recorded), bytes.NewReader(recordedOdd)))
	})
	readEngine10 = sync.OnceValues(func() ([]recording, error) { return openRecordings("evaluation.jsonl.gz") })
	readEngine11 = sync.OnceValues(func() ([]recording, error) { return openRecordings("evaluation-11.jsonl.gz") })
)

func openRecordings(name string) ([]recording, error) {
	file, err := data.Files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readRecordings(file)
}

func readRecordings(r io.Reader) ([]recording, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	var all []recording
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var r recording
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		if r.environment, _, err = domain.ParseEnvironment(string(r.Document)); err != nil {
			return nil, err
		}
		for i := range r.Requests {
			r.Requests[i].id = identityFrom(r.Requests[i].Identity)
		}
		all = append(all, r)
	}
	return all, lines.Err()
}

func identityFrom(raw json.RawMessage) *domain.Identity {
	var sent *struct {
		Identifier string
		Traits     []struct {
			Key   string          `json:"trait_key"`
			Value json.RawMessage `json:"trait_value"`
		}
	}
	if json.Unmarshal(raw, &sent) != nil || sent == nil {
		return nil
	}
	id := &domain.Identity{Identifier: sent.Identifier}
	for _, trait := range sent.Traits {
		if len(trait.Value) == 0 {
			trait.Value = json.RawMessage("null")
		}
		id.Traits = append(id.Traits, domain.Trait{Key: trait.Key, Value: valueFrom(trait.Value)})
	}
	return id
}

// recordings returns what read has read.
func recordings(t testing.TB, read func() ([]recording, error)) []recording {
	t.Helper()
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func compileText(t testing.TB, text string) (*engine.Program, []domain.Problem) {
	t.Helper()
	document, problems, err := domain.ParseEnvironment(text)
	if err != nil {
		t.Fatal(err)
	}
	p, more := engine.Compile(document)
	return p, append(problems, more...)
}

func valueFrom(raw json.RawMessage) domain.Value {
	s := jsonscan.New(string(raw))
	return domain.ReadValue(&s)
}

// flagsOf renders outcomes as the recordings have them.
func flagsOf(p *engine.Program, ids []engine.OutcomeID) string {
	out := []byte{'['}
	for i, id := range ids {
		o := p.Outcomes()[id]
		if i > 0 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(o.Feature)
		out = append(out, name...)
		out = append(out, map[bool]string{true: " on ", false: " off "}[o.Enabled]...)
		out = o.Value.AppendJSON(out)
	}
	return string(append(out, ']'))
}

func wantedFlags(t testing.TB, raw json.RawMessage) string {
	t.Helper()
	var flags []struct {
		Feature domain.Feature
		Enabled bool
		Value   json.RawMessage `json:"feature_state_value"`
	}
	if strings.HasPrefix(string(raw), "{") {
		var whole struct{ Flags json.RawMessage }
		if err := json.Unmarshal(raw, &whole); err != nil {
			t.Fatal(err)
		}
		raw = whole.Flags
	}
	if err := json.Unmarshal(raw, &flags); err != nil {
		t.Fatal(err)
	}
	out := []byte{'['}
	for i, f := range flags {
		if i > 0 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(f.Feature)
		out = append(out, name...)
		out = append(out, map[bool]string{true: " on ", false: " off "}[f.Enabled]...)
		out = valueFrom(f.Value).AppendJSON(out)
	}
	return string(append(out, ']'))
}

func TestRecordedEvaluations(t *testing.T) {
	requests, failures := 0, 0
	for _, r := range recordings(t, readOwn) {
		p, _ := engine.Compile(r.environment)
		for _, request := range r.Requests {
			requests++
			ids := p.Flags()
			if request.id != nil {
				ids = p.Evaluate(nil, request.id)
			}
			if got, want := flagsOf(p, ids), wantedFlags(t, request.Response); got != want {
				if failures++; failures <= 5 {
					t.Errorf("identity %+v\n got %s\nwant %s\ndocument %s", request.id, got, want, r.Document)
				}
			}
		}
	}
	if requests != 5172 || failures > 0 {
		t.Errorf("%d of %d evaluations differ, want 0 of 5172", failures, requests)
	}
}
