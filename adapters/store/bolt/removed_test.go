package bolt_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// What is written after somebody removed the file is there at the next start.
func TestRemovedFile(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"the file":      os.Remove,
		"its directory": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"renamed":       func(path string) error { return os.Rename(path, path+".backup") },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store", "documents.db")
			s, log := open(t, path)
			put(t, s, "key", "first", "")
			woken := make(chan domain.EnvironmentKey, 10)
			watch, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				ended <- s.Watch(watch, []domain.EnvironmentKey{"key"}, func(key domain.EnvironmentKey) { woken <- key })
			}()
			<-woken
			if err := remove(path); err != nil {
				t.Fatal(err)
			}
			put(t, s, "other", "second", "")
			<-woken // so that the document is stored again
			if _, err := s.Get(t.Context(), "key"); err == nil {
				t.Error("Get returned a document that is gone at the next start")
			}
			put(t, s, "key", "again", "")
			if log.count("store_file_removed") != 1 {
				t.Errorf("want one warning that the file was removed: %s", log)
			}
			stop()
			wantError(t, "Watch", <-ended, context.Canceled)
			closeNow(t, s)
			s, _ = open(t, path)
			for key, want := range map[domain.EnvironmentKey]string{"key": "again", "other": "second"} {
				if got := get(t, s, key); string(got.Body) != want {
					t.Errorf("after a restart %s is %q, want %q", key, got.Body, want)
				}
			}
		})
	}
}

// Confirmations alone are enough to notice that the file is gone.
func TestRemovedFileIsNoticedByConfirmations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "documents.db")
		s, log := open(t, path)
		v := put(t, s, "key", "{}", "")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := s.Touch(t.Context(), "key", v, checkedAt().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		if log.count("store_file_removed") != 1 {
			t.Errorf("want a warning that the file was removed: %s", log)
		}
		_, err := s.Stat(t.Context(), "key")
		wantError(t, "Stat", err, ports.ErrNotFound)
	})
}

// While nothing can take the place of the file, writes are refused with the reason,
// and work again as soon as something can.
func TestRemovedFileThatCannotBeReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	s, _ := open(t, path)
	put(t, s, "key", "{}", "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Put", callPut(t.Context(), s), ports.ErrUnavailable)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(t, s, "new", "{}", "")
}
