//go:build integration

package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
)

func TestSingle(t *testing.T) {
	d := rediscontainers.Single(t)
	server := d.Servers[0]
	fresh := func(t *testing.T) { d.Wipe(t) }

	t.Run("prefixes are apart", func(t *testing.T) {
		fresh(t)
		prefixes := []string{"edge", "edge:", "edge:{one}", "edge*", "e", "", "edge:one"}
		for i, prefix := range prefixes {
			s := open(t, d.URL, prefix)
			put(t, s, record("one", prefix), "")
			if _, err := s.PutState(t.Context(), "one", []byte(prefix), ""); err != nil {
				t.Fatal(err)
			}
			if _, held, err := ports.TryLease(t.Context(), s, "one", strconv.Itoa(i), time.Hour); !held || err != nil {
				t.Fatalf("lease under prefix %q: %v, %v", prefix, held, err)
			}
		}
		for _, prefix := range prefixes {
			s := open(t, d.URL, prefix)
			wantBody(t, s, "one", prefix)
			keys, err := s.List(t.Context())
			if err != nil || !slices.Equal(keys, []domain.EnvironmentKey{"one"}) {
				t.Errorf("keys under prefix %q: %q, %v", prefix, keys, err)
			}
		}
		one := open(t, d.URL, prefixes[0])
		wakes, _ := watching(t, one, "one")
		receive(t, wakes, 5*time.Second, "first wake")
		for _, prefix := range prefixes[1:] {
			if err := open(t, d.URL, prefix).Delete(t.Context(), "one"); err != nil {
				t.Fatal(err)
			}
		}
		if err := one.Delete(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		receive(t, wakes, 5*time.Second, "wake")
		if len(wakes) > 0 {
			t.Error("woken by a change under another prefix")
		}
	})

	t.Run("states expire after the time that is set", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		v, err := s.PutState(t.Context(), "history/one", []byte("former"), "")
		if err != nil {
			t.Fatal(err)
		}
		const name = "edge-proxy:{history%2Fone}:state"
		wantLeft := func(least, most time.Duration) {
			t.Helper()
			left, err := strconv.Atoi(server.Command(t, "PTTL", name))
			if d := time.Duration(left) * time.Millisecond; err != nil || d < least || d > most {
				t.Errorf("expires after %v, want %v to %v", d, least, most)
			}
		}
		wantLeft(-time.Millisecond, -time.Millisecond) // never
		if err := s.ExpireState(t.Context(), "history/one", time.Hour); err != nil {
			t.Fatal(err)
		}
		wantLeft(59*time.Minute, time.Hour)
		if _, err := s.PutState(t.Context(), "history/one", []byte("former"), v); err != nil {
			t.Fatal(err)
		}
		wantLeft(59*time.Minute, time.Hour)
		if err := s.ExpireState(t.Context(), "history/one", time.Nanosecond); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, func(ctx context.Context) error {
			if _, _, err := s.GetState(ctx, "history/one"); !errors.Is(err, ports.ErrNotFound) {
				return fmt.Errorf("the state is there: %w", err)
			}
			return nil
		})
	})

	t.Run("records expire a week after the last confirmation", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		r := record("one", "{}")
		v := put(t, s, r, "")
		const name = "edge-proxy:{one}:record"
		wantWeek := func() {
			t.Helper()
			left, err := strconv.Atoi(server.Command(t, "PTTL", name))
			week := 7 * 24 * time.Hour
			if d := time.Duration(left) * time.Millisecond; err != nil || d > week || d < week-time.Minute {
				t.Errorf("expires after %v, want a week", d)
			}
		}
		wantWeek()
		server.Command(t, "PEXPIRE", name, "100000")
		if err := s.Touch(t.Context(), "one", v, r.CheckedAt.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		wantWeek()
	})

	t.Run("what others left under a name", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		for i, spoil := range [][]string{
			{"SET", "text"},
			{"RPUSH", "text"},
			{"HSET", "version", "x"},
			{"HSET", "version", ""},
			{"HSET", "version", "x", "size", "1", "sum", "y", "updated_at", "2026", "checked_at", "2026"},
		} {
			key := domain.EnvironmentKey("key" + strconv.Itoa(i))
			name := "edge-proxy:{" + string(key) + "}:record"
			server.Command(t, slices.Insert(slices.Clone(spoil), 1, name)...)
			if _, err := s.Get(t.Context(), key); !errors.Is(err, ports.ErrCorrupt) {
				t.Errorf("%q: Get: %v, want ErrCorrupt", spoil, err)
			}
			if _, err := s.Stat(t.Context(), key); !errors.Is(err, ports.ErrCorrupt) {
				t.Errorf("%q: Stat: %v, want ErrCorrupt", spoil, err)
			}
			put(t, s, record(key, "new"), "")
			wantBody(t, s, key, "new")
			if _, err := s.Put(t.Context(), record(key, "newer"), ""); !errors.Is(err, ports.ErrConflict) {
				t.Errorf("%q: second Put: %v, want ErrConflict", spoil, err)
			}
		}
	})

	t.Run("a damaged field", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		for _, field := range []string{"updated_at", "checked_at", "size", "sum", "body"} {
			for _, damage := range []string{"", "x", "-1", "99999999999", "2026-13-01T00:00:00.000000Z"} {
				r := record(domain.EnvironmentKey(field+damage), "{}")
				put(t, s, r, "")
				server.Command(t, "HSET", "edge-proxy:{"+escaped(string(r.Key))+"}:record", field, damage)
				if _, err := s.Get(t.Context(), r.Key); !errors.Is(err, ports.ErrCorrupt) {
					t.Errorf("%s = %q: Get: %v, want ErrCorrupt", field, damage, err)
				}
				put(t, s, record(r.Key, "new"), "")
				wantBody(t, s, r.Key, "new")
			}
		}
	})

	t.Run("a record under another's name", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		put(t, s, record("one", "{}"), "")
		server.Command(t, "RENAME", "edge-proxy:{one}:record", "edge-proxy:{two}:record")
		if _, err := s.Get(t.Context(), "two"); !errors.Is(err, ports.ErrCorrupt) {
			t.Errorf("Get: %v, want ErrCorrupt", err)
		}
	})

	t.Run("Stat transfers no body", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		body := make([]byte, 4<<20)
		fill(body)
		put(t, s, record("one", string(body)), "")
		before := sentBytes(t, server)
		if _, err := s.Stat(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		// The measuring itself sends a few thousand bytes.
		if sent := sentBytes(t, server) - before; sent > 64<<10 {
			t.Errorf("Stat made the server send %d bytes", sent)
		}
	})

	t.Run("a document of 64 MiB", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		body := make([]byte, 64<<20)
		fill(body)
		r := record("one", "")
		r.Body = body
		put(t, s, r, "")
		got, err := s.Get(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Body, body) {
			t.Error("the body is another one")
		}
	})

	t.Run("a repetitive document is stored small", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		put(t, s, record("one", strings.Repeat(`{"enabled": true, "feature": {"name": "f"}}`, 20_000)), "")
		stored, err := strconv.Atoi(server.Command(t, "HSTRLEN", "edge-proxy:{one}:record", "body"))
		if err != nil || stored > 40_000 {
			t.Errorf("%d bytes stored", stored)
		}
	})

	t.Run("List in a database that others fill", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		server.Command(t, "EVAL", "for i = 1, 20000 do redis.call('SET', 'other:' .. i, 'x') end return 1", "0")
		server.Command(t, "MSET", "edge-proxy:{%zz}:record", "x", "edge-proxy:{a:record", "x", "edge-proxy:{a}:lease", "x")
		var want []domain.EnvironmentKey
		for i := range 300 {
			key := domain.EnvironmentKey("key {" + strconv.Itoa(i) + "} *ä")
			put(t, s, record(key, "{}"), "")
			want = append(want, key)
		}
		got, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d keys, want %d", len(got), len(want))
		}
	})

	t.Run("at the memory limit", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy")
		v := put(t, s, record("one", "old"), "")
		server.Command(t, "CONFIG", "SET", "maxmemory", "1")
		defer server.Command(t, "CONFIG", "SET", "maxmemory", "0")

		for what, err := range map[string]error{
			"Put":       second(s.Put(t.Context(), record("one", "new"), v)),
			"create":    second(s.Put(t.Context(), record("two", "new"), "")),
			"Touch":     s.Touch(t.Context(), "one", v, time.Now()),
			"PutState":  second(s.PutState(t.Context(), "one", nil, "")),
			"TryLeases": third(ports.TryLease(t.Context(), s, "one", "me", time.Second)),
		} {
			if !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), "memory limit") {
				t.Errorf("%s: %v, want ErrUnavailable and the reason", what, err)
			}
		}
		wantBody(t, s, "one", "old")
		if err := s.Delete(t.Context(), "one"); err != nil {
			t.Errorf("Delete: %v", err)
		}
		server.Command(t, "CONFIG", "SET", "maxmemory", "0")
		put(t, s, record("one", "new"), "")
	})

	t.Run("a server that hangs", func(t *testing.T) {
		fresh(t)
		s := open(t, d.URL, "edge-proxy", "timeout", "500ms")
		r := record("one", "{}")
		v := put(t, s, r, "")
		_, errs := watching(t, s, "one")
		large := make([]byte, 8<<20)
		fill(large)
		server.Pause(t)
		paused := true
		defer func() {
			if paused {
				server.Unpause(t)
			}
		}()

		began := time.Now()
		if err := receive(t, errs, 5*time.Second, "end of Watch"); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("Watch: %v, want ErrUnavailable", err)
		}
		t.Logf("Watch noticed after %v", time.Since(began))
		for what, call := range map[string]func(context.Context) error{
			"Get":        func(ctx context.Context) error { return second(s.Get(ctx, "one")) },
			"Stat":       func(ctx context.Context) error { return second(s.Stat(ctx, "one")) },
			"List":       func(ctx context.Context) error { return second(s.List(ctx)) },
			"Put":        func(ctx context.Context) error { return second(s.Put(ctx, r, v)) },
			"large Put":  func(ctx context.Context) error { return second(s.Put(ctx, record("big", string(large)), "")) },
			"Touch":      func(ctx context.Context) error { return s.Touch(ctx, "one", v, time.Now()) },
			"Delete":     func(ctx context.Context) error { return s.Delete(ctx, "two") },
			"TryLeases":  func(ctx context.Context) error { return third(ports.TryLease(ctx, s, "one", "me", time.Second)) },
			"DropLeases": func(ctx context.Context) error { return ports.DropLease(ctx, s, "one", "me") },
			"GetState":   func(ctx context.Context) error { return third(s.GetState(ctx, "one")) },
			"PutState":   func(ctx context.Context) error { return second(s.PutState(ctx, "one", nil, "")) },
		} {
			began := time.Now()
			if err := call(t.Context()); !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", what, err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("%s took %v", what, took)
			}

			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				time.AfterFunc(50*time.Millisecond, cancel)
			}()
			began = time.Now()
			if err := call(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, cancelled: %v, want context.Canceled", what, err)
			}
			if took := time.Since(began); took > 400*time.Millisecond {
				t.Errorf("%s, cancelled, took %v", what, took)
			}
			cancel()
		}
		server.Unpause(t)
		paused = false
		eventually(t, 5*time.Second, func(ctx context.Context) error { return second(s.Get(ctx, "one")) })
	})

	t.Run("Watch through a restart", func(t *testing.T) {
		fresh(t)
		s, other := open(t, d.URL, "edge-proxy"), open(t, d.URL, "edge-proxy")
		v := put(t, s, record("one", "1"), "")
		wakes, errs := watching(t, s, "one")
		receive(t, wakes, 5*time.Second, "first wake")
		server.Stop(t)
		if err := receive(t, errs, 5*time.Second, "end of Watch"); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("Watch: %v, want ErrUnavailable", err)
		}
		if _, err := s.Get(t.Context(), "one"); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("Get: %v, want ErrUnavailable", err)
		}
		server.Start(t)
		receive(t, wakes, 5*time.Second, "wake when subscribed again")
		eventually(t, 5*time.Second, func(ctx context.Context) error {
			return second(other.Put(ctx, record("one", "2"), v))
		})
		receive(t, wakes, 5*time.Second, "wake after the change")
		wantBody(t, s, "one", "2")
	})
}

