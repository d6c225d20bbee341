package flagsmith_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A gateway serves the API below a path that the API does not know of, and so its
// links leave it out. They are followed below api_url, whatever they look like.
func TestPagesBelowAPrefix(t *testing.T) {
	t.Parallel()
	const api = "/gateway/flags/api/v1"
	for name, link := range map[string]func(r *http.Request, n int) string{
		"without the prefix": func(_ *http.Request, n int) string {
			return fmt.Sprintf("/api/v1/environment-document/?page_id=a%%3A%d", n)
		},
		"absolute": func(r *http.Request, n int) string {
			return fmt.Sprintf("http://%s/api/v1/environment-document/?page_id=a%%3A%d", r.Host, n)
		},
		"at the root": func(_ *http.Request, n int) string { return fmt.Sprintf("/environment-document?page_id=a%%3A%d", n) },
		"another prefix": func(_ *http.Request, n int) string {
			return fmt.Sprintf("/inner%%2Fservice/v1/environment-document/?page_id=a%%3A%d", n)
		},
		"with the prefix": func(_ *http.Request, n int) string {
			return fmt.Sprintf(api+"/environment-document/?page_id=a%%3A%d", n)
		},
		"relative": func(_ *http.Request, n int) string { return fmt.Sprintf("?page_id=a%%3A%d", n) },
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			pages := []string{page("1"), page("2"), page("3")}
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, api+"/environment-document") {
					http.NotFound(w, r)
					return
				}
				asked = append(asked, r.URL.RequestURI())
				n := len(asked)
				if n < len(pages) {
					w.Header().Set("Link", "<"+link(r, n+1)+`>; rel="next"`)
				}
				_, _ = io.WriteString(w, pages[n-1])
			})
			if got, want := body(t, client(t, s.URL+api)), page("1,2,3"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			for i, uri := range asked[1:] {
				if !strings.HasSuffix(uri, fmt.Sprintf("?page_id=a%%3A%d", i+2)) {
					t.Errorf("page %d was asked for at %s", i+2, uri)
				}
			}
		})
	}
}

// Nothing in a link makes the proxy ask another origin, or anything but the document.
func TestPageLinksStayAtTheDocument(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]string{
		"another port":    "http://127.0.0.1:1/api/v1/environment-document/?page_id=2",
		"a way out":       "/api/v1/environment-document/../../../admin?page_id=2",
		"an escaped way":  "/api/v1/environment-document/%2e%2e/admin?page_id=2",
		"another scheme":  "https://127.0.0.1/api/v1/environment-document/?page_id=2",
		"another path":    "/admin/environment-document/?page_id=2",
		"with user names": "http://u:p@127.0.0.1/x/environment-document/?page_id=2",
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				n++
				if !strings.HasPrefix(r.URL.Path, "/gateway/api/v1/environment-document/") || r.Header.Get("Authorization") != "" {
					t.Errorf("asked %s with the login %q", r.URL, r.Header.Get("Authorization"))
				}
				if n == 1 {
					w.Header().Set("Link", "<"+link+`>; rel="next"`)
				}
				_, _ = io.WriteString(w, page(fmt.Sprint(n)))
			})
			if got, want := body(t, client(t, s.URL+"/gateway/api/v1")), page("1,2"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// A redirect that leaves the prefix out leads to something else. The cause says so.
func TestARedirectOutOfThePrefix(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/gateway/") {
			http.Redirect(w, r, "/api/v1/environment-document/", http.StatusMovedPermanently)
			return
		}
		http.NotFound(w, r)
	})
	contains(t, failing(t, client(t, s.URL+"/gateway/api/v1")).Cause, "redirects to a path outside of api_url", "/gateway/api/v1")
}
