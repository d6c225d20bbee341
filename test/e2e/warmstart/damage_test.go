package warmstart_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// stored runs a proxy until it has stored the document of env-a, and returns its
// upstream, its configuration and the file.
func stored(t *testing.T) (o *origin.Origin, setup harness.Setup, path string) {
	t.Helper()
	o, path = origin.Start(t), newFile(t)
	// Long enough that there is something in the middle of the file.
	o.Serve(t, "env-a", origin.Document("env-a", time.Now(), "kept", strings.Repeat("padding ", 20_000)))
	setup = harness.Setup{Config: withStore(o.Config(0, "env-a"), path, 0.2)}
	p := harness.StartProxy(t, setup)
	p.WaitReady(t)
	stop(t, p)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file of the store: %v, %v", info, err)
	}
	return o, setup, path
}

// A file that cannot be read is set aside, once, and upstream fills a new one.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, path string){
		"cut off in the middle": func(t *testing.T, path string) { write(t, path, read(t, path)[:len(read(t, path))/2]) },
		"cut off early":         func(t *testing.T, path string) { write(t, path, read(t, path)[:100]) },
		"beginning overwritten": func(t *testing.T, path string) {
			content := read(t, path)
			clear(content[:3*os.Getpagesize()])
			write(t, path, content)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, setup, path := stored(t)
			damage(t, path)
			damaged := read(t, path)
			client := origin.NewClient(t)

			p := harness.StartProxy(t, setup)
			p.WaitReady(t)
			everything(t, client, p.URL, "env-a")
			e := p.WaitEvent(t, patience, "store_file_set_aside")
			if e.Text("file") != path || e.Text("reason") == "" || e.Text("effect") == "" {
				t.Errorf("what is logged of it: %v", e)
			}
			stop(t, p)
			kept := aside(t, path)
			if len(kept) != 1 || kept[0] != e.Text("renamed_to") || !bytes.Equal(read(t, kept[0]), damaged) {
				t.Errorf("set aside are %q, want the damaged file as it was, and that the log names it: %v", kept, e)
			}

			o.Stop(t) // the new file is as good as any
			p = harness.StartProxy(t, setup)
			everything(t, client, p.URL, "env-a")
			if len(aside(t, path)) != 1 || logged(p.Process, "store_file_set_aside") {
				t.Error("another file was set aside at the next start")
			}
			stop(t, p)
		})
	}
}

// What a proxy must not use, or cannot, it refuses, says why, and leaves as it is.
func TestRefusedFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, path string) (refused string)
		says    []string
	}{
		"a newer schema": {func(t *testing.T, path string) string {
			inDatabase(t, path, func(tx *bbolt.Tx) error {
				number := binary.BigEndian.AppendUint32(nil, 2)
				number = binary.BigEndian.AppendUint32(number, crc32.Checksum(number, crc32.MakeTable(crc32.Castagnoli)))
				return tx.Bucket([]byte("edge-proxy")).Put([]byte("schema"), number)
			})
			return path
		}, []string{"newer version", "schema is 2", "move the file away"}},
		"a directory": {func(_ *testing.T, path string) string { return filepath.Dir(path) }, []string{"is a directory"}},
		"another kind of file": {func(t *testing.T, path string) string {
			write(t, path, []byte("{\"environments\": []}\n"))
			return path
		}, []string{"not a database of this program", "left as it is", "correct store.url"}},
		"another program's": {func(t *testing.T, path string) string {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			inDatabase(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("somebody else's"))
				return err
			})
			return path
		}, []string{"not a database of this program but that of another one", "left as it is"}},
		"no such directories": {func(_ *testing.T, path string) string {
			return filepath.Join(filepath.Dir(path), "neither", "nor", "documents.db")
		}, []string{"does not exist", "create it, or correct store.url"}},
		"a directory that must not be written to": {func(t *testing.T, _ string) string {
			return filepath.Join(readOnlyDirectory(t), "documents.db")
		}, []string{"permission denied", "must be able to write"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, setup, path := stored(t)
			refused := tt.prepare(t, path)
			before := read(t, path)
			setup.Config["store"] = map[string]any{"url": "bolt://" + refused}
			wantRefused(t, setup, append(tt.says, refused)...)
			if !bytes.Equal(read(t, path), before) || len(aside(t, path)) > 0 {
				t.Error("the good file was changed")
			}
		})
	}
}

// wantRefused starts a proxy that is to end with code 1 and to say all of this.
func wantRefused(t *testing.T, setup harness.Setup, says ...string) {
	t.Helper()
	result := harness.Run(t, setup)
	if result.Code != 1 {
		t.Errorf("exit code %d, want 1", result.Code)
	}
	for _, want := range says {
		if !strings.Contains(result.Stdout, want) {
			t.Errorf("it does not say %q:\n%s%s", want, result.Stdout, result.Stderr)
		}
	}
}

// readOnlyDirectory returns a directory in which this user can make no files. For
// the superuser that is one of the system's own.
func readOnlyDirectory(t *testing.T) string {
	t.Helper()
	if os.Geteuid() == 0 {
		return "/sys"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A file serves one process: a second is refused, and the first goes on.
func TestFileInUse(t *testing.T) {
	t.Parallel()
	o, setup, path := stored(t)
	client := origin.NewClient(t)
	p := harness.StartProxy(t, setup)
	wantRefused(t, setup, path, "in use by another process", "stop the other one")

	o.Serve(t, "env-a", origin.Document("env-a", time.Now().Add(time.Minute), "changed", ""))
	wait.Until(t, patience, "the first proxy serves the change", func() bool {
		value, err := client.Value(p.URL, "env-a")
		return err == nil && value == "changed"
	})
	stop(t, p)
	o.Stop(t)
	p = harness.StartProxy(t, setup)
	everything(t, client, p.URL, "env-a")
	if value, err := client.Value(p.URL, "env-a"); value != "changed" {
		t.Errorf("after a restart %q is served, %v", value, err)
	}
}

// A proxy whose disk is full serves what upstream sends, and says that it stores
// nothing. The limit on the size of files fails writes in the same way.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	o, client, path := origin.Start(t), origin.NewClient(t), newFile(t)
	o.Serve(t, "env-a", origin.Document("env-a", time.Now(), "large", strings.Repeat("padding ", 100_000)))
	setup := harness.Setup{Config: withStore(o.Config(0, "env-a"), path, 0.2)}
	limited := setup
	limited.Config = maps.Clone(setup.Config)
	limited.Binary, limited.Args = "/bin/sh", []string{"-c", `ulimit -f 400 && exec "$0"`, harness.Binary(t)}

	p := harness.StartProxy(t, limited)
	p.WaitReady(t)
	everything(t, client, p.URL, "env-a")
	if e := p.WaitEvent(t, patience, "store_unavailable"); !strings.Contains(e.Text("error"), "too large") || !strings.Contains(e.Text("error"), path) {
		t.Errorf("what is logged of it: %v", e)
	}
	stop(t, p)

	p = harness.StartProxy(t, setup) // there is room again
	p.WaitReady(t)
	stop(t, p)
	o.Stop(t)
	p = harness.StartProxy(t, setup)
	everything(t, client, p.URL, "env-a")
	if len(aside(t, path)) > 0 {
		t.Error("the file was set aside")
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func inDatabase(t *testing.T, path string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(change); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
