package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// keeper answers as Redis would if no other client wrote: it keeps the hashes that
// Put writes, and gives them back in pieces, one at each beat.
type keeper struct {
	beat <-chan time.Time // nil: all at once

	mu     sync.Mutex
	hashes map[string]map[string]string
}

func (k *keeper) answer(c *fakeConn, command []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch command[0] {
	case "evalsha", "eval":
		// command: sha, number of keys, the key; then ARGV, of which fields and
		// values are the last.
		if k.hashes == nil {
			k.hashes = make(map[string]map[string]string)
		}
		fields := make(map[string]string)
		for i := 9; i+1 < len(command); i += 2 {
			fields[command[i]] = command[i+1]
		}
		k.hashes[command[3]] = fields
		c.say("+done\r\n")
	case "hmget":
		var answer strings.Builder
		fmt.Fprintf(&answer, "*%d\r\n", len(command)-2)
		for _, field := range command[2:] {
			if value, ok := k.hashes[command[1]][field]; ok {
				answer.WriteString(bulk(value))
			} else {
				answer.WriteString("$-1\r\n")
			}
		}
		text := answer.String()
		for k.beat != nil && len(text) > 100<<10 {
			c.say("%s", text[:100<<10])
			text = text[100<<10:]
			<-k.beat
		}
		c.say("%s", text)
	}
}

// A document that comes slowly, but comes, is not a failure, even if it takes several
// time-outs in all.
func TestSlowDocument(t *testing.T) {
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	k := &keeper{beat: beat.C}
	s := serve(t, greeted(k.answer))
	store := openURL(t, s.url()+"?timeout=500ms", deps())
	body := make([]byte, 1200<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(body)
	if _, err := store.Put(t.Context(), ports.Record{Key: "key", Body: body}, ""); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r, err := store.Get(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Body, body) {
		t.Error("the body is another one")
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("took %v only: the server was not slow", took)
	}
}

// A password file is read for each connection.
func TestPasswordFileIsReadAnew(t *testing.T) {
	greetings := make(chan string, 10)
	s := serve(t, func(c *fakeConn, command []string) {
		if command[0] == "hello" {
			greetings <- strings.Join(command, " ")
			c.say("*0\r\n")
			return
		}
		c.say("*5\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n")
	})
	var password atomic.Value
	password.Store("first\n")
	d := deps()
	d.ReadFile = func(string) ([]byte, error) { return []byte(password.Load().(string)), nil }
	store := openURL(t, strings.Replace(s.url(), "://", "://user@", 1)+"?password_file=/p", d)
	for _, want := range []string{"first", "second", "third with spaces "} {
		password.Store(want + "\r\n")
		if _, err := store.Stat(t.Context(), "key"); !errors.Is(err, ports.ErrNotFound) {
			t.Fatalf("Stat: %v, want ErrNotFound", err)
		}
		if got := <-greetings; !strings.HasSuffix(got, " auth user "+want) {
			t.Errorf("the client says %q, want %q as the password", got, want)
		}
		s.dropAll()
	}
}

// A lease ends here no later than in Redis, which starts to count when it gets
// the command.
func TestLeaseCountsFromBeforeTheCall(t *testing.T) {
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var now atomic.Pointer[time.Time]
	now.Store(&asked)
	lease := "*0 6 holder"
	s := serve(t, greeted(func(c *fakeConn, command []string) {
		answered := asked.Add(3 * time.Second)
		now.Store(&answered)
		c.say("*2\r\n%s%s", bulk("5000"), bulk(lease))
	}))
	d := deps()
	d.Now = func() time.Time { return *now.Load() }
	store := openURL(t, s.url(), d)

	until, held, err := ports.TryLease(t.Context(), store, "name", "holder", 10*time.Second+999*time.Microsecond)
	if want := asked.Add(10 * time.Second); err != nil || !held || !until.Equal(want) {
		t.Errorf("held %v until %v, %v; want true until %v", held, until, err, want)
	}
	// Another's lease has run out for sure when what is left has passed since.
	now.Store(&asked)
	lease = "-6500 7 anotherand its note"
	until, held, err = ports.TryLease(t.Context(), store, "name", "holder", time.Second)
	if want := asked.Add(4500 * time.Millisecond); err != nil || held || !until.Equal(want) {
		t.Errorf("held %v until %v, %v; want false until %v", held, until, err, want)
	}
}

// Whatever a key is, its name has the form that is documented, names nothing
// else's, and List finds it again.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{
		"", "B62qaMZNwfiqT76p38ggrQ", "{", "}", "{}", "a}b", "a:b", "%", "%41", "*", "ä", "\x00\xff", strings.Repeat("}", 1024),
	} {
		f.Add(seed, "other")
	}
	var mu sync.Mutex
	var asked string
	s := serve(f, greeted(func(c *fakeConn, command []string) {
		mu.Lock()
		defer mu.Unlock()
		switch command[0] {
		case "hmget":
			asked = command[1]
			c.say("*5\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n")
		case "scan":
			c.say("*2\r\n$1\r\n0\r\n*1\r\n%s", bulk(asked))
		}
	}))
	store := openURL(f, s.url(), deps())
	nameOf := func(t *testing.T, key string) string {
		if _, err := store.Stat(t.Context(), domain.EnvironmentKey(key)); !errors.Is(err, ports.ErrNotFound) {
			t.Fatalf("Stat: %v, want ErrNotFound", err)
		}
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
	f.Fuzz(func(t *testing.T, key, other string) {
		otherName := nameOf(t, other)
		name := nameOf(t, key)
		if (name == otherName) != (key == other) {
			t.Errorf("%q is called %q, and %q %q", key, name, other, otherName)
		}
		tag, hasPrefix := strings.CutPrefix(name, "edge-proxy:{")
		tag, hasSuffix := strings.CutSuffix(tag, "}:record")
		if !hasPrefix || !hasSuffix || strings.ContainsAny(tag, "{}:*?[]\\ \n") {
			t.Errorf("%q is called %q", key, name)
		}
		keys, err := store.List(t.Context())
		if err != nil || len(keys) != 1 || string(keys[0]) != key {
			t.Errorf("List finds %q, %v; want %q", keys, err, key)
		}
	})
}
