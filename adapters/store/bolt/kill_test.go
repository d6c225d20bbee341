package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// killsVariable is how often to kill; 10 times when it is not set.
const killsVariable = "BOLT_TEST_KILLS"

const (
	stormKeys = 4
	minStorm  = 1 << 10 // bytes of a document
	maxStorm  = 2 << 20
)

func stormKey(i int) domain.EnvironmentKey { return domain.EnvironmentKey(fmt.Sprint("key-", i)) }

// stormBody returns the document that key had number-th. Its first bytes determine
// the rest: noise that repeats, but for the place of each block.
func stormBody(key int, number uint64) []byte {
	const block = 512
	random := rand.New(rand.NewPCG(uint64(key), number))
	size := minStorm + random.IntN(maxStorm-minStorm)
	var noise []byte
	for range block / 8 {
		noise = binary.BigEndian.AppendUint64(noise, random.Uint64())
	}
	body := bytes.Repeat(noise, size/block+1)[:size]
	for at := 0; at+8 <= size; at += block {
		binary.BigEndian.PutUint64(body[at:], uint64(at)+number)
	}
	return body
}

// storm is the process that is killed: it replaces documents, each by the next one
// of its key, and prints the number of each that is stored.
func storm(path string) error {
	s, err := bolt.Open(context.Background(), location(path), deps(new(journal)))
	if err != nil {
		return err
	}
	var printing sync.Mutex
	failures := make(chan error)
	for i := range stormKeys {
		go func() {
			r, err := s.Get(context.Background(), stormKey(i))
			if err != nil && !errors.Is(err, ports.ErrNotFound) {
				failures <- err
				return
			}
			number := uint64(0)
			if err == nil {
				number = binary.BigEndian.Uint64(r.Body)
			}
			for v := r.Version; ; {
				number++
				v, err = s.Put(context.Background(), ports.Record{
					Key:       stormKey(i),
					Body:      stormBody(i, number),
					CheckedAt: time.Unix(int64(number), 0),
				}, v)
				if err == nil {
					err = s.Touch(context.Background(), stormKey(i), v, time.Unix(int64(number)+1, 0))
				}
				if err != nil {
					failures <- err
					return
				}
				printing.Lock()
				fmt.Println(i, number)
				printing.Unlock()
			}
		}()
	}
	return <-failures
}

func TestKilledProcess(t *testing.T) {
	t.Parallel()
	kills := 10
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", killsVariable, err)
		}
	}
	path := filepath.Join(t.TempDir(), "documents.db")
	var confirmed [stormKeys]uint64
	for range kills {
		p := start(t, "storm", path)
		// At some moment after some Puts, in the middle of others.
		for range rand.IntN(20) {
			readConfirmed(t, p, &confirmed)
		}
		<-time.After(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		_ = p.cmd.Process.Kill()
		for p.output.Scan() {
			noteConfirmed(t, p.output.Text(), &confirmed)
		}
		_ = p.cmd.Wait()
		afterKill(t, path, &confirmed)
		if t.Failed() {
			return
		}
	}
}

func readConfirmed(t *testing.T, p *process, confirmed *[stormKeys]uint64) {
	t.Helper()
	line, ok := p.line()
	if !ok {
		t.Fatal("the process ended by itself")
	}
	noteConfirmed(t, line, confirmed)
}

func noteConfirmed(t *testing.T, line string, confirmed *[stormKeys]uint64) {
	t.Helper()
	var key int
	var number uint64
	if _, err := fmt.Sscan(line, &key, &number); err != nil {
		t.Logf("a line was cut off: %q", line)
		return
	}
	confirmed[key] = max(confirmed[key], number)
}

// afterKill starts where the process was killed, and checks what is there.
func afterKill(t *testing.T, path string, confirmed *[stormKeys]uint64) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		checkConsistency(t, path)
	}
	j := new(journal)
	s, err := bolt.Open(t.Context(), location(path), deps(j))
	if err != nil {
		t.Fatalf("Open after a kill: %v", err)
	}
	for i := range stormKeys {
		r, err := s.Get(t.Context(), stormKey(i))
		if errors.Is(err, ports.ErrNotFound) && confirmed[i] == 0 {
			continue
		}
		if err != nil {
			t.Errorf("Get after a kill, %d being confirmed as stored: %v", confirmed[i], err)
			continue
		}
		number := binary.BigEndian.Uint64(r.Body)
		if !bytes.Equal(r.Body, stormBody(i, number)) {
			t.Errorf("the document says that it is number %d and is not", number)
		}
		if number < confirmed[i] {
			t.Errorf("the document is number %d, but %d was confirmed as stored", number, confirmed[i])
		}
		if r.CheckedAt.Before(time.Unix(int64(number), 0)) {
			t.Errorf("document %d was confirmed %v", number, r.CheckedAt)
		}
	}
	if j.String() != "" {
		t.Errorf("Open after a kill told: %s", j)
	}
	closeNow(t, s)
}
