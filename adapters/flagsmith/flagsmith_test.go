package flagsmith_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The secrets of these tests: none may be in an error.
const (
	serverKey = "ser.aVerySecretServerKey"
	proxyKey  = "aVerySecretProxyKey"
	password  = "aVerySecretPassword"
)

const document = `{"id": 1, "name": "Production", "identity_overrides": []}`

// patient is a time-out that no test reaches, however busy the machine is.
const patient = time.Minute

// client returns a Client of the API at address; each change alters its options.
func client(t *testing.T, address string, change ...func(*flagsmith.Options)) *flagsmith.Client {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	o := flagsmith.Options{
		APIURL: u, Timeout: patient, MaxDocumentBytes: 1 << 20, UserAgent: "edge-proxy/1.2.3",
		ProxyKey: func() string { return proxyKey },
	}
	for _, f := range change {
		f(&o)
	}
	c, err := flagsmith.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve starts a server that is closed with the test, after its clients.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func documentRequest() ports.DocumentRequest {
	return ports.DocumentRequest{Environment: "client", Key: domain.NewServerKey(serverKey)}
}

// body fetches a document that has to come.
func body(t *testing.T, c *flagsmith.Client) string {
	t.Helper()
	d, err := c.FetchDocument(t.Context(), documentRequest())
	if err != nil {
		t.Fatal(err)
	}
	if d.NotModified {
		t.Fatal("the document is reported as not modified")
	}
	return string(d.Body)
}

// failing fetches a document that must not come.
func failing(t *testing.T, c *flagsmith.Client) *ports.FetchError {
	t.Helper()
	d, err := c.FetchDocument(t.Context(), documentRequest())
	if err == nil {
		t.Fatalf("a document came: %+v", d)
	}
	return fetchError(t, err)
}

// fetchError returns err as what it must be, and sees that it tells no secret.
func fetchError(t *testing.T, err error) *ports.FetchError {
	t.Helper()
	noSecrets(t, err.Error())
	var fetch *ports.FetchError
	if !errors.As(err, &fetch) {
		t.Fatalf("%v is a %T, want a FetchError", err, err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		noSecrets(t, e.Error())
	}
	return fetch
}

func noSecrets(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{serverKey, proxyKey, password} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret is in %q", text)
		}
	}
}

// contains reports every one of parts that text lacks.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// journal keeps what a server was asked.
type journal struct {
	mu       sync.Mutex
	requests []*http.Request
}

func (j *journal) add(r *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, r)
}

func (j *journal) all() []*http.Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]*http.Request(nil), j.requests...)
}

// answer is a handler that writes body and notes the requests.
func (j *journal) answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		j.add(r)
		_, _ = io.WriteString(w, body)
	}
}
