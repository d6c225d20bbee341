package httpserver_test

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
	"testing/synctest"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// tell answers with what the handler got to know of a request.
func tell(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	address := *r.URL
	address.User = nil // told by its text: as a pointer it would never be the same
	told := fmt.Sprintf("%s %q %#v %q %q %d %v %v ", r.Method, r.RequestURI, address, r.URL.User, r.Host, r.ContentLength, r.Close, r.RemoteAddr)
	told += fmt.Sprintf("%v %q %v %x %v", r.Body == http.NoBody, r.Proto, r.TransferEncoding, sha256.Sum256(body), err)
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
	"/encoded": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "<html>")
	},
	"/html": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
	"/large": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"], w.Header()["Content-Length"] = []string{"text/plain"}, []string{strconv.Itoa(len(pattern))}
		for part := range slices.Chunk(pattern, 3000) {
			_, _ = w.Write(part)
		}
	},
	"/empty-write": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) },
	"/keep": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "keep-alive")
		_, _ = io.WriteString(w, "kept")
	},
	"/read-some": func(w http.ResponseWriter, r *http.Request) {
		var b [1]byte
		n, err := io.ReadFull(r.Body, b[:])
		closed := r.Body.Close()
		more, _ := r.Body.Read(b[:])
		_, _ = fmt.Fprint(w, n, err, closed, more)
	},
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
	"GET http://user:word@other.test/tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET http://@/tell HTTP/1.0\r\n\r\n",
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
	"GET /tell HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", httpserver.MaxHead) + "\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("b", 10000),
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("b", 100000),
	"GET /tell HTTP/1.1\r\nHost: x\r\n" + headers(httpserver.MaxFields+1) + "\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Same: y\r\n", 100) + "\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n" + "......",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\n\r\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\n",
	"POST /tell HTTP/1.1\r\nHost: x\r\n\r\n\r",
	"PUT /tell HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\n",
	"GET /tell HTTP/1.1 \r\nHost: x\r\n\r\n",
	"GET /tell HTTP/1.1\r\r\nHost: x\r\n\r\n",
	"GET /tell HTTP/1.1\r\n Host: x\r\n\r\n",
	"GET /tell HTTP/1.1\r\nHost: x\r\n\r\r\n\r\n",
	"QUERY /tell HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /tell http/1.1\r\nHost: x\r\n\r\n",
}

// Parts of which requests are made below.
var (
	targets = []string{
		"/", "/tell;x", "/te\\ll", "/%2e%2E/.", "/%zz", "/tell?%zz", "/\x7f", "/tell?\x7f", "/tell?\x80", "/:80", "/*", "/a=b&c",
		"/tell?a?b", "/tell#f", "/?", "//", "//x@y:80/", "/tell/../tell", "/+%20%2B", "/%C3%A9", "/\xc3\xa9?\xc3\xa9",
	}
	hosts   = []string{"x:", ":80", "[::1%25eth0]", "x,y", "\tX\t", "x@y", "%41", "a_b", "[", "x..", "x;y", "x=(y)", "\xc3\xa9"}
	lengths = []string{
		"3", "0", "00", "000000000000000000003", " 3 \t", "3 3", "0x3", "3_0", "3;", "1e1", "2147483647", "2147483648",
		"9223372036854775807", "9223372036854775808", "18446744073709551619", "-0", "3\r\ncontent-length:3", "3\r\n 3", "\r\nContent-Length: 3",
	}
	others = []string{
		"Connection:", "Connection: ,", "Connection: Keep-Alive", "Connection: keep-alive, close", "Connection: keep-alive\r\nConnection: close",
		"Connection: close\r\nConnection: keep-alive", "Connection: keep-alive\r\nConnection: keep-alive", "Connection: TE", "Connection: \"close\"",
		"Keep-Alive: 5", "Proxy-Connection: close", "Upgrade:", "Upgrade: websocket", "Expect:", "Expect: 100-Continue", "Trailer:", "Trailer: X",
		"Transfer-Encoding:", "Transfer-Encoding: identity", "Transfer-Encoding: \tchunked", "Transfer-Encoding: chunked, chunked", "transfer_encoding: chunked",
		"Pragma:", "Pragma: no-cache\r\nCache-Control: max-age=1", "!#$%&'*+-.^_`|~: y", "x-\x00: y", "X(: y", "X-Del: \x7f", "X-Tab: a\tb", "X-Empty:", "X-Colon::",
		"\tX: y", "X: y\r\n\tz", "X: y\r\n\r", "HTTP2-Settings: x", "Content-Encoding: gzip", "Authorization: Basic eDp5", "Host : y", "hOsT: y",
	}
)

