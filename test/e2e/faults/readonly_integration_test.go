//go:build integration && linux

package faults_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// A file system that becomes read-only under a running node, as Linux makes it when it finds an
// error in it, takes the store away, and nothing else. When it is repaired, which needs the
// node to end, the file of the store is whole and no request was lost or counted twice.
func TestDiskTurnsReadOnly(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := newDiscoveredWorld(t)
	settings := w.discovering(0, patience)
	settings["store"] = map[string]any{"url": "bolt://" + filepath.Join(d.dir, "documents.db")}
	setup := harness.Setup{Config: settings}
	var admin string
	start := func() {
		t.Helper()
		o := harness.StartOperated(t, setup)
		w.proxy, admin = o.Proxy, o.Admin
	}
	storeIs := func(up string) {
		t.Helper()
		wait.Until(t, patience, "edge_proxy_store_up "+up, func() bool {
			_, metrics := harness.Ask(t, http.MethodGet, admin+"/metrics")
			return strings.Contains(metrics, "\nedge_proxy_store_up "+up+"\n")
		})
	}
	asked := int64(0)
	ask := func() {
		t.Helper()
		w.flags(10)
		asked += 10
	}
	reported := func() {
		t.Helper()
		wait.Until(t, patience, "the reports", func() bool { return w.usage() >= asked })
	}

	start()
	storeIs("1")
	// Some counts are in the store when it goes away.
	if err := w.Fail(fakeflagsmith.ProxyUsage, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: http.StatusServiceUnavailable}); err != nil {
		t.Fatal(err)
	}
	ask()
	tries := len(w.Requests(fakeflagsmith.ProxyUsage))
	wait.Until(t, patience, "the counts to be stored", func() bool { return len(w.Requests(fakeflagsmith.ProxyUsage)) >= tries+3 })

	d.failHard()
	w.change()
	w.servesDocument()
	if e := w.proxy.WaitEvent(t, patience, "store_unavailable"); !strings.Contains(e.Text("error"), "read-only file system") {
		t.Errorf("logged %v", e)
	}
	storeIs("0")
	w.isReady()
	ask()
	if err := w.Fail(fakeflagsmith.ProxyUsage); err != nil {
		t.Fatal(err)
	}
	reported()
	ask()
	reported()
	w.change()
	w.servesDocument()
	storeIs("0")
	w.hasNotLogged("store_available", "usage_dropped")
	ask()
	w.proxy.Signal(t, syscall.SIGTERM)
	if code := w.proxy.Wait(t, patience); code != 1 { // as it cannot write what is delayed
		t.Errorf("exit code %d after SIGTERM", code)
	}
	reported() // the last counts are sent when the node ends
	if got := harness.Run(t, setup); got.Code != 1 || !strings.Contains(got.Stdout+got.Stderr, "read-only file system") {
		t.Errorf("a start on the disk before it is repaired: exit code %d\n%s", got.Code, got.Stdout+got.Stderr)
	}

	d.repair()
	start()
	w.servesDocument()
	storeIs("1")
	w.hasNotLogged("store_file_set_aside", "store_unavailable")
	ask()
	reported()
	w.stops()
	if got := w.usage(); got != asked {
		t.Errorf("%d requests were reported, want %d", got, asked)
	}
	verified := harness.Setup{Config: settings, Args: []string{"store", "verify"}}
	if got := harness.Run(t, verified); got.Code != 0 {
		t.Errorf("store verify: %+v", got)
	}
}

// hasNotLogged fails the test for each event of these names that the proxy has logged.
func (w *world) hasNotLogged(names ...string) {
	w.t.Helper()
	for _, e := range w.proxy.Events() {
		if slices.ContainsFunc(names, e.Named) {
			w.t.Errorf("logged %v", e)
		}
	}
}

// servesDocument is serves without requests for flags, which are counted.
func (w *world) servesDocument() {
	w.t.Helper()
	want := fmt.Sprintf(`"feature_state_value":"%d"`, w.revision.Load())
	wait.Until(w.t, slack, "the newest document", func() bool {
		_, body, err := w.client.Document(w.proxy.URL, key)
		return err == nil && strings.Contains(string(body), want)
	})
}

// disk is an ext4 file system of its own, which becomes read-only when the kernel finds an error
// in it.
type disk struct {
	t      *testing.T
	device string
	dir    string
}

// newDisk mounts a disk until the end of the test.
func newDisk(t *testing.T) *disk {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 32<<20); err != nil {
		t.Fatal(err)
	}
	if text, err := asRoot("mkfs.ext4", "-q", "-F", image); err != nil {
		t.Fatalf("this test makes an ext4 file system as root, or by sudo without a password: %v %s", err, text)
	}
	device, err := asRoot("losetup", "--find", "--show", image)
	if err != nil {
		t.Fatalf("this test needs a loop device: %v %s", err, device)
	}
	d := &disk{t: t, device: strings.TrimSpace(device), dir: t.TempDir()}
	t.Cleanup(func() { d.root("losetup", "--detach", d.device) })
	d.mount()
	t.Cleanup(func() { d.root("umount", d.dir) })
	return d
}

func (d *disk) mount() {
	d.t.Helper()
	d.root("mount", "-o", "errors=remount-ro", d.device, d.dir)
	d.root("chown", fmt.Sprint(os.Getuid()), d.dir)
}

// failHard makes the kernel find an error in the file system.
func (d *disk) failHard() {
	d.t.Helper()
	d.root("sh", "-c", "echo 1 >/sys/fs/ext4/"+filepath.Base(d.device)+"/trigger_fs_error")
	if err := os.WriteFile(filepath.Join(d.dir, "written"), nil, 0o600); err == nil {
		d.t.Fatal("the disk can still be written to")
	}
}

// repair makes the file system one that can be written to again. Linux refuses that for as long as
// it is mounted.
func (d *disk) repair() {
	d.t.Helper()
	d.root("umount", d.dir)
	var exit *exec.ExitError
	if text, err := asRoot("e2fsck", "-f", "-y", d.device); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: repaired
		d.t.Fatalf("e2fsck: %v %s", err, text)
	}
	d.mount()
}

func (d *disk) root(command ...string) {
	d.t.Helper()
	if text, err := asRoot(command...); err != nil {
		d.t.Errorf("%s: %v %s", strings.Join(command, " "), err, text)
	}
}

// asRoot runs a command as root.
func asRoot(command ...string) (output string, err error) {
	if os.Getuid() != 0 {
		command = append([]string{"sudo", "-n"}, command...)
	}
	text, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	return string(text), err
}
