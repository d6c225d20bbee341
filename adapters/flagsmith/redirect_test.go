package flagsmith_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
)

func TestRedirectsAreFollowedWithTheKey(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var seen journal
			mux := http.NewServeMux()
			mux.HandleFunc("/environment-document/", func(w http.ResponseWriter, r *http.Request) {
				seen.add(r)
				w.Header().Set("Location", "/elsewhere?x=1#fragment")
				w.WriteHeader(status)
			})
			mux.HandleFunc("/elsewhere", seen.answer(document))
			r := documentRequest()
			r.IfModifiedSince = time.Now()
			r.Discovered = true
			d, err := client(t, serve(t, mux.ServeHTTP).URL).FetchDocument(t.Context(), r)
			if err != nil || string(d.Body) != document {
				t.Fatalf("%s, %v", d.Body, err)
			}
			requests := seen.all()
			last := requests[len(requests)-1]
			if last.Method != http.MethodGet || last.URL.String() != "/elsewhere?x=1" {
				t.Errorf("%s %s", last.Method, last.URL)
			}
			for name, values := range requests[0].Header {
				if got := last.Header.Values(name); len(got) != 1 || got[0] != values[0] {
					t.Errorf("%s was %q and is %q after the redirect", name, values, got)
				}
			}
		})
	}
}

func TestRedirectChain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		redirects int
		ok        bool
	}{{10, true}, {11, false}} {
		left := tt.redirects
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if left == 0 {
				_, _ = w.Write([]byte(document))
				return
			}
			left--
			http.Redirect(w, r, fmt.Sprintf("/left/%d", left), http.StatusFound)
		})
		_, err := client(t, s.URL).FetchDocument(t.Context(), documentRequest())
		if tt.ok != (err == nil) {
			t.Errorf("%d redirects: %v", tt.redirects, err)
		}
		if err != nil {
			contains(t, fetchError(t, err).Error(), "redirects without end")
		}
	}
}

func TestRedirectLoop(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	contains(t, failing(t, client(t, s.URL)).Error(), "redirects without end", "10 redirects")
}

func TestKeysNeverFollowARedirectToAnotherOrigin(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		t.Run(host, func(t *testing.T) {
			var origin, foreign journal
			var home string
			abroad := serve(t, func(w http.ResponseWriter, r *http.Request) {
				foreign.add(r)
				if r.URL.Path == "/back" {
					http.Redirect(w, r, home+"/end", http.StatusFound)
					return
				}
				_, _ = w.Write([]byte(document))
			})
			target := "/"
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				origin.add(r)
				if r.URL.Path == "/end" {
					_, _ = w.Write([]byte(document))
					return
				}
				// Another port is another origin, whatever the name.
				http.Redirect(w, r, strings.Replace(abroad.URL, "127.0.0.1", host, 1)+target, http.StatusTemporaryRedirect)
			})
			home = s.URL
			r := documentRequest()
			r.Discovered = true
			for _, target = range []string{"/", "/back"} {
				if d, err := client(t, s.URL).FetchDocument(t.Context(), r); err != nil || string(d.Body) != document {
					t.Errorf("%s: %s, %v", target, d.Body, err)
				}
			}
			for _, r := range foreign.all() {
				for name, values := range r.Header {
					noSecrets(t, name+": "+strings.Join(values, ", "))
				}
			}
			if got := len(foreign.all()); got != 2 {
				t.Errorf("%d requests went abroad, want 2", got)
			}
			for _, r := range origin.all() {
				if r.Header.Get("X-Environment-Key") != serverKey || r.Header.Get("X-Proxy-Key") != proxyKey {
					t.Errorf("%s: the configured origin did not get the keys", r.URL)
				}
			}
		})
	}
}

func TestRefusedByAnotherOrigin(t *testing.T) {
	t.Parallel()
	abroad := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, abroad.URL+"/"+r.Header.Get("X-Environment-Key"), http.StatusFound)
	})
	failed := failing(t, client(t, s.URL))
	if failed.Status != http.StatusForbidden {
		t.Errorf("status %d", failed.Status)
	}
	contains(t, failed.Cause, "redirects to "+abroad.URL, "set api_url")
}

func TestRedirectsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ location, want string }{
		"nowhere":        {"", "without saying where to"},
		"no address":     {"http://[::1" + serverKey, "not an HTTP address"},
		"another scheme": {"ftp://example.com/" + serverKey, "not an HTTP address"},
		"no host":        {"http:///" + serverKey, "not an HTTP address"},
		"script":         {"javascript:" + serverKey, "not an HTTP address"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.location != "" {
					w.Header().Set("Location", tt.location)
				}
				w.WriteHeader(http.StatusFound)
			})
			failed := failing(t, client(t, s.URL))
			if failed.Status != http.StatusFound {
				t.Errorf("status %d", failed.Status)
			}
			contains(t, failed.Error(), tt.want)
		})
	}
}

// The forward proxy of this test stands for the default ports of example.com,
// for which the certificates of httptest are.
func TestSameHostFromHTTPToHTTPS(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from, to string
		key      bool
		failure  string
	}{
		"default ports":         {from: "http://example.com", to: "https://example.com", key: true},
		"default ports, named":  {from: "http://EXAMPLE.com:80", to: "https://example.com:443", key: true},
		"another port to":       {from: "http://example.com", to: "https://example.com:8443", key: false},
		"another port from":     {from: "http://example.com:8080", to: "https://example.com", key: false},
		"downwards":             {from: "https://example.com", to: "http://example.com", failure: "from https to unprotected http://example.com"},
		"downwards, not direct": {from: "http://example.com", to: "https://example.com/down", failure: "from https to unprotected"},
	} {
		t.Run(name, func(t *testing.T) {
			var answers, redirects journal
			location := tt.to + "/there"
			redirect := func(w http.ResponseWriter, r *http.Request) {
				redirects.add(r)
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusMovedPermanently)
			}
			end := answers.answer(document)
			if strings.HasSuffix(tt.to, "/down") {
				end = func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, "http://example.com/", http.StatusFound)
				}
			}
			plain, secure := http.HandlerFunc(redirect), end
			if strings.HasPrefix(tt.from, "https:") {
				plain, secure = end, redirect
			}
			plainServer := serve(t, plain)
			secureServer := httptest.NewTLSServer(secure)
			t.Cleanup(secureServer.Close)
			p := newForwardProxy(t, map[string]string{
				"example.com:80": addressOf(t, plainServer), "example.com:8080": addressOf(t, plainServer),
				"example.com:443": addressOf(t, secureServer), "example.com:8443": addressOf(t, secureServer),
			})
			c := client(t, tt.from, trust(secureServer), func(o *flagsmith.Options) { o.Proxy.All = p.URL })
			if tt.failure != "" {
				contains(t, failing(t, c).Error(), tt.failure)
				if len(answers.all()) != 0 {
					t.Error("the redirect was followed")
				}
				return
			}
			if got := body(t, c); got != document {
				t.Errorf("got %s", got)
			}
			if got := answers.all()[0].Header.Get("X-Environment-Key") == serverKey; got != tt.key {
				t.Errorf("the key was sent: %v, want %v", got, tt.key)
			}
		})
	}
}

func TestRedirectsShareOneTimeout(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		http.Redirect(w, r, "/slow", http.StatusFound)
	})
	c := client(t, s.URL, func(o *flagsmith.Options) { o.Timeout = 50 * time.Millisecond })
	contains(t, failing(t, c).Error(), "within 50ms")
}