func init() {
	for _, target := range targets {
		requests = append(requests, "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	for _, host := range hosts {
		requests = append(requests, "GET /tell HTTP/1.1\r\nHost:"+host+"\r\n\r\n")
	}
	for _, length := range lengths {
		requests = append(requests, "POST /tell HTTP/1.1\r\nHost: x\r\nContent-Length:"+length+"\r\n\r\nabc")
	}
	for _, other := range others {
		requests = append(requests,
			"GET /tell HTTP/1.1\r\nHost: x\r\n"+other+"\r\n\r\n",
			"POST /tell HTTP/1.1\r\nHost: x\r\n"+other+"\r\nContent-Length: 3\r\n\r\nabc")
	}
	for _, path := range slices.Sorted(maps.Keys(handlers)) {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
			requests = append(requests,
				method+" "+path+" HTTP/1.1\r\nHost: x\r\n\r\n",
				method+" "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
		}
	}
}

// Whatever comes is answered as net/http answers it: in whatever pieces it comes,
// alone or with other requests before and after it on the connection.
func TestAnswersAreThoseOfNetHTTP(t *testing.T) {
	const plain = "GET /tell?plain HTTP/1.1\r\nHost: x\r\n\r\n"
	synctest.Test(t, func(t *testing.T) { // net/http waits now and then
		p := newPair(t, byPath)
		for _, request := range requests {
			for _, piece := range []int{1, 7, 1 << 20} {
				p.compare(t, request, piece)
				p.compare(t, plain+request+plain, piece)
			}
		}
	})
}

// Requests about as long as plain ones can be, with others after them, are answered as
// net/http answers them, even when it accepts short heads only.
func TestLongRequests(t *testing.T) {
	for _, most := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			p := newPairOf(t, func() *http.Server { return &http.Server{Handler: byPath, MaxHeaderBytes: most} })
			for _, piece := range []int{100, 1 << 20} {
				for over := -3; over <= 3; over++ {
					const head = "POST /tell HTTP/1.1\r\nHost: x\r\nX-Long: \r\nContent-Length: %d\r\n\r\n"
					long := strings.Replace(fmt.Sprintf(head, 3), "X-Long: ", "X-Long: "+strings.Repeat("x", httpserver.MaxHead+over-len(head)+1), 1) + "abc"
					p.compare(t, long, piece)
					body := httpserver.MaxRequest + over - len(fmt.Sprintf(head, httpserver.MaxRequest))
					long = fmt.Sprintf(head, body) + string(pattern[:body])
					p.compare(t, strings.Repeat(long+"GET /tell HTTP/1.1\r\nHost: x\r\n\r\n", 3), piece)
				}
			}
		})
	}
}

// FuzzExchange is the same for arbitrary bytes.
func FuzzExchange(f *testing.F) {
	for _, request := range requests {
		if len(request) < 1000 {
			f.Add([]byte(request), uint8(0))
		}
	}
	f.Fuzz(func(t *testing.T, send []byte, piece uint8) {
		synctest.Test(t, func(t *testing.T) {
			newPair(t, byPath).compare(t, string(send), int(piece)+1)
		})
	})
}
