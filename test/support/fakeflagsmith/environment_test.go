package fakeflagsmith_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

func TestDocumentIsServedByteForByte(t *testing.T) {
	f := startWithDocument(t)
	response, body := must(t)(f.fetch(t))
	if response.StatusCode != http.StatusOK || body != document {
		t.Errorf("got %d %q", response.StatusCode, body)
	}
	if got, want := response.Header.Get("Last-Modified"), "Fri, 02 Jan 2026 03:04:05 GMT"; got != want {
		t.Errorf("Last-Modified: got %q, want %q", got, want)
	}
	if got := response.Header.Get("Link"); got != "" {
		t.Errorf("a document in one piece has Link %q", got)
	}
}

func TestKeys(t *testing.T) {
	f := startWithDocument(t, func(e *fakeflagsmith.Environment) { e.ServerKeys = []string{serverKey, "ser.second"} })
	for key, want := range map[string]int{
		serverKey: http.StatusOK, "ser.second": http.StatusOK,
		"": http.StatusForbidden, clientKey: http.StatusForbidden, "ser.unknown": http.StatusForbidden,
	} {
		if response, _ := must(t)(f.do(t, http.MethodGet, documentPath, "", "X-Environment-Key", key)); response.StatusCode != want {
			t.Errorf("key %q: got %d, want %d", key, response.StatusCode, want)
		}
	}
	f.RemoveEnvironment(clientKey)
	if response, _ := must(t)(f.fetch(t)); response.StatusCode != http.StatusForbidden {
		t.Errorf("a removed environment answers %d", response.StatusCode)
	}
}

func TestConditionalRequests(t *testing.T) {
	f := startWithDocument(t)
	tests := map[string]int{
		"Fri, 02 Jan 2026 03:04:05 GMT":     http.StatusNotModified,
		"Fri, 02 Jan 2026 03:04:06 GMT":     http.StatusNotModified,
		"Fri, 02 Jan 2026 03:04:04 GMT":     http.StatusOK,
		"Fri, 02 Jan 2026 03:04:05 +0000":   http.StatusOK, // Django understands GMT only
		"Fri, 02 Jan 2026 03:04:05 UTC":     http.StatusOK,
		"Mon, 02 Jan 2026 03:04:05 GMT":     http.StatusOK, // not a Monday
		"Friday, 02-Jan-26 03:04:05 GMT":    http.StatusOK, // the obsolete form
		"2026-01-02T03:04:05Z":              http.StatusOK,
		"":                                  http.StatusOK,
		" Fri, 02 Jan 2026 03:04:05 GMT, x": http.StatusOK,
	}
	for since, want := range tests {
		response, body := must(t)(f.fetch(t, "If-Modified-Since", since))
		if response.StatusCode != want {
			t.Errorf("If-Modified-Since %q: got %d, want %d", since, response.StatusCode, want)
		}
		if want == http.StatusNotModified && body != "" {
			t.Errorf("a 304 with body %q", body)
		}
	}
}

func TestDocumentWithoutTimeIsNeverNotModified(t *testing.T) {
	f := startWithDocument(t, func(e *fakeflagsmith.Environment) { e.Document = []byte(`{"api_key":"x"}`) })
	response, _ := must(t)(f.fetch(t, "If-Modified-Since", "Fri, 02 Jan 2099 03:04:05 GMT"))
	if response.StatusCode != http.StatusOK || response.Header.Get("Last-Modified") != "" {
		t.Errorf("got %d, Last-Modified %q", response.StatusCode, response.Header.Get("Last-Modified"))
	}
}

func TestGzip(t *testing.T) {
	f := startWithDocument(t)
	for accept, want := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "GZIP": true, "gzip;q=0": false, "br": false, "identity": false,
	} {
		response, body := must(t)(f.fetch(t, "Accept-Encoding", accept))
		if got := response.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("Accept-Encoding %q: compressed %t, want %t", accept, got, want)
		}
		if !want {
			continue
		}
		if text, err := gunzip(body); err != nil || text != document {
			t.Errorf("Accept-Encoding %q: got %q, %v", accept, text, err)
		}
	}
}

