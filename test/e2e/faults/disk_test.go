//go:build linux

package faults_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
)

// onDisk returns how the proxy starts with a bbolt store on a disk of its own, which only it
// sees and which the script prepares; $DISK is its directory.
func (w *world) onDisk(script string) (s harness.Setup, dir string) {
	w.t.Helper()
	dir = w.t.TempDir()
	c := config(w.URL(0))
	c["store"] = map[string]any{"url": "bolt://" + filepath.Join(dir, "documents.db")}
	return harness.Setup{
		Config: c, Env: map[string]string{"DISK": dir},
		Binary: "/usr/bin/unshare",
		Args:   []string{"--user", "--map-root-user", "--mount", "/bin/sh", "-c", script + ` && exec "$0"`, harness.Binary(w.t)},
	}, dir
}

// A disk that is full keeps nobody from the flags. Once there is room, documents are stored
// again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	setup, dir := w.onDisk(`mount -t tmpfs -o size=16m disk "$DISK"`)
	resize := func(size string) {
		t.Helper()
		enter := exec.Command("nsenter", "--user", "--mount", "--preserve-credentials", "--target", strconv.Itoa(w.proxy.PID()),
			"mount", "-o", "remount,size="+size, dir)
		if out, err := enter.CombinedOutput(); err != nil {
			t.Fatalf("resizing: %v\n%s", err, out)
		}
	}
	w.start(setup)
	w.through(func() {
		resize("256k")
		w.grow()
		w.serves()
		if e := w.proxy.WaitEvent(t, patience, "store_unavailable"); !strings.Contains(e.Text("error"), "no space left") {
			t.Errorf("logged %v", e)
		}
		w.isReady()
		resize("16m")
		w.change()
		w.serves()
		w.proxy.WaitEvent(t, patience, "store_available")
	})
	w.stops()
}

// A disk that is read-only ends the start, with the reason.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	setup, dir := w.onDisk(`mount -t tmpfs -o ro disk "$DISK"`)
	got := harness.Run(t, setup)
	if text := got.Stdout + got.Stderr; got.Code != 1 || !strings.Contains(text, "read-only file system") || !strings.Contains(text, dir) {
		t.Errorf("exit code %d\n%s", got.Code, text)
	}
}

// grow is change to a document that takes more room.
func (w *world) grow() {
	w.t.Helper()
	n := w.revision.Add(1)
	w.Serve(w.t, key, origin.Document(key, w.base.Add(time.Duration(n)*time.Second), strconv.FormatInt(n, 10), strings.Repeat("padding ", 100_000)))
}
