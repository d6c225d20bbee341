package flagsmith_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
)

func compress(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// long is a document of several chunks, large one that is not read at once.
var (
	long  = `{"name": "` + strings.Repeat("0123456789abcdef", 5000) + `"}`
	large = `{"name": "` + strings.Repeat("0123456789abcdef", 9<<19/16) + `"}`
)

func TestBodiesOfAllForms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{document, long, large, " \n\t" + document + "\n"} {
		zipped := compress(t, text)
		for name, send := range map[string]func(w http.ResponseWriter){
			"length known": func(w http.ResponseWriter) {
				w.Header().Set("Content-Length", fmt.Sprint(len(text)))
				_, _ = io.WriteString(w, text)
			},
			"chunked": func(w http.ResponseWriter) {
				_, _ = io.WriteString(w, text[:9])
				_ = http.NewResponseController(w).Flush()
				_, _ = io.WriteString(w, text[9:])
			},
			"until the connection ends": func(w http.ResponseWriter) {
				raw(w, "HTTP/1.0 200 OK\r\n\r\n"+text)
			},
			"identity": func(w http.ResponseWriter) {
				w.Header().Set("Content-Encoding", "identity")
				_, _ = io.WriteString(w, text)
			},
			"gzip": func(w http.ResponseWriter) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(zipped)
			},
			"gzip, chunked": func(w http.ResponseWriter) {
				w.Header().Set("Content-Encoding", "X-GZip")
				_ = http.NewResponseController(w).Flush()
				_, _ = w.Write(zipped)
			},
			"gzip of two members": func(w http.ResponseWriter) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(append(compress(t, text[:5]), compress(t, text[5:])...))
			},
		} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, len(text)), func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, _ *http.Request) { send(w) })
				if got := body(t, client(t, s.URL, func(o *flagsmith.Options) { o.MaxDocumentBytes = 8 << 20 })); got != text {
					t.Errorf("got %d bytes, want %d, as they were sent", len(got), len(text))
				}
			})
		}
	}
}

// raw takes the connection over, writes text and closes.
func raw(w http.ResponseWriter, text string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(c, text)
	_ = c.Close()
}

func TestBodiesThatAreNotWhole(t *testing.T) {
	t.Parallel()
	zipped := string(compress(t, long))
	for name, tt := range map[string]struct{ answer, want string }{
		"shorter than announced":       {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + document, "reading the answer"},
		"nothing of what is announced": {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "reading the answer"},
		"chunks without an end":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n", "reading the answer"},
		"chunk cut off":                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"a\":", "reading the answer"},
		"headers only":                 {"HTTP/1.1 200 OK\r\nContent-Le", "malformed"},
		"gzip cut off": {
			fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(zipped)/2, zipped[:len(zipped)/2]), "reading the answer",
		},
		"gzip without its last byte": {
			fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(zipped)-1, zipped[:len(zipped)-1]), "reading the answer",
		},
		"gzip, the connection cut off": {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9999\r\n\r\n" + zipped, "reading the answer"},
		"gzip of nothing":              {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "reading the answer"},
		"gzip that is not gzip":        {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(document), document), "reading the answer"},
		"gzip with a wrong checksum": {
			fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s\x00\x00\x00\x00%s",
				len(zipped), zipped[:len(zipped)-8], zipped[len(zipped)-4:]), "reading the answer",
		},
		"another encoding":        {"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", `content encoding "br"`},
		"encoded twice":           {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\n{}", `content encoding "gzip, gzip"`},
		"empty":                   {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "the answer is empty"},
		"blank":                   {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n \r\n", "the answer is empty"},
		"a web page":              {"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n\n<!DOCTYPE html><html/>", "a web page, not JSON"},
		"part of it":              {"HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\n{}", "upstream answered 206"},
		"no content":              {"HTTP/1.1 204 No Content\r\n\r\n", "upstream answered 204"},
		"no HTTP":                 {"SSH-2.0-OpenSSH_9.6\r\n", "malformed"},
		"not HTTP, but a key":     {"HTTP/1.1 " + serverKey + " OK\r\n\r\n", "upstream did not answer with HTTP"},
		"a trailer that is a key": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + serverKey + "\r\n\r\n", "upstream did not answer with HTTP"},
		"headers without end":     {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n{}", "header"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { raw(w, tt.answer) })
			contains(t, failing(t, client(t, s.URL)).Error(), tt.want)
		})
	}
}

