package flagsmith_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 2*60*60)
	for name, tt := range map[string]struct {
		base     string
		request  func(*ports.DocumentRequest)
		path     string
		headers  map[string]string
		noHeader []string
	}{
		"plain": {
			base: "/api/v1", path: "/api/v1/environment-document/",
			headers: map[string]string{
				"X-Environment-Key": serverKey, "Accept-Encoding": "gzip",
				"User-Agent": "edge-proxy/1.2.3", "Accept": "application/json",
			},
			noHeader: []string{"If-Modified-Since", "X-Proxy-Key", "Authorization", "Cookie", "Referer"},
		},
		"slash at the end": {base: "/api/v1/", path: "/api/v1/environment-document/"},
		"no path":          {base: "", path: "/environment-document/"},
		"only a slash":     {base: "/", path: "/environment-document/"},
		"conditional": {
			path:    "/environment-document/",
			request: func(r *ports.DocumentRequest) { r.IfModifiedSince = time.Date(2024, 3, 1, 1, 2, 3, 999_999_999, zone) },
			headers: map[string]string{"If-Modified-Since": "Thu, 29 Feb 2024 23:02:03 GMT"},
		},
		"discovered": {
			path:    "/environment-document/",
			request: func(r *ports.DocumentRequest) { r.Discovered = true },
			headers: map[string]string{"X-Proxy-Key": proxyKey, "X-Environment-Key": serverKey},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var seen journal
			s := serve(t, seen.answer(document))
			r := documentRequest()
			if tt.request != nil {
				tt.request(&r)
			}
			if _, err := client(t, s.URL+tt.base).FetchDocument(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got := seen.all()[0]
			if got.Method != http.MethodGet || got.URL.Path != tt.path || got.URL.RawQuery != "" {
				t.Errorf("%s %s, want GET %s", got.Method, got.URL, tt.path)
			}
			for name, want := range tt.headers {
				if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
					t.Errorf("%s: %q, want %q", name, values, want)
				}
			}
			for _, name := range tt.noHeader {
				if values := got.Header.Values(name); len(values) != 0 {
					t.Errorf("%s: %q, want none", name, values)
				}
			}
		})
	}
}

func TestUserInformationIsBasicAuthentication(t *testing.T) {
	t.Parallel()
	var seen journal
	elsewhere := serve(t, seen.answer(document))
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.add(r)
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	})
	c := client(t, strings.Replace(s.URL, "http://", "http://user:"+password+"@", 1))
	if got := body(t, c); got != document {
		t.Errorf("got %s", got)
	}
	requests := seen.all()
	if user, pass, ok := requests[0].BasicAuth(); !ok || user != "user" || pass != password {
		t.Errorf("the API got %q and %q", user, pass)
	}
	if _, _, ok := requests[1].BasicAuth(); ok {
		t.Error("another origin got the user name and password")
	}
	elsewhere.Close()
	contains(t, failing(t, c).Error(), "asking "+elsewhere.URL)
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	c := client(t, s.URL)
	r := documentRequest()
	r.IfModifiedSince = time.Now()
	d, err := c.FetchDocument(t.Context(), r)
	if err != nil || !d.NotModified || d.Body != nil {
		t.Errorf("conditional: %+v, %v", d, err)
	}
	failed := failing(t, c)
	if failed.Status != http.StatusNotModified || !errors.Is(failed, ports.ErrNotModifiedWithoutCondition) {
		t.Errorf("unconditional: %#v", failed)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var seen journal
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.add(r)
		if len(seen.all())%2 == 0 {
			http.Error(w, strings.Repeat("no ", 1000), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(document))
	})
	c := client(t, s.URL)
	for range 6 {
		_, _ = c.FetchDocument(t.Context(), documentRequest())
	}
	requests := seen.all()
	for _, r := range requests[1:] {
		if r.RemoteAddr != requests[0].RemoteAddr {
			t.Fatalf("a second connection was opened: %s and %s", requests[0].RemoteAddr, r.RemoteAddr)
		}
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	var seen journal
	s := newTLSServer(t, seen.answer(document))
	if got := body(t, client(t, s.URL, trust(s))); got != document {
		t.Errorf("got %s", got)
	}
	if r := seen.all()[0]; r.ProtoMajor != 2 {
		t.Errorf("the request came by %s", r.Proto)
	}
}

// trust makes a client trust the certificate of s.
func trust(s *httptest.Server) func(*flagsmith.Options) {
	settings := s.Client().Transport.(*http.Transport).TLSClientConfig
	return func(o *flagsmith.Options) { o.TLS = func() *tls.Config { return settings } }
}

// addressOf returns the host and port of s.
func addressOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
