package warmstart_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
)

// roundsVariable sets how often the proxy is killed.
const roundsVariable = "EDGE_PROXY_KILL_ROUNDS"

// storm is an upstream whose documents change with every request.
//
// It knows what a proxy has stored for certain: a proxy polls an environment again
// only when it is done with the answer before, which includes that the store has
// confirmed the document as written.
type storm struct {
	keys []string
	base time.Time // of document 0; each is a second newer than the one before

	mu     sync.Mutex
	gate   chan struct{}  // requests are answered once it is closed
	sent   map[string]int // the number of the document sent last, by client-side key
	stored map[string]int // the number of one that the proxy has stored, at least
	inLife map[string]int // the number of the one sent last to the proxy that runs now
	count  chan struct{}  // gets one for every answer, as far as there is room
}

func newStorm(keys ...string) *storm {
	return &storm{
		keys: keys, base: time.Now().Truncate(time.Second),
		sent: map[string]int{}, stored: map[string]int{}, count: make(chan struct{}, 1000),
	}
}

// calm has requests wait from now on: a new proxy starts.
func (s *storm) calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate, s.inLife = make(chan struct{}), map[string]int{}
}

func (s *storm) rage() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.gate)
}

// document is the document of a number: the same each time.
func (s *storm) document(key string, number int) []byte {
	random := rand.New(rand.NewPCG(uint64(len(key)), uint64(number)))
	padding := strings.Repeat(fmt.Sprintf("%016x", random.Uint64()), random.IntN(25_000))
	return origin.Document(key, s.base.Add(time.Duration(number)*time.Second), strconv.Itoa(number), padding)
}

func (s *storm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := ""
	for _, k := range s.keys {
		if r.Header.Get("X-Environment-Key") == origin.ServerKey(k) {
			key = k
		}
	}
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	select {
	case <-gate:
	case <-r.Context().Done():
		return
	}
	s.mu.Lock()
	if gate != s.gate { // of the proxy before
		s.mu.Unlock()
		return
	}
	if before, ok := s.inLife[key]; ok {
		s.stored[key] = before
	}
	s.sent[key]++
	number := s.sent[key]
	s.inLife[key] = number
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.document(key, number)) // a proxy that was killed does not read it
	select {
	case s.count <- struct{}{}:
	default:
	}
}

// known returns the numbers between which the stored document of a key must be.
func (s *storm) known(key string) (stored, sent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored[key], s.sent[key]
}

func (s *storm) drain() {
	for {
		select {
		case <-s.count:
		default:
			return
		}
	}
}

// However often and whenever the proxy is killed while documents change: it starts,
// and serves, before upstream answers, whole documents that upstream sent, none of
// them older than one that was stored before.
func TestKilledWhileDocumentsChange(t *testing.T) {
	t.Parallel()
	rounds := 8
	if text := os.Getenv(roundsVariable); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("%s is %q, want a number from 1", roundsVariable, text)
		}
	}
	s := newStorm("env", "env-b", "env-cc")
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client, path := origin.NewClient(t), newFile(t)
	config := withStore(origin.Config(server.URL, s.keys...), path, 0.01)
	config["api_poll_timeout_seconds"] = 60 // a poll that fails tells nothing
	setup := harness.Setup{Config: config}
	commands := harness.Setup{Config: config, Args: []string{"store", "list", "-json"}}

	newer := 0
	for round := range rounds {
		s.calm()
		p := harness.StartProxy(t, setup)
		for _, key := range s.keys {
			stored, sent := s.known(key)
			if stored == 0 {
				continue // perhaps it is not there yet
			}
			served := everything(t, client, p.URL, key)
			number := s.numberOf(t, key, served[len(served)-1].body)
			if number < stored || number > sent {
				t.Errorf("round %d: document %d of %s is served, want one from %d, which was stored, to %d", round, number, key, stored, sent)
			}
			if number > stored {
				newer++
			}
			if value, err := client.Value(p.URL, key); value != strconv.Itoa(number) {
				t.Errorf("round %d: the flags of %s are of document %s, its document is %d, %v", round, key, value, number, err)
			}
		}
		s.drain()
		s.rage()
		for range rand.IntN(12) {
			select {
			case <-s.count:
			case <-time.After(patience):
				t.Fatalf("the proxy stopped polling\n%s", p.Output())
			}
		}
		<-time.After(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		p.Kill(t)
		for _, event := range []string{"store_file_set_aside", "store_document_restored", "store_unavailable", "store_error", "error_fetching_document"} {
			if logged(p.Process, event) {
				t.Errorf("round %d: the proxy logged %s\n%s", round, event, p.Output())
			}
		}
		s.checkFile(t, harness.Run(t, commands))
		if t.Failed() {
			return
		}
	}
	total := 0
	for _, key := range s.keys {
		_, sent := s.known(key)
		total += sent
	}
	t.Logf("%d kills, %d documents sent; %d times more had been stored than was known for certain", rounds, total, newer)
	if total < rounds {
		t.Errorf("only %d documents were sent: that is not a storm", total)
	}
	if len(aside(t, path)) > 0 {
		t.Error("a file was set aside")
	}
}

// numberOf returns the number of a document, which must be whole.
func (s *storm) numberOf(t *testing.T, key string, body []byte) int {
	t.Helper()
	var head struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		t.Fatalf("the document of %s: %v: %.200s", key, err, body)
	}
	number := int(head.UpdatedAt.Sub(s.base) / time.Second)
	if !bytes.Equal(body, s.document(key, number)) {
		t.Fatalf("document %d of %s is not what upstream sent", number, key)
	}
	return number
}

// checkFile checks what "store list" said of the file that a killed proxy left.
func (s *storm) checkFile(t *testing.T, listed harness.Result) {
	t.Helper()
	if listed.Code != 0 {
		t.Fatalf("store list: exit code %d\n%s%s", listed.Code, listed.Stdout, listed.Stderr)
	}
	found := map[string]bool{}
	lines := json.NewDecoder(bytes.NewReader([]byte(listed.Stdout)))
	for lines.More() {
		var r struct {
			Key       string    `json:"key"`
			SHA256    string    `json:"sha256"`
			UpdatedAt time.Time `json:"updated_at"`
		}
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		found[r.Key] = true
		stored, sent := s.known(r.Key)
		number := int(r.UpdatedAt.Sub(s.base) / time.Second)
		sum := sha256.Sum256(s.document(r.Key, number))
		if want := hex.EncodeToString(sum[:]); r.SHA256 != want || number < stored || number > sent {
			t.Errorf("the file has document %d of %s with checksum %s, want one from %d to %d and checksum %s", number, r.Key, r.SHA256, stored, sent, want)
		}
	}
	for _, key := range s.keys {
		if stored, _ := s.known(key); stored > 0 && !found[key] {
			t.Errorf("the file has no document of %s, and %d was stored", key, stored)
		}
	}
}
