package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Upstream answers for the Flagsmith API: documents, and 304 for clients that have them. It
// does next to nothing, so that what is measured is the proxy.
type Upstream struct {
	URL string // what a proxy's api_url has to be

	server    *http.Server
	documents sync.Map // server-side key: *served

	Full, NotModified atomic.Int64 // answers so far
}

// served is a document with its time.
type served struct {
	body     []byte
	modified string
	sent     chan Sending // gets the first whole answer
	once     sync.Once
}

// Sending is when a document was sent.
type Sending struct{ Began, Ended time.Time }

// NewUpstream starts an Upstream on a free port of the loopback interface.
func NewUpstream() (*Upstream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &Upstream{URL: "http://" + listener.Addr().String() + "/api/v1"}
	u.server = &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = u.server.Serve(listener) }() // ends with Close
	return u, nil
}

// Close stops answering.
func (u *Upstream) Close() { _ = u.server.Close() }

// Put serves a document under a server-side key from now on. The channel
// returned gets when it was sent whole for the first time.
func (u *Upstream) Put(serverKey string, document []byte, updatedAt time.Time) <-chan Sending {
	s := &served{body: document, modified: updatedAt.UTC().Format(http.TimeFormat), sent: make(chan Sending, 1)}
	u.documents.Store(serverKey, s)
	return s.sent
}

// ServeHTTP answers what the proxy asks.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := u.documents.Load(r.Header.Get("X-Environment-Key"))
	if !ok || !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/environment-document") {
		http.NotFound(w, r)
		return
	}
	s := found.(*served)
	h := w.Header()
	h.Set("Last-Modified", s.modified)
	if r.Header.Get("If-Modified-Since") == s.modified {
		u.NotModified.Add(1)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(s.body)))
	began := time.Now()
	_, err := w.Write(s.body)
	u.Full.Add(1)
	if err == nil {
		s.once.Do(func() { s.sent <- Sending{began, time.Now()} })
	}
}

// Dated returns a copy of a document of the sizing profile with another
// updated_at and another client-side key.
func Dated(document []byte, updatedAt time.Time, was, clientKey string) []byte {
	const field = `"updated_at":"`
	at := bytes.Index(document, []byte(field)) + len(field)
	end := at + bytes.IndexByte(document[at:], '"')
	changed := append([]byte(nil), document[:at]...)
	changed = updatedAt.UTC().AppendFormat(changed, "2006-01-02T15:04:05.000000+00:00")
	changed = append(changed, document[end:]...)
	if was == clientKey {
		return changed
	}
	return bytes.ReplaceAll(changed, []byte(`"`+was), []byte(`"`+clientKey))
}

// WaitReady asks for readiness until it is given, and returns when that was.
func WaitReady(ctx context.Context, address string) (time.Time, error) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(2 * time.Minute)
	for last := ""; ; {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/proxy/health/readiness", nil)
		if err != nil {
			return time.Time{}, err
		}
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return time.Now(), nil
			}
			last = response.Status
		} else {
			last = err.Error()
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return time.Time{}, fmt.Errorf("%s was not ready: %s", address, last)
		}
		time.Sleep(time.Millisecond)
	}
}
