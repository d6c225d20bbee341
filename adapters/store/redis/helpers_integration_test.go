//go:build integration

package redis_test

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/redis"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// permissions are all that the store's user needs, as the package's documentation
// lists them.
var permissions = []string{
	"~edge-proxy*", "&edge-proxy*",
	"+hello", "+auth", "+ping", "+select",
	"+eval", "+evalsha", "+type", "+exists", "+unlink", "+pexpire", "+pttl", "+scan",
	"+hget", "+hmget", "+hset", "+get", "+set",
	"+publish", "+subscribe",
}

// open opens the store u names, with further parameters, and closes it at the end.
func open(t *testing.T, u *url.URL, prefix string, parameters ...string) ports.Store {
	t.Helper()
	with := *u
	query := with.Query()
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	with.RawQuery = query.Encode()
	s, err := redis.Open(t.Context(), &with, ports.StoreDeps{
		Now:      time.Now,
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
		Prefix:   prefix,
		ReadFile: os.ReadFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func record(key domain.EnvironmentKey, body string) ports.Record {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89_000, time.UTC)
	return ports.Record{Key: key, Body: []byte(body), UpdatedAt: at, CheckedAt: at.Add(time.Minute)}
}

func put(t *testing.T, s ports.Writer, r ports.Record, ifVersion ports.Version) ports.Version {
	t.Helper()
	v, err := s.Put(t.Context(), r, ifVersion)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantBody(t *testing.T, s ports.Reader, key domain.EnvironmentKey, want string) {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Body) != want {
		t.Fatalf("body of %s = %.40q, want %.40q", key, r.Body, want)
	}
}

// eventually calls f until it returns no error, as one who backs off does.
func eventually(t *testing.T, within time.Duration, f func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %v", within, err)
		}
	}
}

// watching runs Watch for key again and again until the test ends, and returns a
// channel of its wakes and one of the errors that ended a Watch.
func watching(t *testing.T, s ports.Watcher, key domain.EnvironmentKey) (wakes <-chan time.Time, errs <-chan error) {
	t.Helper()
	w, e := make(chan time.Time, 1000), make(chan error, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			e <- s.Watch(ctx, []domain.EnvironmentKey{key}, func(domain.EnvironmentKey) { w <- time.Now() })
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return w, e
}

func receive[T any](t *testing.T, c <-chan T, within time.Duration, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(within):
		t.Fatalf("no %s within %v", what, within)
		panic("unreachable")
	}
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }
