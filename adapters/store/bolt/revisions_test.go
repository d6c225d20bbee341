package bolt_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// long is more than one piece, short one that bbolt keeps in its parent's page.
func bodies(number string) (long, short string) {
	return strings.Repeat("document "+number+" ", 20_000), "document " + number
}

func TestDamagedDocumentIsReplacedByTheFormer(t *testing.T) {
	t.Parallel()
	longFirst, shortFirst := bodies("1")
	longSecond, shortSecond := bodies("2")
	for name, test := range map[string]struct {
		first, second string
		damage        func(ports.Store, domain.EnvironmentKey) error
		read          func(testing.TB, ports.Store) ports.Record
	}{
		"head, Get":       {longFirst, longSecond, bolt.DamageHead, getKey},
		"head, Stat":      {longFirst, longSecond, bolt.DamageHead, statKey},
		"body, Get":       {longFirst, longSecond, bolt.DamageBody, getKey},
		"short body, Get": {shortFirst, shortSecond, bolt.DamageBody, getKey},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s, _ := open(t, path)
			first := put(t, s, "key", test.first, "")
			confirmed := checkedAt().Add(time.Hour)
			if err := s.Touch(t.Context(), "key", first, confirmed); err != nil {
				t.Fatal(err)
			}
			second := put(t, s, "key", test.second, first)
			if err := s.Touch(t.Context(), "key", second, confirmed.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			put(t, s, "other", "whole", "")
			if err := test.damage(s, "key"); err != nil {
				t.Fatal(err)
			}
			closeNow(t, s)

			s, log := open(t, path)
			r := test.read(t, s)
			if r.Version == first || r.Version == second {
				t.Errorf("the version is %q again, want a new one", r.Version)
			}
			if !r.CheckedAt.Equal(confirmed) || !r.UpdatedAt.Equal(updatedAt()) {
				t.Errorf("the times are %v and %v, want those of the former revision, %v and %v",
					r.UpdatedAt, r.CheckedAt, updatedAt(), confirmed)
			}
			if got := get(t, s, "key"); string(got.Body) != test.first || got.Version != r.Version {
				t.Errorf("Get returned %.20q, version %q, want %.20q, version %q", got.Body, got.Version, test.first, r.Version)
			}
			if got := log.count("store_document_restored"); got != 1 || !strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("it was logged %d times, want once, at ERROR: %s", got, log)
			}
			for _, stale := range []ports.Version{first, second, ""} {
				_, err := s.Put(t.Context(), ports.Record{Key: "key"}, stale)
				wantError(t, "Put with a stale version", err, ports.ErrConflict)
			}
			wantError(t, "Touch of the lost version", s.Touch(t.Context(), "key", second, confirmed), ports.ErrConflict)
			if got := get(t, s, "other"); string(got.Body) != "whole" {
				t.Errorf("the other document is %q", got.Body)
			}

			// From here on it is a record as any: the next damage has no former one.
			if err := bolt.DamageBody(s, "key"); err != nil {
				t.Fatal(err)
			}
			_, err := s.Get(t.Context(), "key")
			wantError(t, "Get without a former revision", err, ports.ErrCorrupt)
		})
	}
}

func getKey(t testing.TB, s ports.Store) ports.Record { return get(t, s, "key") }

func statKey(t testing.TB, s ports.Store) ports.Record {
	t.Helper()
	r, err := s.Stat(t.Context(), "key")
	if err != nil {
		t.Fatalf("Stat: %v", err)
	}
	return r
}

func TestDamageOfBothRevisionsIsCorrupt(t *testing.T) {
	t.Parallel()
	s, log := open(t, newPath(t))
	first := put(t, s, "key", "first", "")
	second := put(t, s, "key", "second", first)
	for _, damage := range []func(ports.Store, domain.EnvironmentKey) error{bolt.DamageBody, bolt.DamageFormerBody} {
		if err := damage(s, "key"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Get(t.Context(), "key")
	wantError(t, "Get", err, ports.ErrCorrupt)
	if log.count("store_document_restored") > 0 {
		t.Errorf("something was logged as restored: %s", log)
	}
	third := put(t, s, "key", "third", "")
	if third == first || third == second {
		t.Errorf("Put returned version %q again", third)
	}
	if r := get(t, s, "key"); string(r.Body) != "third" || r.Version != third {
		t.Errorf("Get returned %q, version %q, want %q, version %q", r.Body, r.Version, "third", third)
	}
}

// A Put of a caller who read the head before the body turned out to be damaged.
func TestPutOverDamagedBodyByItsVersion(t *testing.T) {
	t.Parallel()
	s, _ := open(t, newPath(t))
	v := put(t, s, "key", "first", "")
	v = put(t, s, "key", "second", v)
	if err := bolt.DamageBody(s, "key"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "key", "third", v)
	if r := get(t, s, "key"); string(r.Body) != "third" {
		t.Errorf("Get returned %q, want the third", r.Body)
	}
}

func TestRestoringWakes(t *testing.T) {
	t.Parallel()
	s, _ := open(t, newPath(t))
	v := put(t, s, "key", "first", "")
	put(t, s, "key", "second", v)
	if err := bolt.DamageBody(s, "key"); err != nil {
		t.Fatal(err)
	}
	wakes := make(chan domain.EnvironmentKey, 8)
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		err := s.Watch(t.Context(), []domain.EnvironmentKey{"key"}, func(key domain.EnvironmentKey) { wakes <- key })
		wantError(t, "Watch", err, ports.ErrClosed)
	})
	<-wakes // the first
	get(t, s, "key")
	if key := <-wakes; key != "key" {
		t.Errorf("woke %q", key)
	}
	closeNow(t, s)
}

// Readers that all come upon the damage get the same record.
func TestRestoringIsDoneOnce(t *testing.T) {
	t.Parallel()
	s, log := open(t, newPath(t))
	v := put(t, s, "key", "first", "")
	put(t, s, "key", "second", v)
	if err := bolt.DamageBody(s, "key"); err != nil {
		t.Fatal(err)
	}
	versions := make([]ports.Version, 16)
	var readers sync.WaitGroup
	for i := range versions {
		readers.Go(func() {
			r, err := s.Get(t.Context(), "key")
			if err != nil || string(r.Body) != "first" {
				t.Errorf("Get: %q, %v", r.Body, err)
			}
			versions[i] = r.Version
		})
	}
	readers.Wait()
	for _, v := range versions {
		if v != versions[0] {
			t.Errorf("readers got versions %q and %q", v, versions[0])
		}
	}
	if got := log.count("store_document_restored"); got != 1 {
		t.Errorf("it was logged %d times, want once: %s", got, log)
	}
}

func TestStatesHaveNoFormerRevision(t *testing.T) {
	t.Parallel()
	s, _ := open(t, newPath(t))
	v, err := s.PutState(t.Context(), "counts", []byte("1"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutState(t.Context(), "counts", []byte("2"), v); err != nil {
		t.Fatal(err)
	}
	if err := bolt.DamageState(s, "counts"); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.GetState(t.Context(), "counts")
	wantError(t, "GetState", err, ports.ErrCorrupt)
}

func TestNamesThatAreTooLong(t *testing.T) {
	t.Parallel()
	s, _ := open(t, newPath(t))
	long := strings.Repeat("k", 1025)
	if _, err := s.Put(t.Context(), ports.Record{Key: domain.EnvironmentKey(long)}, ""); err == nil {
		t.Error("Put of a key of 1025 bytes succeeded")
	}
	if _, err := s.PutState(t.Context(), long, nil, ""); err == nil {
		t.Error("PutState of a name of 1025 bytes succeeded")
	}
	_, err := s.Get(t.Context(), domain.EnvironmentKey(strings.Repeat("k", 1<<20)))
	wantError(t, "Get of a key of a megabyte", err, ports.ErrNotFound)
}
