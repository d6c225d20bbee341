//go:build integration

package redis_test

import (
	"errors"
	"testing"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/relay"
)

// A write whose answer is lost was done all the same. Repeated, it must not be
// taken for somebody else's.
func TestLostAnswers(t *testing.T) {
	d := rediscontainers.Single(t)
	r := relay.Start(t, d.Servers[0].Addr())
	u := *d.URL
	u.Host = r.Addr()
	s := open(t, &u, "edge-proxy")
	v := put(t, s, record("one", "0"), "")

	r.LoseAnswers(1)
	next, err := s.Put(t.Context(), record("one", "1"), v)
	if err != nil {
		t.Fatalf("Put whose first answer is lost: %v", err)
	}
	wantBody(t, s, "one", "1")

	r.LoseAnswers(2) // and that of the repetition
	if _, err := s.Put(t.Context(), record("one", "2"), next); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("Put whose answers are lost: %v, want ErrUnavailable", err)
	}
	r.LoseAnswers(0)
	wantBody(t, s, "one", "2")
}
