package fakeflagsmith

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pagePrefix makes a page's name opaque to the client, and something that has
// to be escaped in a query.
const pagePrefix = "identity_override:"

// pageOf returns the page a request asks for: 1 without page_id, 0 for a
// page_id this server never gave out.
func pageOf(r *http.Request) int {
	name := r.URL.Query().Get("page_id")
	if name == "" {
		return 1
	}
	page, err := strconv.Atoi(strings.TrimPrefix(name, pagePrefix))
	if err != nil || !strings.HasPrefix(name, pagePrefix) {
		return 0
	}
	return page
}

// splitPages cuts a document into pages that each repeat it with at most size
// of its identity_overrides. All other bytes, and those of every override, stay
// as they are. A size of 0, or a document without such a list, makes one page.
func splitPages(document []byte, size int) [][]byte {
	start, end, overrides, ok := findOverrides(document)
	if !ok || size <= 0 || len(overrides) <= size {
		return [][]byte{document}
	}
	var pages [][]byte
	for chunk := range slices.Chunk(overrides, size) {
		page := slices.Clone(document[:start])
		page = append(page, '[')
		page = append(page, bytes.Join(chunk, []byte(","))...)
		page = append(page, ']')
		pages = append(pages, append(page, document[end:]...))
	}
	return pages
}

// findOverrides returns where the top-level list identity_overrides starts and
// ends in a document, and the text of its elements.
func findOverrides(document []byte) (start, end int64, overrides [][]byte, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return 0, 0, nil, false
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return 0, 0, nil, false
		}
		if name != "identity_overrides" {
			if decoder.Decode(new(json.RawMessage)) != nil {
				return 0, 0, nil, false
			}
			continue
		}
		if open, err := decoder.Token(); err != nil || open != json.Delim('[') {
			return 0, 0, nil, false
		}
		start = decoder.InputOffset() - 1
		for decoder.More() {
			var override json.RawMessage
			if decoder.Decode(&override) != nil {
				return 0, 0, nil, false
			}
			overrides = append(overrides, override)
		}
		if _, err := decoder.Token(); err != nil {
			return 0, 0, nil, false
		}
		return start, decoder.InputOffset(), overrides, true
	}
	return 0, 0, nil, false
}