func TestSecuredPasswordRotation(t *testing.T) {
	d := rediscontainers.Secured(t, permissions...)
	s := open(t, d.URL, "edge-proxy")
	put(t, s, record("one", "{}"), "")

	const rotated = "second-password"
	d.ChangePassword(t, rotated)
	_, err := s.Get(t.Context(), "one")
	if !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("with the old password: %v, want ErrUnavailable and the reason", err)
	}
	if err != nil && (strings.Contains(err.Error(), "first-password") || strings.Contains(err.Error(), rotated)) {
		t.Errorf("the error shows the password: %v", err)
	}
	d.WritePassword(t, rotated)
	wantBody(t, s, "one", "{}")
}

func TestSecuredMissingPermissions(t *testing.T) {
	d := rediscontainers.Secured(t, "~edge-proxy*", "+@all")
	s := open(t, d.URL, "edge-proxy")

	// Not allowed to publish: then nothing may be changed, either.
	_, err := s.Put(t.Context(), record("one", "{}"), "")
	if !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), "can't publish") {
		t.Errorf("Put: %v, want ErrUnavailable and the reason", err)
	}
	if _, err := s.Get(t.Context(), "one"); !errors.Is(err, ports.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
	err = s.Watch(t.Context(), nil, func(domain.EnvironmentKey) {})
	if !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Watch: %v, want ErrUnavailable and the reason", err)
	}

	elsewhere := open(t, d.URL, "another")
	if _, err := elsewhere.Get(t.Context(), "one"); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("Get under another prefix: %v, want ErrUnavailable", err)
	}
}

