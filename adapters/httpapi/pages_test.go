package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// pagedDocument has that many identity overrides, written in odd ways, and what
// could be taken for their list.
func pagedDocument(overrides int) string {
	var list []string
	for i := range overrides {
		list = append(list, fmt.Sprintf(` {"identifier" : "[u],{%d}\"", "identity_features":[ ] }`, i))
	}
	return `{ "x": {"identity_overrides": [1, 2]}, "api_key":"client","name":"identity_overrides","updated_at":"2026-03-04T05:06:07.891011+00:00",
	"identity_\u006fverrides" :` + "\n[" + strings.Join(list, " ,") + "\n" + `], "feature_states":[], "project":{"segments":[]} }`
}

func newPaged(t *testing.T, text string) (*httpapi.API, *query) {
	var q *query
	api := newAPI(t, func(o *httpapi.Options) { q = o.Query.(*query) })
	q.serve(environment(t, clientKey, text))
	return api, q
}

const documentTarget = "/api/v1/environment-document/"

// nextPage returns the address in Link, or "".
func nextPage(t *testing.T, h http.Header) string {
	t.Helper()
	link := h.Get("Link")
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	base, err := url.Parse(documentTarget)
	if err != nil {
		t.Fatal(err)
	}
	next, err := base.Parse(target)
	if !ok || err != nil || !strings.HasPrefix(next.String(), documentTarget+"?page_id=") {
		t.Fatalf("Link %q, %v", link, err)
	}
	return next.String()
}

// Behind a gateway with a prefix that the proxy does not know, the link leads below the
// prefix. Flagsmith's SDK for Node.js resolves it against the root of the API, which is
// right where there is no prefix.
func TestLinksBehindAGateway(t *testing.T) {
	api, _ := newPaged(t, pagedDocument(5))
	for path, bases := range map[string][]string{
		"/api/v1/environment-document/": {"https://x.test/api/v1/environment-document/", "https://x.test/gateway/flags/api/v1/environment-document/", "https://x.test/api/v1/"},
		"/api/v1/environment-document":  {"https://x.test/api/v1/environment-document", "https://x.test/gateway/flags/api/v1/environment-document", "https://x.test/api/v1/"},
	} {
		w := ask(api, "GET", path+"?page_size=2", "", "X-Environment-Key: "+serverKey)
		target, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Link"), "<"), ">")
		for _, base := range bases {
			u, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			next, err := u.Parse(target)
			prefix, _, _ := strings.Cut(base, "/api/v1/")
			if err != nil || !strings.HasPrefix(next.String(), prefix+"/api/v1/environment-document/?page_id=") {
				t.Errorf("%s from %s leads to %s, %v", target, base, next, err)
			}
		}
	}
}

func TestPagesAddUpToTheDocument(t *testing.T) {
	for _, overrides := range []int{0, 1, 2, 5, 6} {
		text := pagedDocument(overrides)
		var want map[string]any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		api, _ := newPaged(t, text)
		for _, size := range []int{1, 2, 3, 5, 6, 2147483647} {
			var got map[string]any
			pages := 0
			for target := fmt.Sprintf("%s?page_size=%d", documentTarget, size); target != ""; pages++ {
				w := ask(api, "GET", target, "", "X-Environment-Key: "+serverKey)
				var page map[string]any
				if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
					t.Fatalf("%s: %d %v %s", target, w.Code, err, w.Body)
				}
				list := page["identity_overrides"].([]any)
				if len(list) > size {
					t.Errorf("%s: %d overrides", target, len(list))
				}
				if got != nil {
					list = append(got["identity_overrides"].([]any), list...)
				}
				got = page
				got["identity_overrides"] = list
				wantHeader(t, w, "X-Flagsmith-Document-Updated-At", "1772600767.891011")
				target = nextPage(t, w.Header())
			}
			if most := max(1, (overrides+size-1)/size); pages != most || !reflect.DeepEqual(got, want) {
				t.Errorf("%d overrides by %d: %d pages of %v", overrides, size, pages, got)
			}
		}
	}
}

func TestWhatIsNotPagedIsTheDocumentItself(t *testing.T) {
	text := pagedDocument(3)
	api, _ := newPaged(t, text)
	whole := ask(api, "GET", documentTarget, "", "X-Environment-Key: "+serverKey)
	for _, query := range []string{"?page_size=3", "?page_size=100", "?page_id=", "?x=page_size"} {
		w := ask(api, "GET", documentTarget+query, "", "X-Environment-Key: "+serverKey)
		want(t, w, http.StatusOK, text)
		wantHeader(t, w, "Link", "")
		wantHeader(t, w, "ETag", whole.Header().Get("ETag"))
	}
	for _, text := range []string{document, strings.Replace(document, `"identity_overrides": [`, `"other": [`, 1)} {
		api, _ := newPaged(t, text)
		want(t, ask(api, "GET", documentTarget+"?page_size=1", "", "X-Environment-Key: "+serverKey), http.StatusOK, text)
	}
}

