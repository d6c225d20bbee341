package fakeflagsmith_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

// However odd a document is: its pages together hold its overrides, in order,
// and nothing else of it differs from page to page.
func FuzzPages(f *testing.F) {
	f.Add([]byte(document), 1)
	f.Add([]byte(document), 2)
	f.Add([]byte(`{"identity_overrides":[[],{"a":"]"},1.0e5 , null ],"z":[1,2]}`), 3)
	f.Add([]byte(`{"a":{"identity_overrides":[1,2]},"identity_overrides":[3,4]} `), 1)
	f.Add([]byte(`{"identity_overrides":[1`), 1)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		var whole map[string]json.RawMessage
		if json.Unmarshal(text, &whole) != nil || hasTwice(text, "identity_overrides") {
			return // of such a document only one page is promised
		}
		size %= 4
		fake := fakeflagsmith.New()
		if err := fake.PutEnvironment(fakeflagsmith.Environment{
			ClientKey: "k", ServerKeys: []string{serverKey}, Document: text, PageSize: size, Links: fakeflagsmith.LinkRelative,
		}); err != nil {
			t.Fatal(err)
		}
		var merged []json.RawMessage
		at := documentPath
		for pages := 0; at != ""; pages++ {
			if pages > len(text) {
				t.Fatal("more pages than bytes")
			}
			request := httptest.NewRequest(http.MethodGet, at, nil)
			request.Header.Set("X-Environment-Key", serverKey)
			recorder := httptest.NewRecorder()
			fake.ServeHTTP(recorder, request)
			var page map[string]json.RawMessage
			if err := json.Unmarshal(recorder.Body.Bytes(), &page); err != nil {
				t.Fatalf("page %d is not an object: %v", pages, err)
			}
			var overrides []json.RawMessage
			_ = json.Unmarshal(page["identity_overrides"], &overrides) // a value that is not a list is compared below
			merged = append(merged, overrides...)
			for name, value := range whole {
				if name != "identity_overrides" && string(page[name]) != string(value) {
					t.Fatalf("page %d changed %q", pages, name)
				}
			}
			at = ""
			if link := recorder.Header().Get("Link"); link != "" {
				at = nextLink(t, recorder.Result())
				if _, err := url.Parse(at); err != nil {
					t.Fatal(err)
				}
			}
		}
		var want []json.RawMessage
		_ = json.Unmarshal(whole["identity_overrides"], &want)
		if len(merged)+len(want) > 0 && !reflect.DeepEqual(merged, want) {
			t.Errorf("size %d: the pages hold %s, the document %s", size, merged, want)
		}
	})
}

// hasTwice says whether a top-level or nested name may occur more than once,
// in which case JSON readers disagree about which one counts.
func hasTwice(text []byte, name string) bool {
	lower := strings.ToLower(string(text))
	return strings.Count(lower, name) > 1 || strings.Contains(lower, `\u`)
}
