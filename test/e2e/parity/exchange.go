package parity

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// Request is the exchange as it goes over the wire.
func (x Exchange) Request() harness.RawRequest {
	request := harness.RawRequest{Method: x.Method, Target: x.Target, Headers: x.Headers}
	if x.Body != nil {
		request.Body = []byte(*x.Body)
	}
	return request
}

// Check sends the exchange to the proxy at address, byte for byte, and returns
// how the answer differs from the expected one.
func (x Exchange) Check(address string) []string {
	response, err := harness.Raw(address, x.Request())
	if err != nil {
		return []string{err.Error()}
	}
	return x.Expect.Compare(response)
}

// Compare returns how an answer differs from the expected one. An answer must
// not be compressed unless that is expected. Of a 422 only type, loc and msg
// are compared, of json_invalid only the first element of loc.
func (e Expectation) Compare(response harness.RawResponse) []string {
	var differences []string
	if response.Status != e.Status {
		differences = append(differences, fmt.Sprintf("status: want %d, got %d", e.Status, response.Status))
	}
	differences = append(differences, e.compareHeaders(response.Header)...)

	body, err := plainBody(response)
	if err != nil {
		return append(differences, err.Error())
	}
	if e.Text != nil && string(body) != *e.Text {
		differences = append(differences, fmt.Sprintf("body: want %q, got %q", *e.Text, body))
	}
	if e.JSON != nil {
		want := []byte(e.JSON)
		if e.Status == http.StatusUnprocessableEntity {
			want, body = reduceDetail(want), reduceDetail(body)
		}
		differences = append(differences, Diff(want, body)...)
	}
	return differences
}

func (e Expectation) compareHeaders(got http.Header) []string {
	var differences []string
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		want, value := e.Headers[name], got.Get(name)
		if strings.EqualFold(name, "Vary") {
			for _, member := range missing(listMembers(want), listMembers(strings.Join(got.Values(name), ","))) {
				differences = append(differences, fmt.Sprintf("Vary: %q is missing in %q", member, got.Values(name)))
			}
			continue
		}
		if value != want {
			differences = append(differences, fmt.Sprintf("%s: want %q, got %q", http.CanonicalHeaderKey(name), want, got.Values(name)))
		}
	}
	if encoding := got.Get("Content-Encoding"); encoding != "" && e.Headers["content-encoding"] == "" {
		differences = append(differences, fmt.Sprintf("Content-Encoding: want none, got %q", encoding))
	}
	return differences
}

// listMembers are the members of a comma-separated header, in lower case.
func listMembers(value string) []string {
	var members []string
	for member := range strings.SplitSeq(value, ",") {
		if member = strings.ToLower(strings.TrimSpace(member)); member != "" {
			members = append(members, member)
		}
	}
	return members
}

// missing are the members of want that got lacks.
func missing(want, got []string) []string {
	return slices.DeleteFunc(want, func(member string) bool { return slices.Contains(got, member) })
}

// plainBody is the body of an answer without its compression.
func plainBody(response harness.RawResponse) ([]byte, error) {
	if response.Header.Get("Content-Encoding") != "gzip" {
		return response.Body, nil
	}
	text, err := gzip.NewReader(bytes.NewReader(response.Body))
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	body, err := io.ReadAll(text)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return body, nil
}

// reduceDetail removes from validation errors what clients do not rely on. A body that
// is not a list of errors stays as it is.
func reduceDetail(body []byte) []byte {
	var answer struct {
		Detail []struct {
			Type json.RawMessage   `json:"type"`
			Loc  []json.RawMessage `json:"loc"`
			Msg  json.RawMessage   `json:"msg"`
		} `json:"detail"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Detail == nil {
		return body
	}
	for i, entry := range answer.Detail {
		if string(entry.Type) == `"json_invalid"` && len(entry.Loc) > 1 {
			answer.Detail[i].Loc = entry.Loc[:1]
		}
	}
	reduced, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return reduced
}
