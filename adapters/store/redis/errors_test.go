package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

func TestServerErrors(t *testing.T) {
	for _, c := range []struct {
		says    string
		want    error
		because string
	}{
		{"WRONGTYPE Operation against a key holding the wrong kind of value", ports.ErrCorrupt, "another type"},
		{"LOADING Redis is loading the dataset in memory", ports.ErrUnavailable, "loading"},
		{"READONLY You can't write against a read only replica.", ports.ErrUnavailable, "replica"},
		{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", ports.ErrUnavailable, "master"},
		{"CLUSTERDOWN The cluster is down", ports.ErrUnavailable, "cluster"},
		{"TRYAGAIN Multiple keys request during rehashing of slot", ports.ErrUnavailable, "cluster"},
		{"MOVED 1234 10.0.0.1:6379", ports.ErrUnavailable, "cluster"},
		{"CROSSSLOT Keys in request don't hash to the same slot", ports.ErrUnavailable, "redis+cluster"},
		{"OOM command not allowed when used memory > 'maxmemory'.", ports.ErrUnavailable, "memory limit"},
		{"MISCONF Redis is configured to save RDB snapshots", ports.ErrUnavailable, "disk"},
		{"NOREPLICAS Not enough good replicas to write.", ports.ErrUnavailable, "replicas"},
		{"BUSY Redis is busy running a script.", ports.ErrUnavailable, "script"},
		{"NOAUTH Authentication required.", ports.ErrUnavailable, "password"},
		{"WRONGPASS invalid username-password pair or user is disabled.", ports.ErrUnavailable, "refuses"},
		{"NOPERM this user has no permissions to run the 'hmget' command", ports.ErrUnavailable, "may not"},
		{"ERR max number of clients reached", ports.ErrUnavailable, "max number of clients"},
		{"ERR something new", ports.ErrUnavailable, "something new"},
	} {
		s := serve(t, greeted(func(conn *fakeConn, _ []string) { conn.say("-%s\r\n", c.says) }))
		store := openURL(t, s.url(), deps())
		_, err := store.Stat(t.Context(), "key")
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.because) {
			t.Errorf("%s: %v, want %v because of %q", c.says, err, c.want, c.because)
		}
	}
}

// Redis repeats the arguments of commands that it does not know, and the password
// is one of them.
func TestServerErrorsShowNoPassword(t *testing.T) {
	s := serve(t, func(c *fakeConn, command []string) {
		c.say("-ERR unknown command '%s', with args beginning with: '%s'\r\n", command[0], strings.Join(command[1:], "' '"))
	})
	store := openURL(t, strings.Replace(s.url(), "://", "://user:sesame@", 1), deps())
	_, err := store.Stat(t.Context(), "key")
	if !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("Stat: %v, want ErrUnavailable", err)
	}
	if strings.Contains(err.Error(), "sesame") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestBrokenConnections(t *testing.T) {
	for what, answer := range map[string]func(*fakeConn, []string){
		"closed when greeting": func(c *fakeConn, _ []string) { _ = c.Close() },
		"closed later":         greeted(func(c *fakeConn, _ []string) { _ = c.Close() }),
		"closed in an answer":  greeted(func(c *fakeConn, _ []string) { c.say("*6\r\n$3\r\nab"); _ = c.Close() }),
		"no Redis":             func(c *fakeConn, _ []string) { c.say("HTTP/1.1 400 Bad Request\r\n\r\n") },
		"nonsense":             greeted(func(c *fakeConn, _ []string) { c.say("?what\r\n") }),
		"a number":             greeted(func(c *fakeConn, _ []string) { c.say(":1\r\n") }),
		"silence":              silent,
		"silence later":        greeted(silent),
		"silence in an answer": greeted(func(c *fakeConn, _ []string) { c.say("*6\r\n$3\r\nab") }),
	} {
		t.Run(what, func(t *testing.T) {
			s := serve(t, answer)
			store := openURL(t, s.url()+"?timeout=100ms", deps())
			began := time.Now()
			_, err := store.Stat(t.Context(), "key")
			if !errors.Is(err, ports.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Stat: %v, want ErrUnavailable and no context's error", err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("Stat took %v", took)
			}
		})
	}
}

func TestEndedContexts(t *testing.T) {
	s := serve(t, greeted(silent))
	store := openURL(t, s.url()+"?timeout=10s", deps())
	calls := map[string]func(context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := store.Get(ctx, "k"); return err },
		"Stat":   func(ctx context.Context) error { _, err := store.Stat(ctx, "k"); return err },
		"List":   func(ctx context.Context) error { _, err := store.List(ctx); return err },
		"Put":    func(ctx context.Context) error { _, err := store.Put(ctx, ports.Record{}, ""); return err },
		"Touch":  func(ctx context.Context) error { return store.Touch(ctx, "k", "v", time.Now()) },
		"Delete": func(ctx context.Context) error { return store.Delete(ctx, "k") },
		"Watch":  func(ctx context.Context) error { return store.Watch(ctx, nil, nil) },
		"TryLeases": func(ctx context.Context) error {
			_, _, err := ports.TryLease(ctx, store, "n", "h", time.Second)
			return err
		},
		"DropLeases": func(ctx context.Context) error { return ports.DropLease(ctx, store, "n", "h") },
		"GetState":   func(ctx context.Context) error { _, _, err := store.GetState(ctx, "n"); return err },
		"PutState":   func(ctx context.Context) error { _, err := store.PutState(ctx, "n", nil, ""); return err },
	}
	for name, call := range calls {
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := call(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a context that had ended: %v, want context.Canceled", name, err)
		}

		ends, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(20*time.Millisecond, cancel)
		if err := call(ends); !errors.Is(err, context.Canceled) || errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("%s with a context that ends: %v, want context.Canceled alone", name, err)
		}
		timer.Stop()

		late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := call(late); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("%s with a deadline: %v, want context.DeadlineExceeded alone", name, err)
		}
		cancel()
	}
	s.dropAll() // so that closing need not wait for the time-out
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	for name, call := range calls {
		if err := call(t.Context()); !errors.Is(err, ports.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
}

func TestInvalidArguments(t *testing.T) {
	s := serve(t, greeted(silent))
	store := openURL(t, s.url(), deps())
	early := time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)
	for what, err := range map[string]error{
		"UpdatedAt": second(store.Put(t.Context(), ports.Record{UpdatedAt: early}, "")),
		"CheckedAt": second(store.Put(t.Context(), ports.Record{CheckedAt: early}, "")),
		"Touch":     store.Touch(t.Context(), "key", "v", early),
		"ttl":       third(ports.TryLease(t.Context(), store, "name", "holder", time.Microsecond)),
	} {
		if err == nil || !strings.Contains(err.Error(), "invalid argument") {
			t.Errorf("%s: %v, want an invalid argument", what, err)
		}
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }
