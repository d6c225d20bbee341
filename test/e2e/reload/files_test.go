package reload_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
)

func (w *world) put(t *testing.T, document string) {
	t.Helper()
	err := w.upstream.PutEnvironment(t.Context(), fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey, newKey}, Document: []byte(document)})
	if err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// configMap writes a file as Kubernetes mounts it: a link to a link that is swapped.
func configMap(t *testing.T, dir, version, name, text string) {
	t.Helper()
	mkdir(t, filepath.Join(dir, ".."+version))
	writeFile(t, filepath.Join(dir, ".."+version, name), text)
	symlink(t, ".."+version, filepath.Join(dir, "..data_tmp"))
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
		symlink(t, filepath.Join("..data", name), filepath.Join(dir, name))
	}
}

// Secrets are re-read when their files change, and the configuration file is not,
// unless server.reload is on.
func TestSecretFilesAreWatched(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, dir, text string){
		"written in place": func(t *testing.T, dir, text string) { writeFile(t, filepath.Join(dir, "key"), text) },
		"renamed over":     func(t *testing.T, dir, text string) { replaceFile(t, filepath.Join(dir, "key"), text) },
		"link swapped":     func(t *testing.T, dir, text string) { configMap(t, dir, text[len(text)-4:], "key", text) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secrets := t.TempDir()
			replace(t, secrets, serverKey)
			w := start(t, object{"environment_key_pairs": []any{pair(object{"file": filepath.Join(secrets, "key")}, clientKey)}}, nil)
			// A change of the file, not to be seen yet.
			w.write(t, w.with(object{"allow_origins": []any{"https://app.example"}}))
			event := w.next(t, reloaded, func() { replace(t, secrets, newKey) })
			changed(t, event, "environment_key_pairs")
			if event.Text("trigger") != "changed files" {
				t.Errorf("the event is %v", event)
			}
			if old, recent := w.opens(t, serverKey), w.opens(t, newKey); old != http.StatusUnauthorized || recent != http.StatusOK {
				t.Errorf("the old key is answered %d, the new one %d", old, recent)
			}
			changed(t, w.hangup(t, reloaded), "allow_origins")
			// A wrong one changes nothing, and what follows is seen.
			w.next(t, failed, func() { replace(t, secrets, "no key 0003") })
			if got := w.opens(t, newKey); got != http.StatusOK {
				t.Errorf("the key in force is answered %d", got)
			}
			w.next(t, reloaded, func() { replace(t, secrets, " "+serverKey+" ") })
			if got := w.opens(t, serverKey); got != http.StatusOK {
				t.Errorf("the last key is answered %d", got)
			}
		})
	}
}

// A secret is still watched while the configuration file is broken.
func TestSecretsRotateBesideABrokenFile(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	writeFile(t, key, serverKey)
	w := start(t, object{"environment_key_pairs": []any{pair(object{"file": key}, clientKey)}}, nil)
	writeFile(t, w.path, "{")
	w.hangup(t, failed)
	w.next(t, reloaded, func() { writeFile(t, key, newKey) })
	if got := w.opens(t, newKey); got != http.StatusOK {
		t.Errorf("the new key is answered %d", got)
	}
}

