package sse

import (
	"context"
	"net/http"
	"time"
)

// shared is a carrier on a connection that the answer shares with others: HTTP/2. It
// writes through the server, until the handler returns.
type shared struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	gone       context.Context // of the request: ends when the listener has gone
	closed     chan struct{}
}

// share returns a carrier that writes to w. It returns an http.ErrNotSupported if w has
// no deadlines, without which one listener could hold up the end of all.
func share(w http.ResponseWriter, r *http.Request) (carrier, error) {
	c := &shared{w: w, controller: http.NewResponseController(w), gone: r.Context(), closed: make(chan struct{})}
	if err := c.controller.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return c, c.controller.SetReadDeadline(time.Time{}) // that of a whole request
}

func (c *shared) begin(event []byte) error {
	c.w.WriteHeader(http.StatusOK)
	return c.send(event)
}

func (c *shared) send(event []byte) error {
	if _, err := c.w.Write(event); err != nil {
		return err
	}
	return c.controller.Flush()
}

// end does nothing: the answer ends when the handler returns.
func (c *shared) end() {}

func (c *shared) setDeadline(t time.Time) { _ = c.controller.SetWriteDeadline(t) }

func (c *shared) watch() {
	select {
	case <-c.gone.Done():
	case <-c.closed:
	}
}

func (c *shared) close() { close(c.closed) }