func TestPagesOfTwoDocumentsAreNeverMixed(t *testing.T) {
	api, q := newPaged(t, pagedDocument(4))
	next := nextPage(t, ask(api, "GET", documentTarget+"?page_size=2", "", "X-Environment-Key: "+serverKey).Header())
	q.serve(environment(t, clientKey, strings.Replace(pagedDocument(4), `"x"`, `"y"`, 1)))
	w := ask(api, "GET", next, "", "X-Environment-Key: "+serverKey, "If-None-Match: *")
	want(t, w, http.StatusConflict, `{"status":"conflict","message":"the environment document has changed since its first page: start again without page_id"}`)
	// Another node, or this one after a restart, has the rest of the same document.
	other, _ := newPaged(t, pagedDocument(4))
	if w := ask(other, "GET", next, "", "X-Environment-Key: "+serverKey); w.Code != http.StatusOK || w.Header().Get("Link") != "" {
		t.Errorf("%d with Link %q", w.Code, w.Header().Get("Link"))
	}
}

func TestPagesThatThereAreNot(t *testing.T) {
	api, _ := newPaged(t, pagedDocument(4))
	next := nextPage(t, ask(api, "GET", documentTarget+"?page_size=2", "", "X-Environment-Key: "+serverKey).Header())
	const wrongSize, wrongID = "page_size must be a positive number", "page_id is unknown: follow the link of the page before, or start again without page_id"
	for target, message := range map[string]string{
		documentTarget + "?page_size=":           wrongSize,
		documentTarget + "?page_size=0":          wrongSize,
		documentTarget + "?page_size=-1":         wrongSize,
		documentTarget + "?page_size=1.5":        wrongSize,
		documentTarget + "?page_size=2147483648": wrongSize,
		documentTarget + "?page_id=x":            wrongID,
		next + "1":                               wrongID, // behind the end
		next + ".1":                              wrongID,
		strings.TrimSuffix(next, "2") + "0":      wrongID,
		strings.TrimSuffix(next, "2") + "-1":     wrongID,
		strings.Replace(next, ".2.", ".0.", 1):   wrongID,
		strings.Replace(next, "=", "=0", 1):      wrongID,
	} {
		w := ask(api, "GET", target, "", "X-Environment-Key: "+serverKey)
		want(t, w, http.StatusBadRequest, `{"status":"bad_request","message":"`+message+`"}`)
		wantHeader(t, w, "ETag", "")
	}
	for _, target := range []string{documentTarget + "?page_size=2", next, documentTarget + "?page_size=0"} {
		if w := ask(api, "GET", target, "", clientHeader()...); w.Code != http.StatusUnauthorized {
			t.Errorf("%s with a client-side key: %d", target, w.Code)
		}
	}
}

func TestPagesAreConditionalAndCompressed(t *testing.T) {
	api, _ := newPaged(t, pagedDocument(60))
	key := "X-Environment-Key: " + serverKey
	first := documentTarget + "?page_size=50"
	seen := map[string]bool{tagOf(t, api, documentTarget): true}
	for _, target := range []string{first, nextPage(t, ask(api, "GET", first, "", key).Header()), documentTarget + "?page_size=49"} {
		plain := ask(api, "GET", target, "", key)
		tag := plain.Header().Get("ETag")
		if seen[tag] {
			t.Errorf("%s: the tag %s of another page", target, tag)
		}
		seen[tag] = true
		zipped := ask(api, "GET", target, "", key, "Accept-Encoding: gzip")
		if plain.Body.Len() >= 1000 {
			if gunzip(t, zipped.Body.Bytes()) != plain.Body.String() || zipped.Header().Get("ETag") == tag {
				t.Errorf("%s: gzipped %v", target, zipped.Header())
			}
		}
		for _, condition := range []string{"If-None-Match: " + tag, "If-Modified-Since: Wed, 04 Mar 2026 05:06:07 GMT"} {
			w := ask(api, "GET", target, "", key, condition, "Origin: https://a.test")
			wantUnmodified(t, target+", "+condition, w.Code, w.Body.String(), w.Header(), tag)
			wantHeader(t, w, "Last-Modified", "Wed, 04 Mar 2026 05:06:07 GMT")
		}
		head := ask(api, "HEAD", target, "", key)
		if head.Code != http.StatusOK || head.Header().Get("Link") != plain.Header().Get("Link") || head.Header().Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %v", target, head.Code, head.Header())
		}
	}
}

// FuzzPages sends arbitrary queries: the answer is a document or an error, never
// a part of either.
func FuzzPages(f *testing.F) {
	for _, seed := range []string{"page_size=2", "page_size=0", "page_id=a.1.1", "page_id=..", "page_size=%31&page_id", "page_id=" + strings.Repeat("a", 32) + ".2.2"} {
		f.Add(seed)
	}
	q := new(query)
	q.serve(environment(f, clientKey, pagedDocument(4)))
	api, err := httpapi.New(httpapi.Options{Query: q})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, rawQuery string) {
		r := request("GET", documentTarget, "", "X-Environment-Key: "+serverKey)
		r.URL.RawQuery = rawQuery
		w := serve(api, r)
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("not JSON: %q", w.Body)
		}
		switch w.Code {
		case http.StatusOK:
			var page struct {
				Overrides []any `json:"identity_overrides"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Overrides) == 0 {
				t.Fatalf("%v: %s", err, w.Body)
			}
		case http.StatusBadRequest, http.StatusConflict:
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
