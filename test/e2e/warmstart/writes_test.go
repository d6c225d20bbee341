package warmstart_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Confirmations of all environments share a transaction a second, however many
// environments there are. Here 100 are confirmed every second, as many as of 1,000
// every ten seconds. Transactions are counted by bbolt's own number of the
// latest one, which is in the file; each costs two syncs.
func TestWritesOfConfirmations(t *testing.T) {
	t.Parallel()
	const (
		environments = 100
		window       = 8 * time.Second
	)
	o, path := origin.Start(t), newFile(t)
	var keys []string
	for i := range environments {
		key := fmt.Sprintf("env-%03d", i)
		keys = append(keys, key)
		o.Serve(t, key, origin.Document(key, time.Now(), "kept", ""))
	}
	p := harness.StartProxy(t, harness.Setup{Config: withStore(o.Config(0, keys...), path, 1)})
	p.WaitReady(t)
	// The first two polls bring whole documents; then the 304s begin.
	wait.Until(t, patience, "every environment is confirmed by 304", func() bool { return notModified(o) == environments })

	began, first, confirmedBefore := time.Now(), latestTransaction(t, path), confirmations(o)
	<-time.After(window)
	transactions, confirmed := latestTransaction(t, path)-first, confirmations(o)-confirmedBefore
	seconds := time.Since(began).Seconds()
	t.Logf("%d environments, %.0f confirmations a second: %.2f transactions a second, %.2f syncs a second",
		environments, float64(confirmed)/seconds, float64(transactions)/seconds, 2*float64(transactions)/seconds)
	if confirmed < environments {
		t.Fatalf("only %d confirmations in %s", confirmed, window)
	}
	if transactions == 0 || float64(transactions) > seconds+2 {
		t.Errorf("%d transactions in %.1f s, want about one a second", transactions, seconds)
	}
}

// confirmations counts the polls that were answered 304.
func confirmations(o *origin.Origin) (n int) {
	for _, c := range o.Counters() {
		n += c.Statuses[304]
	}
	return n
}

// notModified counts the environments that were answered 304.
func notModified(o *origin.Origin) (n int) {
	for _, c := range o.Counters() {
		if c.Statuses[304] > 0 {
			n++
		}
	}
	return n
}

// latestTransaction reads the number of the latest transaction from the two first
// pages of a bbolt file, which take turns.
func latestTransaction(t *testing.T, path string) uint64 {
	t.Helper()
	const (
		pageHeader = 16
		txid       = pageHeader + 48 // behind magic, version, page size, flags, root, freelist, high-water mark
	)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var latest uint64
	for page := range 2 {
		var number [8]byte
		if _, err := file.ReadAt(number[:], int64(page*os.Getpagesize()+txid)); err != nil {
			t.Fatal(err)
		}
		latest = max(latest, binary.NativeEndian.Uint64(number[:]))
	}
	return latest
}
