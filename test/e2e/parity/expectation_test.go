package parity_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/e2e/parity"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestCompare(t *testing.T) {
	text := "OK"
	headers := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	tests := []struct {
		name   string
		expect parity.Expectation
		answer harness.RawResponse
		want   []string
	}{
		{"alike", parity.Expectation{Status: 200, JSON: json.RawMessage(`{"a":1}`), Headers: map[string]string{"content-type": "application/json"}},
			harness.RawResponse{Status: 200, Body: []byte(`{"a":1}`), Header: headers("Content-Type", "application/json", "X-More", "1")}, nil},
		{"status", parity.Expectation{Status: 200}, harness.RawResponse{Status: 404}, []string{"status: want 200, got 404"}},
		{"header", parity.Expectation{Status: 200, Headers: map[string]string{"content-type": "application/json"}},
			harness.RawResponse{Status: 200, Header: headers("Content-Type", "text/html")},
			[]string{`Content-Type: want "application/json", got ["text/html"]`}},
		{"text", parity.Expectation{Status: 200, Text: &text}, harness.RawResponse{Status: 200, Body: []byte("KO")}, []string{`body: want "OK", got "KO"`}},
		{"body nobody expects anything of", parity.Expectation{Status: 200}, harness.RawResponse{Status: 200, Body: []byte("x")}, nil},
		{"Vary may hold more", parity.Expectation{Status: 200, Headers: map[string]string{"vary": "Origin"}},
			harness.RawResponse{Status: 200, Header: headers("Vary", "Accept-Encoding, origin")}, nil},
		{"Vary in two lines", parity.Expectation{Status: 200, Headers: map[string]string{"vary": "Origin"}},
			harness.RawResponse{Status: 200, Header: headers("Vary", "Accept-Encoding", "Vary", "Origin")}, nil},
		{"Vary may not hold less", parity.Expectation{Status: 200, Headers: map[string]string{"vary": "Origin"}},
			harness.RawResponse{Status: 200, Header: headers("Vary", "Accept-Encoding")}, []string{`Vary: "origin" is missing in ["Accept-Encoding"]`}},
		{"compressed unasked", parity.Expectation{Status: 200, JSON: json.RawMessage(`1`)},
			harness.RawResponse{Status: 200, Header: headers("Content-Encoding", "gzip"), Body: zip(t, "1")}, []string{`Content-Encoding: want none, got "gzip"`}},
		{"compressed as expected", parity.Expectation{Status: 200, JSON: json.RawMessage(`1`), Headers: map[string]string{"content-encoding": "gzip"}},
			harness.RawResponse{Status: 200, Header: headers("Content-Encoding", "gzip"), Body: zip(t, "1")}, nil},
		{"broken compression", parity.Expectation{Status: 200, Headers: map[string]string{"content-encoding": "gzip"}},
			harness.RawResponse{Status: 200, Header: headers("Content-Encoding", "gzip"), Body: []byte("1")}, []string{"gzip: unexpected EOF"}},
		{"of a 422 three things count", parity.Expectation{Status: 422, JSON: json.RawMessage(`{"detail":[{"type":"missing","loc":["body"],"msg":"m"}]}`)},
			harness.RawResponse{Status: 422, Body: []byte(`{"detail":[{"type":"missing","loc":["body"],"msg":"m","input":null}]}`)}, nil},
		{"of a 422 these do count", parity.Expectation{Status: 422, JSON: json.RawMessage(`{"detail":[{"type":"missing","loc":["body",0],"msg":"m"}]}`)},
			harness.RawResponse{Status: 422, Body: []byte(`{"detail":[{"type":"missing","loc":["body","0"],"msg":"m"}]}`)},
			[]string{`$.detail[0].loc[1]: want integer 0, got string "0"`}},
		{"of json_invalid the place may differ", parity.Expectation{Status: 422, JSON: json.RawMessage(`{"detail":[{"type":"json_invalid","loc":["body"],"msg":"m"}]}`)},
			harness.RawResponse{Status: 422, Body: []byte(`{"detail":[{"type":"json_invalid","loc":["body",17],"msg":"m"}]}`)}, nil},
		{"of json_invalid the part may not", parity.Expectation{Status: 422, JSON: json.RawMessage(`{"detail":[{"type":"json_invalid","loc":["body"],"msg":"m"}]}`)},
			harness.RawResponse{Status: 422, Body: []byte(`{"detail":[{"type":"json_invalid","loc":["query",17],"msg":"m"}]}`)},
			[]string{`$.detail[0].loc[0]: want "body", got "query"`}},
		{"a 422 of another shape", parity.Expectation{Status: 422, JSON: json.RawMessage(`{"detail":[]}`)},
			harness.RawResponse{Status: 422, Body: []byte(`{"error":1}`)}, []string{`$: key "detail" is missing`, `$: key "error" is too much: 1`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.answer.Header == nil {
				tt.answer.Header = http.Header{}
			}
			if got := tt.expect.Compare(tt.answer); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func zip(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
