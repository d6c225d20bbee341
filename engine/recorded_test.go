package engine_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine"
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

type recording struct {
	Document json.RawMessage
	Requests []struct {
		Identity *struct {
			Identifier string
			Traits     []struct {
				Key   string          `json:"trait_key"`
				Value json.RawMessage `json:"trait_value"`
			}
		}
		Response json.RawMessage
	}
}

func forEachRecording(t testing.TB, f func(recording)) {
	t.Helper()
	z, err := gzip.NewReader(io.MultiReader(bytes.NewReader(recorded), bytes.NewReader(recordedOdd)))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var r recording
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		f(r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
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
	forEachRecording(t, func(r recording) {
		p, _ := compileText(t, string(r.Document))
		for _, request := range r.Requests {
			requests++
			ids := p.Flags()
			var identity domain.Identity
			if request.Identity != nil {
				identity.Identifier = request.Identity.Identifier
				for _, trait := range request.Identity.Traits {
					identity.Traits = append(identity.Traits, domain.Trait{Key: trait.Key, Value: valueFrom(trait.Value)})
				}
				ids = p.Evaluate(nil, &identity)
			}
			if got, want := flagsOf(p, ids), wantedFlags(t, request.Response); got != want {
				if failures++; failures <= 5 {
					t.Errorf("identity %+v\n got %s\nwant %s\ndocument %s", identity, got, want, r.Document)
				}
			}
		}
	})
	if requests != 5172 || failures > 0 {
		t.Errorf("%d of %d evaluations differ, want 0 of 5172", failures, requests)
	}
}