// Replication is asynchronous: a failover may undo the last writes. What it must
// not do is let one writer overwrite what it has not seen.
func TestSentinelFailover(t *testing.T) {
	d := rediscontainers.Sentinel(t)
	s, other := open(t, d.URL, "edge-proxy"), open(t, d.URL, "edge-proxy")
	v1 := put(t, s, record("one", "1"), "")
	wakes, errs := watching(t, s, "one")
	receive(t, wakes, 5*time.Second, "first wake")
	former := d.Master(t)
	replica := d.Servers[0]
	if replica == former {
		replica = d.Servers[1]
	}

	// The replica misses this version.
	replica.Command(t, "CONFIG", "SET", "masterauth", "wrong")
	replica.Command(t, "REPLICAOF", "127.0.0.1", "1")
	v2 := put(t, s, record("one", "2"), v1)
	former.Kill(t)
	if err := receive(t, errs, 10*time.Second, "end of Watch"); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("Watch: %v, want ErrUnavailable", err)
	}
	d.AwaitFailover(t, former)

	var got ports.Record
	eventually(t, 10*time.Second, func(ctx context.Context) (err error) {
		got, err = s.Get(ctx, "one")
		return err
	})
	t.Logf("after the failover: version %s of %s and %s", got.Version, v1, v2)
	if got.Version != v1 {
		t.Fatalf("the failover kept the version the replica missed")
	}
	// Who saw the lost version cannot build on it; who read again can.
	if _, err := s.Put(t.Context(), record("one", "3 after 2"), v2); !errors.Is(err, ports.ErrConflict) {
		t.Errorf("Put on the lost version: %v, want ErrConflict", err)
	}
	v3 := put(t, other, record("one", "3"), v1)
	if v3 == v2 {
		t.Error("a version came again")
	}
	wantBody(t, s, "one", "3")

	// The former master comes back as a replica and takes the new data. Sentinels
	// that find their clock odd, as on a busy machine, first do nothing for 30 s.
	former.Start(t)
	eventually(t, 90*time.Second, func(context.Context) error {
		answer, err := former.TryCommand("INFO", "replication")
		if err == nil && !strings.Contains(answer, "master_link_status:up") {
			err = errors.New("not a replica yet")
		}
		return err
	})
	wantBody(t, s, "one", "3")
	for len(wakes) > 0 {
		<-wakes
	}
	put(t, other, record("one", "4"), v3)
	receive(t, wakes, 5*time.Second, "wake by the new master")
}

