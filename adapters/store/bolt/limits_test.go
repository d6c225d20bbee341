//go:build linux || darwin

package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// playLimited is play for the roles of this file.
func playLimited(role, path string) error {
	switch role {
	case "limited":
		return fillDisk(path)
	case "limited at birth":
		return fillDiskAtBirth(path)
	case "unprivileged":
		return openUnprivileged(path)
	}
	return fmt.Errorf("unknown role %q", role)
}

// limitFiles has writes beyond a size fail, as they do on a full disk, in this whole
// process. It returns what takes the limit away.
func limitFiles(size uint64) (lift func() error, err error) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return nil, err
	}
	limited := before
	limited.Cur = size
	return func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) },
		syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	start(t, "limited", newPath(t)).finish()
}

// fillDisk runs in a process of its own, which the limit is for.
func fillDisk(path string) error {
	ctx := context.Background()
	j := new(journal)
	s, err := bolt.Open(ctx, location(path), deps(j))
	if err != nil {
		return err
	}
	document := func(fill byte, size int) ports.Record {
		return ports.Record{
			Key:       domain.EnvironmentKey(fill),
			Body:      bytes.Repeat([]byte{fill}, size),
			CheckedAt: checkedAt(),
		}
	}
	small, err := s.Put(ctx, document('s', 100_000), "")
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	lift, err := limitFiles(uint64(info.Size()) + 1000)
	if err != nil {
		return err
	}

	for range 20 {
		if _, err := s.Put(ctx, document('l', 1<<20), ""); !errors.Is(err, ports.ErrUnavailable) {
			return fmt.Errorf("Put on a full disk: error %v, want %w", err, ports.ErrUnavailable)
		} else if !strings.Contains(err.Error(), "too large") || !strings.Contains(err.Error(), path) {
			return fmt.Errorf("Put on a full disk does not say why: %w", err)
		}
		r, err := s.Get(ctx, "s")
		if err != nil || !bytes.Equal(r.Body, document('s', 100_000).Body) || r.Version != small {
			return fmt.Errorf("Get on a full disk: version %q, error %w", r.Version, err)
		}
		if _, err := s.Get(ctx, "l"); !errors.Is(err, ports.ErrNotFound) {
			return fmt.Errorf("Get of what did not fit: error %w", err)
		}
	}
	// What fits is stored, also in the company of what does not.
	outcomes := make(chan error)
	go func() {
		_, err := s.Put(ctx, document('l', 1<<20), "")
		outcomes <- err
	}()
	if _, err = s.Put(ctx, document('s', 90_000), small); err != nil {
		return fmt.Errorf("Put of what fits on a full disk: %w", err)
	}
	if err := <-outcomes; !errors.Is(err, ports.ErrUnavailable) {
		return fmt.Errorf("Put on a full disk: error %w", err)
	}

	if err := lift(); err != nil {
		return err
	}
	large, err := s.Put(ctx, document('l', 1<<20), "")
	if err != nil {
		return fmt.Errorf("Put when there is room again: %w", err)
	}
	later := checkedAt().Add(time.Hour)
	if err := s.Touch(ctx, "l", large, later); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = bolt.Open(ctx, location(path), deps(j)); err != nil {
		return err
	}
	r, err := s.Get(ctx, "l")
	if err != nil || !bytes.Equal(r.Body, document('l', 1<<20).Body) || !r.CheckedAt.Equal(later) {
		return fmt.Errorf("Get after Close and Open: %d bytes, error %w", len(r.Body), err)
	}
	return s.Close()
}

func TestFullDiskFromTheStart(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	start(t, "limited at birth", path).finish()
	// There is room again: nothing of the former attempt is in the way.
	s, log := open(t, path)
	put(t, s, "key", "{}", "")
	if log.String() != "" || len(aside(t, path)) > 0 {
		t.Errorf("set aside %v, told: %s", aside(t, path), log)
	}
}

func fillDiskAtBirth(path string) error {
	// In the middle of the first pages, and of what is written into them.
	for _, size := range []uint64{0, 5000, 16384, 20000} {
		lift, err := limitFiles(size)
		if err != nil {
			return err
		}
		for range 3 { // as often as it is restarted
			j := new(journal)
			s, err := bolt.Open(context.Background(), location(path), deps(j))
			if err == nil {
				_ = s.Close()
				return fmt.Errorf("Open with %d bytes of room succeeded", size)
			}
			if !strings.Contains(err.Error(), path) {
				return fmt.Errorf("Open on a full disk does not name the file: %w", err)
			}
			if j.String() != "" {
				return fmt.Errorf("Open on a full disk told: %s", j)
			}
		}
		if err := lift(); err != nil {
			return err
		}
	}
	return nil
}

// Permissions do not bind root; so the other process gives its rights up.
func TestMissingPermissions(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, path string){
		"directory must not be written to": func(t *testing.T, path string) {
			chmod(t, filepath.Dir(path), 0o555)
		},
		"file must not be written to": func(t *testing.T, path string) {
			store(t, path)
			chmod(t, path, 0o444)
		},
		"file must not be read": func(t *testing.T, path string) {
			store(t, path)
			chmod(t, path, 0)
		},
		"directory cannot be made": func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
			chmod(t, filepath.Dir(filepath.Dir(path)), 0o555)
		},
		"damaged file cannot be renamed": func(t *testing.T, path string) {
			if err := os.WriteFile(path, make([]byte, 8), 0o666); err != nil {
				t.Fatal(err)
			}
			chmod(t, path, 0o666)
			chmod(t, filepath.Dir(path), 0o555)
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			path := filepath.Join(base, "data", "documents.db")
			chmod(t, filepath.Dir(base), 0o755)
			chmod(t, base, 0o755)
			if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			prepare(t, path)
			before := listing(t, base)
			start(t, "unprivileged", path).finish()
			if after := listing(t, base); after != before {
				t.Errorf("Open changed %s to %s", before, after)
			}
		})
	}
}

// openUnprivileged wants Open to be refused.
func openUnprivileged(path string) error {
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return fmt.Errorf("giving up the rights of root: %w", err)
		}
	}
	s, err := bolt.Open(context.Background(), location(path), deps(new(journal)))
	if err == nil {
		_ = s.Close()
		return errors.New("Open succeeded")
	}
	if !strings.Contains(err.Error(), filepath.Dir(path)) || !strings.Contains(err.Error(), "permission denied") {
		return fmt.Errorf("Open does not say what is wrong: %w", err)
	}
	fmt.Println(err)
	return nil
}

func store(t *testing.T, path string) {
	t.Helper()
	s, _ := open(t, path)
	put(t, s, "key", "{}", "")
	closeNow(t, s)
}

// chmod is undone at the end of the test, for what is in the directory to be removed.
func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(path, info.Mode()); err != nil {
			t.Error(err)
		}
	})
}

// listing describes all files under dir.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil {
			fmt.Fprintf(&all, "%s %v %d; ", path, info.Mode(), info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
