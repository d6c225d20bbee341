package filestore_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"

	"example.com/filestore"
)

func open(ctx context.Context, text string) (ports.Store, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	return filestore.Open(ctx, u, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler), ReadFile: os.ReadFile})
}

// TestConformance is what every store passes.
func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{New: newBackend, Shared: true, Durable: true})
}

func newBackend(t *testing.T) storetest.Backend {
	dir := filepath.Join(t.TempDir(), "documents")
	must(t, os.Mkdir(dir, 0o700))
	return storetest.Backend{
		Open: func(t *testing.T) ports.Store {
			s, err := open(t.Context(), "dir://"+dir)
			must(t, err)
			return s
		},
		// All but the lock, as somebody might who tidies up.
		Wipe: func(t *testing.T) {
			for _, part := range []string{"records", "states", "leases.json", "changes"} {
				must(t, os.RemoveAll(filepath.Join(dir, part)))
			}
		},
		// As a network file system does that is unmounted, and mounted again.
		Break: func(t *testing.T) { must(t, os.Rename(dir, dir+".away")) },
		Mend:  func(t *testing.T) { must(t, os.Rename(dir+".away", dir)) },
		// What the process had written is there, and it wrote all there was.
		Crash: func(t *testing.T) {
			former := dir
			dir += ".copy"
			must(t, os.CopyFS(dir, os.DirFS(former)))
		},
		Corrupt: func(t *testing.T, key domain.EnvironmentKey) {
			damage(t, filepath.Join(dir, "records", hashed(string(key)), "body-*"))
		},
		CorruptState: func(t *testing.T, name string) {
			damage(t, filepath.Join(dir, "states", hashed(name), "head"))
		},
	}
}

// damage overwrites the beginning of the one file that the pattern is for.
func damage(t *testing.T, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("files %q", files)
	}
	file, err := os.OpenFile(files[0], os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteAt([]byte("damaged"), 0)
	must(t, err)
	must(t, file.Close())
}

func hashed(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, text := range []string{
		"file:///tmp", "dir:", "dir:relative", "dir://host/tmp", "dir://user:geheim@host/tmp", "dir:///tmp?geheim=1", "dir:///tmp#geheim",
	} {
		_, err := open(t.Context(), text)
		if err == nil || !strings.Contains(err.Error(), "store.url") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// A directory that is away is not made: what is mounted there later counts.
func TestNothingIsMadeInPlaceOfTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mount")
	s, err := open(t.Context(), "dir://"+dir)
	must(t, err)
	defer s.Close()
	if _, err := s.Put(t.Context(), ports.Record{Key: "key"}, ""); err == nil {
		t.Error("Put without the directory succeeded")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory: %v", err)
	}
}

// What a crash left behind is cleaned up by the next Put, and so is the former body.
func TestOldBodiesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	s, err := open(t.Context(), "dir://"+dir)
	must(t, err)
	defer s.Close()
	v, err := s.Put(t.Context(), ports.Record{Key: "key", Body: []byte("1")}, "")
	must(t, err)
	record := filepath.Join(dir, "records", hashed("key"))
	must(t, os.WriteFile(filepath.Join(record, "body-LOST"), []byte("?"), 0o600))
	_, err = s.Put(t.Context(), ports.Record{Key: "key", Body: []byte("2")}, v)
	must(t, err)
	files, err := os.ReadDir(record)
	must(t, err)
	if len(files) != 2 {
		t.Errorf("files %v, want a head and a body", files)
	}
}