func TestPages(t *testing.T) {
	for _, form := range []fakeflagsmith.LinkForm{"", fakeflagsmith.LinkAbsolute, fakeflagsmith.LinkRelative, fakeflagsmith.LinkPlain} {
		t.Run(string(form), func(t *testing.T) {
			f := startWithDocument(t, func(e *fakeflagsmith.Environment) { e.PageSize, e.Links = 2, form })
			response, first := must(t)(f.fetch(t))
			link := nextLink(t, response)
			switch form {
			case fakeflagsmith.LinkRelative:
				if !strings.HasPrefix(link, documentPath+"?") {
					t.Fatalf("link %q", link)
				}
			case fakeflagsmith.LinkPlain:
				rest, ok := strings.CutPrefix(link, "http://127.0.0.1/")
				if !ok {
					t.Fatalf("link %q", link)
				}
				link = "/" + rest
			default:
				if !strings.HasPrefix(link, f.url+documentPath+"?") {
					t.Fatalf("link %q", link)
				}
			}
			response, second := must(t)(f.do(t, http.MethodGet, link, "", "X-Environment-Key", serverKey))
			if response.Header.Get("Link") != "" {
				t.Errorf("the last page has Link %q", response.Header.Get("Link"))
			}
			want := strings.Replace(document, `[ {"identifier":"a"} ,{"identifier": "b"},{"identifier":"c"}]`, `[{"identifier":"a"},{"identifier": "b"}]`, 1)
			if first != want {
				t.Errorf("first page:\n got %s\nwant %s", first, want)
			}
			if got := identifiers(t, second); !slices.Equal(got, []string{"c"}) {
				t.Errorf("second page has the overrides %q", got)
			}
		})
	}
}

func TestUnknownPage(t *testing.T) {
	f := startWithDocument(t, func(e *fakeflagsmith.Environment) { e.PageSize = 2 })
	for _, id := range []string{"identity_override:3", "identity_override:0", "2", "nonsense"} {
		if response, _ := must(t)(f.do(t, http.MethodGet, documentPath+"?page_id="+id, "", "X-Environment-Key", serverKey)); response.StatusCode != http.StatusNotFound {
			t.Errorf("page %q: got %d", id, response.StatusCode)
		}
	}
}

func TestPageSizeOfDocumentsThatHaveNoPages(t *testing.T) {
	for _, text := range []string{``, `null`, `[]`, `{`, `{"identity_overrides":7}`, `{"identity_overrides":[1,`, `{"a":[`, `{"a":1}`} {
		f := startWithDocument(t, func(e *fakeflagsmith.Environment) { e.Document, e.PageSize = []byte(text), 1 })
		if response, body := must(t)(f.fetch(t)); response.StatusCode != http.StatusOK || body != text {
			t.Errorf("document %q: got %d %q", text, response.StatusCode, body)
		}
	}
}

func TestAbsoluteLinksOverTLS(t *testing.T) {
	fake := fakeflagsmith.New()
	listener := httptest.NewTLSServer(fake)
	t.Cleanup(listener.Close)
	if err := fake.PutEnvironment(fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: []byte(document), PageSize: 2,
	}); err != nil {
		t.Fatal(err)
	}
	f := &fixture{Server: fake, url: listener.URL, client: listener.Client()}
	f.client.Transport.(*http.Transport).TLSClientConfig.MinVersion = tls.VersionTLS12
	response, _ := must(t)(f.fetch(t))
	if link := nextLink(t, response); !strings.HasPrefix(link, listener.URL) {
		t.Errorf("link %q, want one under %s", link, listener.URL)
	}
}

func TestDelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	f := startWithDocument(t, func(e *fakeflagsmith.Environment) { e.Delay = delay })
	began := time.Now()
	if response, _ := must(t)(f.fetch(t)); response.StatusCode != http.StatusOK {
		t.Errorf("got %d", response.StatusCode)
	}
	if took := time.Since(began); took < delay {
		t.Errorf("answered after %s, before its delay of %s", took, delay)
	}
}

func TestRefusedEnvironments(t *testing.T) {
	fake := fakeflagsmith.New()
	for name, e := range map[string]fakeflagsmith.Environment{
		"no client-side key":    {ServerKeys: []string{serverKey}},
		"unknown form of links": {ClientKey: clientKey, Links: "sideways"},
	} {
		if err := fake.PutEnvironment(e); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// nextLink takes the address out of a Link header.
func nextLink(t *testing.T, response *http.Response) string {
	t.Helper()
	header := response.Header.Get("Link")
	link, ok := strings.CutSuffix(header, `>; rel="next"`)
	if !ok || !strings.HasPrefix(link, "<") {
		t.Fatalf("Link: %q", header)
	}
	return link[1:]
}

func identifiers(t *testing.T, page string) []string {
	t.Helper()
	var d struct {
		Overrides []struct {
			Identifier string `json:"identifier"`
		} `json:"identity_overrides"`
	}
	if err := json.Unmarshal([]byte(page), &d); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, o := range d.Overrides {
		found = append(found, o.Identifier)
	}
	return found
}
