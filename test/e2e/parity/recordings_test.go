package parity_test

import (
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/e2e/parity"
)

// The recordings are read once for all tests, which do not change them.
var (
	read10 = sync.OnceValues(parity.Documents)
	read11 = sync.OnceValues(parity.Documents11)
)

// documents returns all recorded evaluations of engine 10.
func documents(t *testing.T) []parity.Document {
	t.Helper()
	return complete(t, read10, parity.DocumentCount, parity.EvaluationCount)
}

// documents11 returns all recorded evaluations of engine 11.
func documents11(t *testing.T) []parity.Document {
	t.Helper()
	return complete(t, read11, parity.DocumentCount11, parity.EvaluationCount11)
}

// complete returns recorded evaluations and fails if some are missing.
func complete(t *testing.T, read func() ([]parity.Document, error), documents, evaluations int) []parity.Document {
	t.Helper()
	found, err := read()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, d := range found {
		count += len(d.Evaluations)
	}
	if len(found) != documents || count != evaluations {
		t.Fatalf("%d documents with %d evaluations are recorded, want %d with %d", len(found), count, documents, evaluations)
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