// A captive portal answers for everybody, often by a redirect. The cause says where to.
func TestACaptivePortal(t *testing.T) {
	t.Parallel()
	portal := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Environment-Key") != "" {
			t.Error("the portal got the key")
		}
		_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>")
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, portal.URL+"/sign-in?to=x", http.StatusFound)
	})
	failed := failing(t, client(t, s.URL))
	contains(t, failed.Cause, "redirects to "+portal.URL+", which is perhaps a login or portal page")
	if strings.Contains(failed.Cause, "sign-in") {
		t.Errorf("the cause %q shows a path", failed.Cause)
	}
}

// What is on the way may change the encoding of a response. The cause says how.
func TestOtherEncodings(t *testing.T) {
	t.Parallel()
	latin1 := "{\"name\": \"caf\xe9\"}"
	for name, c := range map[string]struct{ header, body, want, cause string }{
		"UTF-16":               {"", "\xff\xfe{\x00}\x00", "in UTF-16 or UTF-32", "something on the way"},
		"gzip unannounced":     {"", string(compress(t, document)), "compressed with gzip, which nothing announces", "something on the way"},
		"gzip that is not":     {"Content-Encoding: gzip\r\n", document, "reading the answer", "is compressed with gzip, and is not"},
		"Latin-1":              {"Content-Type: application/json; charset=ISO-8859-1\r\n", latin1, `is not in UTF-8: its type is "application/json; charset=ISO-8859-1"`, "only UTF-8 is JSON"},
		"a comment":            {"", "/* " + document, "begins with a comment", "check api_url"},
		"a page of a login":    {"Content-Type: text/html\r\n", "\ufeff\r\n<html>", "a web page", "login or portal"},
		"UTF-8 under its name": {"Content-Type: application/json; charset=latin1\r\n", document, "", ""},
		"a byte order mark":    {"", "\ufeff" + document, "", ""},
		"a long blank":         {"", strings.Repeat(" ", 2000) + document, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				raw(w, fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", c.header, len(c.body), c.body))
			})
			if c.want == "" {
				if got := strings.TrimLeft(body(t, client(t, s.URL)), " "); got != document {
					t.Errorf("got %q", got)
				}
				return
			}
			failed := failing(t, client(t, s.URL))
			contains(t, failed.Error(), c.want)
			contains(t, failed.Cause, c.cause)
		})
	}
}

func TestSizeIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 16 << 10
	limited := func(o *flagsmith.Options) { o.MaxDocumentBytes = limit }
	sized := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	forms := map[string]func(w http.ResponseWriter, text string){
		"length known": func(w http.ResponseWriter, text string) {
			w.Header().Set("Content-Length", fmt.Sprint(len(text)))
			_, _ = io.WriteString(w, text)
		},
		"chunked": func(w http.ResponseWriter, text string) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, text)
		},
		"gzip": func(w http.ResponseWriter, text string) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(compress(t, text))
		},
	}
	for name, send := range forms {
		t.Run(name, func(t *testing.T) {
			text := sized(limit)
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { send(w, text) })
			c := client(t, s.URL, limited)
			if got := body(t, c); got != text {
				t.Error("a document of just the limit is another")
			}
			for _, n := range []int{limit + 1, 100 * limit} {
				text = sized(n)
				failed := failing(t, c)
				contains(t, failed.Error(), "max_document_bytes", fmt.Sprint(limit))
			}
		})
	}
}

// What an answer announces is not allocated before it is there, however large
// the limit.
func TestAnnouncedSizeBeyondBelief(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775806\r\n\r\n{}")
	})
	c := client(t, s.URL, func(o *flagsmith.Options) { o.MaxDocumentBytes = math.MaxInt64 })
	contains(t, failing(t, c).Error(), "cut off")
}

// A bomb is cut at the limit: its end would never come.
func TestBomb(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		zeros := compress(t, strings.Repeat("\x00", 64<<10))
		for r.Context().Err() == nil {
			if _, err := w.Write(zeros); err != nil { // a member of the gzip stream
				return
			}
		}
	})
	contains(t, failing(t, client(t, s.URL)).Error(), "larger than max_document_bytes")
}