func TestClusterNodeAway(t *testing.T) {
	d := rediscontainers.Cluster(t)
	s := open(t, d.URL, "edge-proxy", "timeout", "1s")
	keys := make([]domain.EnvironmentKey, 30)
	for i := range keys {
		keys[i] = domain.EnvironmentKey("key" + strconv.Itoa(i))
		put(t, s, record(keys[i], "{}"), "")
	}
	for _, server := range d.Servers {
		if server.Command(t, "DBSIZE") == "0" {
			t.Errorf("no key on %s", server.Addr())
		}
	}
	got, err := s.List(t.Context())
	if err != nil || len(got) != len(keys) {
		t.Fatalf("List: %d keys, %v", len(got), err)
	}

	away := d.Servers[1]
	away.Pause(t)
	if _, err := s.List(t.Context()); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("List without a node: %v, want ErrUnavailable", err)
	}
	for _, key := range keys {
		began := time.Now()
		if _, err := s.Get(t.Context(), key); err != nil && !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("Get without a node: %v, want ErrUnavailable", err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("Get took %v", took)
		}
	}
	d.Servers[1].Unpause(t)
	for _, key := range keys {
		eventually(t, 20*time.Second, func(ctx context.Context) error { return second(s.Get(ctx, key)) })
	}
}

// fill makes b hard to compress, and the same in each run.
func fill(b []byte) {
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(b)
}

func sentBytes(t *testing.T, server *rediscontainers.Server) int {
	t.Helper()
	for line := range strings.Lines(server.Command(t, "INFO", "stats")) {
		if text, ok := strings.CutPrefix(line, "total_net_output_bytes:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("INFO tells no total_net_output_bytes")
	return 0
}

// escaped is key as the store writes it into names, for the keys of these tests.
func escaped(key string) string { return strings.ReplaceAll(key, ":", "%3A") }

// A Cluster says whether all of its slots are served.
func TestExamineCluster(t *testing.T) {
	t.Parallel()
	d := rediscontainers.Cluster(t)
	examine := func() []ports.StoreFinding {
		t.Helper()
		found, err := open(t, d.URL, "edge-proxy").(ports.Examiner).Examine(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := examine(); len(found) > 0 {
		t.Errorf("found %+v where all is well", found)
	}
	for _, server := range d.Servers {
		server.Command(t, "CLUSTER", "DELSLOTS", "0")
	}
	eventually(t, 20*time.Second, func(context.Context) error {
		for _, f := range examine() {
			if f.Broken && strings.Contains(f.What, "1 of its 16384 slots, the first of them 0") {
				return nil
			}
		}
		return errors.New("the missing slot is not found")
	})
}
