package httpserver

import (
	"io"
	"net/http"
	"time"
)

// The limits of reading a body that the handler did not read. Closing a connection on
// which a client still sends would reset it, and the client would lose the answer.
const (
	drainTime  = 10 * time.Second
	drainBytes = 64 << 20
	// keptByNetHTTP is the largest body that net/http reads by itself before it sends
	// an answer.
	keptByNetHTTP = 256 << 10
)

// drained returns a handler for net/http that, after h has answered, reads the rest of a
// large body, within limits. It refuses HTTP/2 that does not begin as it should.
func drained(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PRI" && r.ProtoMajor == 2 {
			refuseHTTP2(w)
			return
		}
		if r.ProtoMajor == 2 || r.ContentLength >= 0 && r.ContentLength <= keptByNetHTTP { // HTTP/2 resets the one stream
			h.ServeHTTP(w, r)
			return
		}
		controller := http.NewResponseController(w)
		_ = controller.EnableFullDuplex() // otherwise the body cannot be read after the answer
		body := &trackedBody{ReadCloser: r.Body}
		tracked := *r
		tracked.Body = body
		h.ServeHTTP(w, &tracked)
		if body.ended || r.Header.Get("Expect") != "" { // a client that asks first may never send it
			return
		}
		if controller.Flush() != nil || controller.SetReadDeadline(time.Now().Add(drainTime)) != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, body, drainBytes)
	})
}

// trackedBody is a body that records whether it was read to its end.
type trackedBody struct {
	io.ReadCloser
	ended bool
}

// Read implements io.Reader.
func (b *trackedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err != nil
	return n, err
}

// refuseHTTP2 answers a client that begins HTTP/2 in a way that net/http does not take:
// with a wrong preface, or over TLS without having asked for it by ALPN.
func refuseHTTP2(w http.ResponseWriter) {
	h := w.Header()
	h["Connection"] = headerClose
	h["Cache-Control"] = []string{"no-store"}
	h["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusHTTPVersionNotSupported)
	_, _ = io.WriteString(w, `{"detail":"HTTP Version Not Supported: HTTP/2 begins with its preface, and over TLS with ALPN"}`)
}
