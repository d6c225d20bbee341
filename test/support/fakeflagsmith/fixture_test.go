package fakeflagsmith_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

const (
	clientKey = "client_key"
	serverKey = "ser.0123456789"
	updatedAt = "2026-01-02T03:04:05.678901+00:00"
	// The document's spelling (blanks, order) is odd on purpose: it must be kept.
	document = `{ "api_key":"client_key","updated_at":"` + updatedAt + `",
  "identity_overrides" : [ {"identifier":"a"} ,{"identifier": "b"},{"identifier":"c"}], "name":"é <b>" }`
	documentPath = "/api/v1/environment-document/"
)

// fixture is a fake behind a real listener.
type fixture struct {
	*fakeflagsmith.Server
	url    string
	client *http.Client
}

func start(t *testing.T) *fixture {
	t.Helper()
	fake := fakeflagsmith.New()
	listener := httptest.NewServer(fake)
	f := &fixture{Server: fake, url: listener.URL, client: listener.Client()}
	f.client.Transport.(*http.Transport).DisableCompression = true
	f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		fake.Close()
		listener.Close()
	})
	return f
}

// startWithDocument is start with the one environment of this file.
func startWithDocument(t *testing.T, change ...func(*fakeflagsmith.Environment)) *fixture {
	t.Helper()
	f := start(t)
	e := fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: []byte(document)}
	for _, c := range change {
		c(&e)
	}
	if err := f.PutEnvironment(e); err != nil {
		t.Fatal(err)
	}
	return f
}

// do sends a request with the given header pairs, within ten seconds.
func (f *fixture) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return f.doWithin(ctx, t, method, path, body, headers...)
}

func (f *fixture) doWithin(ctx context.Context, t *testing.T, method, path, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	address := path
	if path[0] == '/' {
		address = f.url + path
	}
	request, err := http.NewRequestWithContext(ctx, method, address, stringReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := f.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

// fetch asks for the document with the fixture's key.
func (f *fixture) fetch(t *testing.T, headers ...string) (*http.Response, string, error) {
	t.Helper()
	return f.do(t, http.MethodGet, documentPath, "", append([]string{"X-Environment-Key", serverKey}, headers...)...)
}

// must is the answer of a request that has to succeed as a request.
func must(t *testing.T) func(*http.Response, string, error) (*http.Response, string) {
	t.Helper()
	return func(r *http.Response, body string, err error) (*http.Response, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r, body
	}
}
