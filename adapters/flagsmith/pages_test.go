package flagsmith_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/ports"
)

// paged is an API that serves a document in pages; next writes the link to a
// page.
type paged struct {
	journal
	pages []string
	next  func(r *http.Request, n int) string
	// instead, when not nil, may answer for a page; true: it did.
	instead func(w http.ResponseWriter, r *http.Request, n int) bool
}

func (p *paged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.add(r)
	n := 1
	if text := r.URL.Query().Get("page"); text != "" {
		_, _ = fmt.Sscan(text, &n)
	}
	if p.instead != nil && p.instead(w, r, n) {
		return
	}
	if n < len(p.pages) {
		w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="next"`, p.next(r, n+1)))
	}
	_, _ = io.WriteString(w, p.pages[n-1])
}

func relative(_ *http.Request, n int) string { return fmt.Sprintf("?page=%d&token=a%%2Fb", n) }

func page(overrides string) string {
	return `{"updated_at": "2024-01-01T00:00:00Z", "identity_overrides": [` + overrides + `], "name": "x"}`
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(r *http.Request, n int) string{
		"relative to the page": relative,
		"relative to the host": func(r *http.Request, n int) string { return fmt.Sprintf("%s?page=%d", r.URL.Path, n) },
		"without the scheme":   func(r *http.Request, n int) string { return fmt.Sprintf("//%s%s?page=%d", r.Host, r.URL.Path, n) },
		"absolute":             func(r *http.Request, n int) string { return fmt.Sprintf("http://%s%s?page=%d", r.Host, r.URL.Path, n) },
		"without the port":     func(r *http.Request, n int) string { return fmt.Sprintf("http://127.0.0.1%s?page=%d", r.URL.Path, n) },
		"another port, scheme": func(r *http.Request, n int) string {
			return fmt.Sprintf("https://127.0.0.1:1%s?page=%d", r.URL.Path, n)
		},
		"with a login": func(r *http.Request, n int) string {
			return fmt.Sprintf("http://u:p@%s%s?page=%d#x", r.Host, r.URL.Path, n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			api := &paged{pages: []string{page(`{"id": 1} , {"id":2}`), page(""), page(` {"id": 3 }`)}, next: next}
			s := serve(t, api.ServeHTTP)
			r := documentRequest()
			r.IfModifiedSince = time.Now()
			r.Discovered = true
			d, err := client(t, s.URL+"/api/v1").FetchDocument(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if want := page(`{"id": 1} , {"id":2},{"id": 3 }`); string(d.Body) != want {
				t.Errorf("got  %s\nwant %s", d.Body, want)
			}
			requests := api.all()
			for i, r := range requests {
				if r.Header.Get("X-Environment-Key") != serverKey || r.Header.Get("X-Proxy-Key") != proxyKey {
					t.Errorf("page %d was asked for without the keys", i+1)
				}
				if r.Header.Get("Authorization") != "" {
					t.Errorf("page %d was asked for with the login of a link", i+1)
				}
				if got := r.Header.Get("If-Modified-Since") != ""; got != (i == 0) {
					t.Errorf("page %d was asked for conditionally: %v", i+1, got)
				}
				if r.URL.Path != "/api/v1/environment-document/" {
					t.Errorf("page %d was asked for at %s", i+1, r.URL)
				}
			}
			if len(requests) != 3 {
				t.Errorf("%d requests, want 3", len(requests))
			}
		})
	}
}

// Behind TLS termination the API writes http:// with the public name.
func TestPagesBehindTLSTermination(t *testing.T) {
	t.Parallel()
	api := &paged{pages: []string{page("1"), page("2")}, next: func(_ *http.Request, n int) string {
		return fmt.Sprintf("http://example.com/api/v1/environment-document/?page=%d", n)
	}}
	s := newTLSServer(t, api)
	forward := newForwardProxy(t, map[string]string{"example.com:443": addressOf(t, s)})
	c := client(t, "https://example.com/api/v1", trust(s), func(o *flagsmith.Options) { o.Proxy.HTTPS = forward.URL })
	if got, want := body(t, c), page("1,2"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, r := range api.all() {
		if r.TLS == nil || r.Header.Get("X-Environment-Key") != serverKey {
			t.Errorf("%s: over TLS: %v, key: %q", r.URL, r.TLS != nil, r.Header.Get("X-Environment-Key"))
		}
	}
}

func TestPagesAfterARedirect(t *testing.T) {
	t.Parallel()
	api := &paged{pages: []string{page("1"), page("2"), page("3")}, next: relative}
	mux := http.NewServeMux()
	mux.Handle("/new/", api)
	mux.HandleFunc("/environment-document/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/new/", http.StatusMovedPermanently)
	})
	if got, want := body(t, client(t, serve(t, mux.ServeHTTP).URL)), page("1,2,3"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPagesThatBreak(t *testing.T) {
	t.Parallel()
	var foreign journal
	abroad := serve(t, foreign.answer(page("9")))
	onThird := func(do func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n == 3 {
				do(w)
			}
			return n == 3
		}
	}
	write := func(text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { _, _ = io.WriteString(w, text) }
	}
	header := func(name, value string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set(name, value)
			_, _ = io.WriteString(w, page("3"))
		}
	}
	for name, tt := range map[string]struct {
		next    func(r *http.Request, n int) string
		instead func(w http.ResponseWriter, r *http.Request, n int) bool
		status  int
		want    []string
	}{
		"status":        {instead: onThird(func(w http.ResponseWriter) { w.WriteHeader(502) }), status: 502, want: []string{"page 3", "502", "not available"}},
		"not modified":  {instead: onThird(func(w http.ResponseWriter) { w.WriteHeader(304) }), status: 304, want: []string{"page 3", "304"}},
		"cut off":       {instead: onThird(func(w http.ResponseWriter) { raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{") }), status: 200, want: []string{"page 3", "cut off"}},
		"reset":         {instead: onThird(func(w http.ResponseWriter) { raw(w, "") }), want: []string{"page 3", "closed before"}},
		"no JSON":       {instead: onThird(write(`{"identity_overrides": [`)), status: 200, want: []string{"page 3", "invalid JSON"}},
		"a web page":    {instead: onThird(write(`<html>`)), status: 200, want: []string{"page 3", "web page"}},
		"no object":     {instead: onThird(write(`[1]`)), status: 200, want: []string{"page 3", "not a JSON object"}},
		"no list":       {instead: onThird(write(strings.Replace(page(""), "[]", "{}", 1))), status: 200, want: []string{"page 3", "identity_overrides is not a list"}},
		"changed":       {instead: onThird(write(strings.Replace(page("3"), "2024", "2025", 1))), status: 200, want: []string{"page 3", "changed while its pages were read"}},
		"broken link":   {instead: onThird(header("Link", "<?page=4")), status: 200, want: []string{"page 3", "Link header cannot be read"}},
		"odd link":      {instead: onThird(header("Link", "<mailto:x>; rel=next")), status: 200, want: []string{"page 3", "not an HTTP address"}},
		"odder link":    {instead: onThird(header("Link", "<http://[>; rel=next")), status: 200, want: []string{"page 3", "not an HTTP address"}},
		"circle":        {instead: onThird(header("Link", "<?page=2&token=a%2Fb>; rel=next")), want: []string{"page 4", "in a circle"}},
		"first again":   {instead: onThird(header("Link", "</environment-document/>; rel=next")), want: []string{"page 4", "in a circle"}},
		"itself":        {instead: onThird(header("Link", "<>; rel=next")), want: []string{"page 4", "in a circle"}},
		"another host":  {next: func(*http.Request, int) string { return strings.Replace(abroad.URL, "127.0.0.1", "localhost", 1) }, status: 200, want: []string{"another host, http://localhost"}},
		"another host,": {instead: onThird(header("Link", "<//other.invalid/"+serverKey+">; rel=next")), status: 200, want: []string{"page 3", "another host, http://other.invalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			api := &paged{pages: []string{page("1"), page("2"), page("3")}, next: relative, instead: tt.instead}
			if tt.next != nil {
				api.next = tt.next
			}
			c := client(t, serve(t, api.ServeHTTP).URL)
			failed := failing(t, c)
			contains(t, failed.Error(), tt.want...)
			if failed.Status != tt.status {
				t.Errorf("status %d, want %d", failed.Status, tt.status)
			}
			if got, want := errors.Is(failed, ports.ErrNotModifiedWithoutCondition), name == "not modified"; got != want {
				t.Errorf("it is ErrNotModifiedWithoutCondition: %v", got)
			}
			if len(foreign.all()) != 0 {
				t.Error("another host was asked")
			}
		})
	}
}

func TestPageOfARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	api := &paged{pages: []string{page("1"), page("2")}, next: relative}
	abroad := serve(t, api.ServeHTTP)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(abroad.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
	})
	contains(t, failing(t, client(t, s.URL)).Error(), "another host")
}

func TestMergedSizeIsBounded(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("1,", 200) + "1"
	api := &paged{pages: []string{page(many), page(many), page(many)}, next: relative}
	s := serve(t, api.ServeHTTP)
	whole := len(page(many + "," + many + "," + many))
	for limit, want := range map[int]bool{whole: true, whole - 1: false} {
		c := client(t, s.URL, func(o *flagsmith.Options) { o.MaxDocumentBytes = int64(limit) })
		_, err := c.FetchDocument(t.Context(), documentRequest())
		if got := err == nil; got != want {
			t.Errorf("limit %d of %d: %v", limit, whole, err)
		}
		if err != nil {
			contains(t, fetchError(t, err).Error(), "page 3", "max_document_bytes")
		}
	}
}

func TestPagesWithoutEnd(t *testing.T) {
	t.Parallel()
	count := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		c, requests, err := http.NewResponseController(w).Hijack() // net/http spends more on a request
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for err == nil {
			count++
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLink: <?page=%d>; rel=next\r\n\r\n{}", count)
			for line := ""; err == nil && line != "\r\n"; {
				line, err = requests.ReadString('\n')
			}
		}
	})
	contains(t, failing(t, client(t, s.URL)).Error(), "more than 10000 pages")
	if count != 10_000 {
		t.Errorf("%d pages were read", count)
	}
}

func TestEachPageHasItsOwnTimeout(t *testing.T) {
	t.Parallel()
	const each, timeout = 400 * time.Millisecond, 1500 * time.Millisecond
	api := &paged{pages: []string{page("1"), page("2"), page("3"), page("4"), page("5")}, next: relative}
	api.instead = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		select {
		case <-time.After(each):
		case <-r.Context().Done():
		}
		return false
	}
	c := client(t, serve(t, api.ServeHTTP).URL, func(o *flagsmith.Options) { o.Timeout = timeout })
	if got, want := body(t, c), page("1,2,3,4,5"); got != want {
		t.Errorf("got %s", got)
	}
}

func TestLinkOfTheOnlyPage(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", `<`+(&url.URL{Path: "/schema"}).String()+`>; rel="describedby"`)
		_, _ = io.WriteString(w, "{\"not\": \"looked at\"")
	})
	if got := body(t, client(t, s.URL)); got != `{"not": "looked at"` {
		t.Errorf("got %s", got)
	}
}
