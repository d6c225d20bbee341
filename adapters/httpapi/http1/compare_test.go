package http1_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/http1"
)

// tell answers with what the handler got to know of a request.
func tell(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	told := fmt.Sprintf("%s %q %#v %q %d %v %v ", r.Method, r.RequestURI, *r.URL, r.Host, r.ContentLength, r.Close, r.RemoteAddr)
	told += fmt.Sprintf("%q %v %x %v", r.Proto, r.TransferEncoding, sha256.Sum256(body), err)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		told += fmt.Sprintf(" %q:%q", name, r.Header[name])
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(told))) // or net/http sends a long one in chunks
	_, _ = io.WriteString(w, told)
}

// describe sets the headers of a body.
func describe(h http.Header) {
	h["Content-Type"], h["Content-Length"], h["Content-Encoding"] = []string{"text/plain"}, []string{"3"}, []string{"gzip"}
}

// handlers answer in the ways there are, by path.
var handlers = map[string]http.HandlerFunc{
	"/tell":    tell,
	"/nothing": func(http.ResponseWriter, *http.Request) {},
	"/ignore":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ignored") },
	"/status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
	"/twice": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "once")
	},
	"/odd-status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(799) },
	"/no-content": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		_, err := w.Write([]byte("x"))
		if err != http.ErrBodyNotAllowed {
			panic(err)
		}
	},
	"/not-modified": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", `"tag"`)
		w.WriteHeader(http.StatusNotModified)
	},
	"/no-content-declared": func(w http.ResponseWriter, _ *http.Request) {
		describe(w.Header())
		w.WriteHeader(http.StatusNoContent)
	},
	"/not-modified-declared": func(w http.ResponseWriter, _ *http.Request) {
		describe(w.Header())
		w.WriteHeader(http.StatusNotModified)
	},
	"/declared": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "9")
		for _, part := range []string{"one", "two", "six"} {
			if n, err := io.WriteString(w, part); n != 3 || err != nil {
				panic(err)
			}
		}
	},
	"/too-much": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "3")
		if n, err := io.WriteString(w, "four"); n != 0 || err != http.ErrContentLength {
			panic(fmt.Sprint(n, err))
		}
		_, _ = io.WriteString(w, "two")
	},
	"/transfer-coded": func(w http.ResponseWriter, _ *http.Request) {
		describe(w.Header())
		w.Header()["Transfer-Encoding"] = []string{"identity"}
		_, _ = io.WriteString(w, "one")
	},
	"/too-little": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "30")
		_, _ = io.WriteString(w, "two")
	},
	"/headers": func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Split"] = []string{"a\r\nInjected: b", "c\nd"}
		h["Several"] = []string{"1", "2", "3"}
		h["None"] = nil
		h["Spaces"] = []string{" \t a b\t ", "\r\n", ""}
		h["No\r\nName"] = []string{"a"}
		h["No Name"] = []string{"a"}
		h[""] = []string{"a"}
		h["Date"] = nil
		h["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	},
	"/late-header": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1")
		w.WriteHeader(http.StatusOK)
		w.Header().Set("Late", "yes")
		_, _ = io.WriteString(w, "x")
	},
	"/later-header": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.Header().Set("Late", "yes")
		_, _ = io.WriteString(w, "x")
	},
	"/html":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
	"/close": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") },
	"/abort": func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
	"/panic": func(w http.ResponseWriter, _ *http.Request) { panic("of the handler") },
	"/panic-late": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("of the handler")
	},
}

var byPath = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	h, found := handlers[r.URL.Path]
	if !found {
		h = tell
	}
	h(w, r)
})

// requests are spelled in all the ways that come to mind.
var requests = []string{
	"GET /tell HTTP/1.1\r\nHost: proxy.test\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: proxy.test:8000\r\nuser-agent: a\r\nACCEPT-ENCODING:gzip\r\nx-environment-key:\t k \t\r\n\r\n",
	"GET /tell?a=b&c=%41+d&&e=\xc3\xa9#f?g HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
	"GET /tell? HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /tell?? HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a%2Fb/c%20d/\xc3\xa9'()!*;@:=,$&+~. HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET //tell//../x HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /% HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a|b\"<>^`{}[] HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET http://other.test/tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	"OPTIONS /tell HTTP/1.1\r\nHost: x\r\nOrigin: y\r\n\r\n",
	"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
	"TRACE /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"get /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"HEAD /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"DELETE /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"PUT /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	"PATCH /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"identifier\":\"u\"}",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 007\r\n\r\nabcdefg",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort",
	"POST /tell HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: tea\r\n\r\nabc",
	"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
	"GET /tell HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nPragma: no-cache\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nTrailer: X\r\nTE: trailers\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-b: 2\r\nX-A: 3\r\nx-a:\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nCookie: a=\"b c\"; d\r\nX-Obs: \xff\xfe\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-Folded: a\r\n b\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-Nul: a\x00b\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-CR: a\rb\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-Space : a\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-\xc3\xa9: a\r\n\r\n",
	"GET /tell HTTP/1.1\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost:\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost:\r\nHost: x\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x/y\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x y\r\n\r\n",
	"GET /tell HTTP/1.0\r\n\r\n",
	"GET /tell HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET /tell HTTP/1.2\r\nHost: x\r\n\r\n",
	"GET /tell HTTP/11\r\nHost: x\r\n\r\n",
	"GET  /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /tell  HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /tell\tx HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /tell\r\nHost: x\r\n\r\n",
	"GET /tell HTTP/1.1\nHost: x\n\n",
	"GET /tell HTTP/1.1\r\nHost: x\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX: y\n\n",
	"\r\nGET /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	" GET /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\n",
	"GET /tell HTTP/1.1",
	"G",
	"",
	"\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", http1.HeadMost) + "\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("b", 10000),
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("b", 100000),
	"GET /headers HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /declared HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /status HTTP/1.1\r\nHost: x\r\n\r\n",
	"HEAD /too-little HTTP/1.1\r\nHost: x\r\n\r\n",
}

// Whatever comes is answered as net/http answers it: in whatever pieces it comes,
// alone or with other requests before and after it on the connection.
func TestAnswersAreThoseOfNetHTTP(t *testing.T) {
	p := newPair(t, byPath)
	all := requests
	for path := range handlers {
		all = append(all, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	const plain = "GET /tell?plain HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, request := range all {
		for _, piece := range []int{1, 7, 1 << 20} {
			p.compare(t, request, piece)
			p.compare(t, plain+request+plain, piece)
		}
	}
}

// FuzzExchange is the same for arbitrary bytes.
func FuzzExchange(f *testing.F) {
	for _, request := range requests {
		if len(request) < 1000 {
			f.Add([]byte(request), uint8(0))
		}
	}
	p := newPair(f, byPath)
	f.Fuzz(func(t *testing.T, send []byte, piece uint8) {
		p.compare(t, string(send), int(piece)+1)
	})
}
