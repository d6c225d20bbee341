package parity_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/test/e2e/parity"
)

// documents are all recorded evaluations, of which none may have got lost.
func documents(t *testing.T) []parity.Document {
	t.Helper()
	found, err := parity.Documents()
	if err != nil {
		t.Fatal(err)
	}
	evaluations := 0
	for _, d := range found {
		evaluations += len(d.Evaluations)
	}
	if len(found) != parity.DocumentCount || evaluations != parity.EvaluationCount {
		t.Fatalf("%d documents with %d evaluations are recorded, want %d with %d",
			len(found), evaluations, parity.DocumentCount, parity.EvaluationCount)
	}
	return found
}

// exchanges are all recorded HTTP exchanges, of which none may have got lost.
func exchanges(t *testing.T) []parity.Exchange {
	t.Helper()
	found, err := parity.Exchanges()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != parity.ExchangeCount {
		t.Fatalf("%d exchanges are recorded, want %d", len(found), parity.ExchangeCount)
	}
	return found
}

func TestRecordingsAreComplete(t *testing.T) {
	keys := map[string]bool{}
	for i, d := range documents(t) {
		key, err := d.ClientKey()
		if err != nil || key == "" || keys[key] {
			t.Errorf("document %d: key %q, %v", i, key, err)
		}
		keys[key] = true
		for j, e := range d.Evaluations {
			if (e.Key != "client" && e.Key != "server") || e.Status == 0 || len(e.Response) == 0 {
				t.Errorf("document %d, request %d is incomplete", i, j)
			}
		}
	}
	for _, x := range exchanges(t) {
		if x.Name == "" || x.Method == "" || x.Target == "" || x.Expect.Status == 0 {
			t.Errorf("exchange %q is incomplete", x.Name)
		}
	}
}
