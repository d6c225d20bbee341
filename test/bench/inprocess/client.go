package inprocess

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client sends a handler the same request again and again, with very little
// overhead. It is not safe for concurrent use.
type client struct {
	handler http.Handler
	request *http.Request
	text    string
	body    *strings.Reader
	header  http.Header
	status  int
	bytes   int
	// arrived and ended are the two looks at the clock of the server for each request, of
	// which a handler that measures makes the second one.
	arrived, ended time.Time
}

func newClient(h http.Handler, method, target, key, body string) (*client, error) {
	address, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, err
	}
	c := &client{handler: h, text: body, header: make(http.Header, 8)}
	c.request = &http.Request{
		Method: method, URL: address, RequestURI: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Host: "localhost", RemoteAddr: "127.0.0.1:5000", Body: http.NoBody, ContentLength: int64(len(body)),
		Header: http.Header{"X-Environment-Key": {key}},
	}
	if body != "" {
		c.body = strings.NewReader(body)
		c.request.Body = io.NopCloser(c.body)
		c.request.Header["Content-Type"] = []string{"application/json"}
	}
	return c, nil
}

// identity asks for an identity by POST.
func identity(h http.Handler, body string) (*client, error) {
	return newClient(h, http.MethodPost, "/api/v1/identities/", clientKey, body)
}

// ask sends the request once and returns the status.
func (c *client) ask() int {
	clear(c.header)
	c.status, c.bytes = http.StatusOK, 0
	c.arrived, c.ended = time.Now(), time.Time{}
	if c.body != nil {
		c.body.Reset(c.text)
	}
	c.handler.ServeHTTP(c, c.request)
	if c.ended.IsZero() {
		c.ended = time.Now()
	}
	return c.status
}

// Arrived and Answered share the clock with the handler, as the server does.
func (c *client) Arrived() time.Time { return c.arrived }

// Answered takes note of when the handler was done.
func (c *client) Answered(at time.Time) { c.ended = at }

// Header, WriteHeader and Write make the client an http.ResponseWriter as well.
func (c *client) Header() http.Header { return c.header }

// WriteHeader records the status.
func (c *client) WriteHeader(status int) { c.status = status }

// Write counts the bytes.
func (c *client) Write(b []byte) (int, error) {
	c.bytes += len(b)
	return len(b), nil
}
