package httpapi_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// longDocument is document with a value of that many characters, so that sizes
// of answers can be chosen.
func longDocument(length int) string {
	return strings.Replace(document, `"classic"`, `"`+strings.Repeat("x", length)+`"`, 1)
}

func longAPI(t *testing.T, length int) *httpapi.API {
	return newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(environment(t, clientKey, longDocument(length))) })
}

func TestAcceptEncoding(t *testing.T) {
	api := longAPI(t, 2000)
	for header, gzipped := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "gzip, deflate, br": true, "deflate,\tgzip ;q=0.5": true, "*": true, "*;q=0.1": true,
		"gzip;q=0": false, "gzip;q=0.000": false, "gzip; Q=0": false, "gzip;q=0, *": false, "*;q=0": false, "*;q=0, gzip": true, "identity": false, "br": false,
		"gzipped": false, "gzip;q=x": false, "gzip;q=2": false, "gzip;q=0.5, identity": false, "gzip, identity;q=0.5": true, "gzip;foo=bar": true, ",, ;q=1, gzip": true,
	} {
		var headers []string
		if header != "" {
			headers = []string{"Accept-Encoding: " + header}
		}
		for _, key := range []string{clientKey, serverKey} {
			for _, target := range []string{"/api/v1/flags/", "/api/v1/flags/?feature=checkout", "/api/v1/identities/?identifier=x", "/api/v1/environment-document"} {
				if key == clientKey && strings.HasSuffix(target, "document") {
					continue
				}
				plain := ask(api, "GET", target, "", "X-Environment-Key: "+key).Body.String()
				w := ask(api, "GET", target, "", append(headers, "X-Environment-Key: "+key)...)
				wantHeader(t, w, "Vary", "Accept-Encoding")
				body := w.Body.String()
				if gzipped {
					wantHeader(t, w, "Content-Encoding", "gzip")
					body = gunzip(t, w.Body.Bytes())
				} else {
					wantHeader(t, w, "Content-Encoding", "")
				}
				want := w.Body.Len()
				if got := w.Header().Get("Content-Length"); got != strconv.Itoa(want) || body != plain {
					t.Errorf("%q, %s: length %s of %d, body %.80s", header, target, got, want, body)
				}
			}
		}
	}
	w := ask(api, "GET", "/api/v1/flags/", "", clientHeader("Accept-Encoding: br", "Accept-Encoding: gzip", "Origin: https://a.test", "Cookie: a=b")...)
	wantHeader(t, w, "Content-Encoding", "gzip")
	wantHeader(t, w, "Vary", "Origin, Accept-Encoding")
}

func TestSmallAnswersAreNeverCompressed(t *testing.T) {
	base := ask(longAPI(t, 1), "GET", "/api/v1/flags/?feature=checkout", "", clientHeader()...).Body.Len() - 1
	for size, encoding := range map[int]string{999: "", 1000: "gzip"} {
		w := ask(longAPI(t, size-base), "GET", "/api/v1/flags/?feature=checkout", "", clientHeader("Accept-Encoding: gzip")...)
		wantHeader(t, w, "Content-Encoding", encoding)
		if (w.Header().Get("Vary") != "") != (encoding != "") {
			t.Errorf("%d bytes: Vary %q", size, w.Header().Get("Vary"))
		}
	}
	// An answer that is made for the request, the same.
	identity := len(`{"identifier":"","traits":[],"flags":[`+cafe+`,"variant":null,]}`) + base
	for size, encoding := range map[int]string{999: "", 1000: "gzip"} {
		w := ask(longAPI(t, size-identity), "GET", "/api/v1/identities/?identifier=", "", clientHeader("Accept-Encoding: gzip")...)
		wantHeader(t, w, "Content-Encoding", encoding)
	}
}

func TestLongErrorsAreCompressed(t *testing.T) {
	w := ask(newAPI(t, nil), "POST", "/api/v1/identities/", `{"traits":[`+strings.Repeat("1,", 50)+`1]}`, clientHeader("Accept-Encoding: gzip")...)
	wantHeader(t, w, "Content-Encoding", "gzip")
	if body := gunzip(t, w.Body.Bytes()); w.Code != 422 || !strings.HasPrefix(body, `{"detail":[`) {
		t.Errorf("%d %s", w.Code, body)
	}
}

// Documents of several environments are prepared at a time.
func TestPresentIsSafeForConcurrentUse(t *testing.T) {
	presenter := new(httpapi.Presenter)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			e := environment(t, clientKey, longDocument(2000+i))
			e.Presentation = presenter.Present(e)
			api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(e) })
			w := ask(api, "GET", "/api/v1/environment-document", "", "X-Environment-Key: "+serverKey, "Accept-Encoding: gzip")
			if gunzip(t, w.Body.Bytes()) != longDocument(2000+i) {
				t.Errorf("document %d is another one", i)
			}
		})
	}
	wg.Wait()
}

func TestBigDocuments(t *testing.T) {
	text := longDocument(3 << 20)
	api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).serve(environment(t, clientKey, text)) })
	w := ask(api, "GET", "/api/v1/environment-document", "", "X-Environment-Key: "+serverKey, "Accept-Encoding: gzip")
	wantHeader(t, w, "Content-Encoding", "gzip")
	if gunzip(t, w.Body.Bytes()) != text {
		t.Error("it came back as another document")
	}
}
