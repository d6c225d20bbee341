package parity

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/edge-proxy/edge-proxy/test/data"
)

// How many recordings there are. A test that finds fewer has lost some.
const (
	DocumentCount     = 400
	EvaluationCount   = 5600
	DocumentCount11   = 250
	EvaluationCount11 = 3000
	ExchangeCount     = 72
)

// Document is an environment document with the evaluations recorded of it.
type Document struct {
	Text        json.RawMessage `json:"document"`
	Evaluations []Evaluation    `json:"requests"`
}

// ClientKey is the document's client-side key.
func (d Document) ClientKey() (string, error) {
	var head struct {
		APIKey string `json:"api_key"`
	}
	if err := json.Unmarshal(d.Text, &head); err != nil {
		return "", fmt.Errorf("parity: recorded document: %w", err)
	}
	return head.APIKey, nil
}

// Evaluation is one request about flags, with the answer recorded for it.
type Evaluation struct {
	Key      string          `json:"key"`      // "client" or "server": the kind of key it is asked with
	Identity json.RawMessage `json:"identity"` // the body for identities; null asks for flags
	Feature  *string         `json:"feature"`  // the one flag asked for; nil: all
	Status   int             `json:"status"`
	Response json.RawMessage `json:"response"`
	// Reasons has the reason of each flag by its name. Recordings of engine 10 have none.
	Reasons map[string]string `json:"reasons"`
}

// Exchange is one whole HTTP request, with what is expected of its answer.
type Exchange struct {
	Name    string      `json:"name"`
	Method  string      `json:"method"`
	Target  string      `json:"path"`
	Headers [][2]string `json:"headers"`
	Body    *string     `json:"body"`
	Expect  Expectation `json:"expect"`
}

// Expectation is what is expected of an answer.
type Expectation struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`        // of Vary: at least these names
	JSON    json.RawMessage   `json:"json,omitempty"` // the whole body, unless absent
	Text    *string           `json:"text,omitempty"` // the whole body, unless absent
}

// Documents reads the recorded evaluations of engine 10.
func Documents() ([]Document, error) { return readDocuments("evaluation.jsonl.gz") }

// Documents11 reads the recorded evaluations of engine 11.
func Documents11() ([]Document, error) { return readDocuments("evaluation-11.jsonl.gz") }

func readDocuments(name string) ([]Document, error) {
	file, err := data.Files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("parity: %w", err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("parity: evaluations: %w", err)
	}
	var documents []Document
	lines := bufio.NewReader(text)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			var document Document
			if err := json.Unmarshal(line, &document); err != nil {
				return nil, fmt.Errorf("parity: evaluations, line %d: %w", len(documents)+1, err)
			}
			documents = append(documents, document)
		}
		if err == io.EOF {
			return documents, nil
		}
		if err != nil {
			return nil, fmt.Errorf("parity: evaluations: %w", err)
		}
	}
}

// Exchanges reads the recorded HTTP exchanges.
func Exchanges() ([]Exchange, error) {
	text, err := fs.ReadFile(data.Files, "http.json")
	if err != nil {
		return nil, fmt.Errorf("parity: %w", err)
	}
	var exchanges []Exchange
	if err := json.Unmarshal(text, &exchanges); err != nil {
		return nil, fmt.Errorf("parity: exchanges: %w", err)
	}
	for i := range exchanges {
		if x := &exchanges[i]; x.Name == "identity, traits is null" { // the Flagsmith API of today takes null for no traits
			x.Expect = Expectation{Status: http.StatusOK, Headers: x.Expect.Headers}
		}
	}
	return exchanges, nil
}
