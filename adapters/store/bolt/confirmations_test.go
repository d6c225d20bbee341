package bolt_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// 1,000 environments, each confirmed every 10 seconds, for 30 seconds.
func TestTouchSharesTransactions(t *testing.T) {
	t.Parallel()
	const environments, interval, rounds = 1000, 10 * time.Second, 3
	path := newPath(t)
	s, _ := open(t, path)
	keys := make([]domain.EnvironmentKey, environments)
	versions := make([]ports.Version, environments)
	together(environments, func(i int) {
		keys[i] = domain.EnvironmentKey(fmt.Sprintf("environment-%d", i))
		versions[i] = put(t, s, keys[i], "{}", "")
	})
	closeNow(t, s)
	before := checkConsistency(t, path)

	confirmed := func(round, i int) time.Time {
		return checkedAt().Add(time.Duration(round)*interval + time.Duration(i)*interval/environments)
	}
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, path)
		for round := range rounds {
			for i, key := range keys {
				<-time.After(interval / environments)
				if err := s.Touch(t.Context(), key, versions[i], confirmed(round, i)); err != nil {
					t.Fatalf("Touch: %v", err)
				}
			}
		}
		closeNow(t, s)
	})

	// Each transaction costs two syncs.
	transactions := checkConsistency(t, path) - before
	if most := rounds*int(interval/time.Second) + 1; transactions > most {
		t.Errorf("%d confirmations took %d transactions, want at most %d", rounds*environments, transactions, most)
	}
	s, _ = open(t, path)
	for i, key := range keys {
		if r := get(t, s, key); !r.CheckedAt.Equal(confirmed(rounds-1, i)) || r.Version != versions[i] {
			t.Fatalf("%s was last confirmed %v, want %v", key, r.CheckedAt, confirmed(rounds-1, i))
		}
	}
}

// What is written without Close: the file is copied while it is open.
func TestTouchIsWrittenWithinSeconds(t *testing.T) {
	t.Parallel()
	path, copied := newPath(t), newPath(t)
	at := checkedAt().Add(time.Hour)
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, path)
		v := put(t, s, "key", "{}", "")
		if err := s.Touch(t.Context(), "key", v, at); err != nil {
			t.Fatal(err)
		}
		if r := get(t, s, "key"); !r.CheckedAt.Equal(at) {
			t.Errorf("Get at once shows %v, want %v", r.CheckedAt, at)
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		copyFile(t, path, copied)
	})
	s, _ := open(t, copied)
	if r := get(t, s, "key"); !r.CheckedAt.Equal(at) {
		t.Errorf("two seconds later the file says %v, want %v", r.CheckedAt, at)
	}
}

func TestTouchThatMovesNothingWritesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := open(t, path)
	v := put(t, s, "key", "{}", "")
	closeNow(t, s)
	before := checkConsistency(t, path)
	s, _ = open(t, path)
	for _, at := range []time.Time{checkedAt(), checkedAt().Add(-time.Hour), {}} {
		if err := s.Touch(t.Context(), "key", v, at); err != nil {
			t.Fatal(err)
		}
	}
	closeNow(t, s)
	if got := checkConsistency(t, path) - before; got != 0 {
		t.Errorf("%d transactions were written, want none", got)
	}
}

// Each Put waits for its own sync, but those that wait together share one.
func TestPutsShareTransactions(t *testing.T) {
	t.Parallel()
	const writers, each = 64, 20
	path := newPath(t)
	s, _ := open(t, path)
	closeNow(t, s)
	before := checkConsistency(t, path)
	s, _ = open(t, path)
	together(writers, func(i int) {
		v := ports.Version("")
		for range each {
			v = put(t, s, domain.EnvironmentKey(fmt.Sprint(i)), "{}", v)
		}
	})
	closeNow(t, s)
	if got := checkConsistency(t, path) - before; got > writers*each/2 {
		t.Errorf("%d Puts of %d writers took %d transactions", writers*each, writers, got)
	}
}