func TestFilesNamedByVariables(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	keys, hook := filepath.Join(secrets, "keys"), filepath.Join(secrets, "hook")
	list := func(pairs ...any) string {
		text, err := json.Marshal(pairs)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	writeFile(t, keys, list(pair(serverKey, clientKey)))
	writeFile(t, hook, "hook-secret-1\n")
	w := start(t, object{"environment_key_pairs": nil}, map[string]string{"ENVIRONMENT_KEY_PAIRS_FILE": keys, "WEBHOOK_SECRET_FILE": hook})
	event := w.next(t, reloaded, func() { replaceFile(t, keys, list(pair(serverKey, clientKey), pair(otherSer, otherKey))) })
	changed(t, event, "environment_key_pairs")
	event = w.next(t, reloaded, func() { writeFile(t, hook, "hook-secret-2\n") })
	changed(t, event, "webhook.secret")
	if old, recent := w.webhook(t, "hook-secret-1"), w.webhook(t, "hook-secret-2"); old != http.StatusUnauthorized || recent != http.StatusOK {
		t.Errorf("the webhook answers %d with its old secret and %d with its new one", old, recent)
	}
	w.eventually(t, "the new environment is served", func() bool { return w.flags(t, otherKey) == http.StatusOK })
}

// With server.reload the configuration file is watched, however it is replaced.
func TestTheConfigurationFileIsWatched(t *testing.T) {
	t.Parallel()
	w := start(t, object{"server": object{"reload": true}}, nil)
	text := func(origin string) string {
		b, err := json.Marshal(w.with(object{"allow_origins": origin}))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, write := range map[string]func(){
		"renamed over":  func() { replaceFile(t, w.path, text("https://1.example")) },
		"written":       func() { writeFile(t, w.path, text("https://2.example")) },
		"removed first": func() { _ = os.Remove(w.path); writeFile(t, w.path, text("https://3.example")) },
		"in a burst": func() {
			for range 20 {
				writeFile(t, w.path, "{")
			}
			replaceFile(t, w.path, text("https://4.example"))
		},
	} {
		before := len(w.events(reloaded)) + len(w.events(failed))
		changed(t, w.next(t, reloaded, write), "allow_origins")
		w.hangup(t, unchanged) // what was under way is over
		if n := len(w.events(reloaded)) + len(w.events(failed)) - before; n != 1 {
			t.Errorf("%s: %d reloads, want 1", name, n)
		}
	}
	// Once it is off, a hangup is needed, and it can be turned on again.
	w.next(t, reloaded, func() { w.write(t, w.with(object{"server": object{"reload": false}})) })
	w.write(t, w.with(object{"allow_origins": "https://5.example"}))
	changed(t, w.hangup(t, reloaded), "allow_origins", "server.reload")
	changed(t, w.next(t, reloaded, func() { w.write(t, w.base) }), "allow_origins")
}

func TestTheConfigurationFileOfAConfigMapIsWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The file that is written first takes part as what the link leads to.
	mkdir(t, filepath.Join(dir, "..1"))
	symlink(t, "..1", filepath.Join(dir, "..data"))
	symlink(t, filepath.Join("..data", "config.json"), filepath.Join(dir, "config.json"))
	w := startIn(t, dir, object{"server": object{"reload": true}}, nil)
	text, err := json.Marshal(w.with(object{"allow_origins": "https://app.example"}))
	if err != nil {
		t.Fatal(err)
	}
	changed(t, w.next(t, reloaded, func() { configMap(t, dir, "2", "config.json", string(text)) }), "allow_origins")
}

// Any number of hangups, at any time: the last file counts.
func TestAStormOfHangups(t *testing.T) {
	t.Parallel()
	w := start(t, object{"server": object{"reload": true}}, nil)
	asked, stop := w.clients(t)
	for i := range 200 {
		if i%10 == 0 {
			pairs := []any{pair(serverKey, clientKey), pair(otherSer, otherKey)}
			text, err := json.Marshal(w.with(object{"environment_key_pairs": pairs[:1+i/10%2], "allow_origins": []any{"*", "https://app.example"}[i/10%2]}))
			if err != nil {
				t.Fatal(err)
			}
			replaceFile(t, w.path, string(text))
			w.during(t, asked)
		}
		w.Signal(t, syscall.SIGHUP)
	}
	w.eventually(t, "the last file is in force", func() bool { return w.flags(t, otherKey) == http.StatusOK })
	stop()
	w.hangup(t, unchanged)
	if n := len(w.events(failed)); n != 0 {
		t.Errorf("%d reloads failed", n)
	}
}

func TestHangupsDuringShutdown(t *testing.T) {
	t.Parallel()
	w := start(t, object{"server": object{"drain_delay_seconds": 1.5, "reload": true}}, nil)
	w.write(t, w.with(object{"environment_key_pairs": []any{pair(serverKey, clientKey), pair(otherSer, otherKey)}}))
	w.Signal(t, syscall.SIGHUP)
	w.Signal(t, syscall.SIGTERM)
	w.WaitEvent(t, patience, "shutting_down")
	hangups := time.NewTicker(20 * time.Millisecond)
	defer hangups.Stop()
	for range 20 { // within the drain delay
		<-hangups.C
		w.write(t, w.base)
		w.Signal(t, syscall.SIGHUP)
	}
	if code := w.Wait(t, patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	w.WaitEvent(t, 0, "stopped")
}
