package reload_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// The problem is reported, and nothing changes.
func TestWrongConfigurationsChangeNothing(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	text := func(settings object) string {
		b, err := json.Marshal(w.with(settings))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	whole := text(nil)
	quiet := object{"log_level": "CRITICAL"} // would be seen to have been applied
	for name, c := range map[string]struct {
		file     string // "" removes it
		problems []string
	}{
		"gone":           {"", []string{"was there before"}},
		"empty":          {" ", []string{"it is empty"}},
		"cut off":        {whole[:len(whole)-40], []string{"is not valid JSON"}},
		"a wrong value":  {text(object{"api_poll_timeout_seconds": -1, "logging": quiet}), []string{"api_poll_timeout_seconds is \"-1\""}},
		"several":        {text(object{"api_poll_timeout_seconds": "soon", "server": object{"port": 70000}, "logging": quiet}), []string{"api_poll_timeout_seconds", "server.port"}},
		"a key twice":    {text(object{"environment_key_pairs": []any{pair(newKey, "a"), pair(newKey, "b")}, "logging": quiet}), []string{"ser.…0002"}},
		"keys swapped":   {text(object{"environment_key_pairs": []any{pair("client", newKey)}, "logging": quiet}), []string{`"****"`, "ser.…0002"}},
		"no keys":        {text(object{"environment_key_pairs": []any{}, "logging": quiet}), []string{"environment_key_pairs is empty"}},
		"no such file":   {text(object{"environment_key_pairs": []any{pair(object{"file": "/none/such"}, "a")}, "logging": quiet}), []string{"is not readable"}},
		"unknown store":  {text(object{"store": object{"url": "filing-cabinet:"}, "logging": quiet}), []string{"filing-cabinet"}},
		"wrong override": {text(object{"logging": object{"log_level": "CRITICAL", "override": object{"handlers": object{"mail": object{"class": "logging.handlers.SMTPHandler"}}}}}), []string{"SMTPHandler"}},
		"no directory":   {text(object{"logging": object{"log_level": "CRITICAL", "override": object{"handlers": object{"f": object{"class": "logging.FileHandler", "filename": "/none/such/log"}}}}}), []string{"does not exist"}},
	} {
		before := len(w.events(failed))
		if c.file == "" {
			if err := os.Remove(w.path); err != nil {
				t.Fatal(err)
			}
		} else {
			writeFile(t, w.path, c.file)
		}
		w.hangup(t, failed)
		w.eventually(t, name+": a line for each problem", func() bool { return len(w.events(failed)) == before+len(c.problems) })
		for i, e := range w.events(failed)[before:] {
			if !strings.Contains(e.Text("problem"), c.problems[i]) || e.Text("trigger") != "SIGHUP" || e.Text("level") != "error" {
				t.Errorf("%s: %v, want one about %s", name, e, c.problems[i])
			}
		}
		if own, others := w.opens(t, serverKey), w.opens(t, newKey); own != http.StatusOK || others != http.StatusUnauthorized {
			t.Errorf("%s: the key in force is answered %d, that of the wrong file %d", name, own, others)
		}
	}
	// What was refused left nothing behind.
	writeFile(t, w.path, whole)
	w.hangup(t, unchanged)
	w.reload(t, object{"environment_key_pairs": []any{pair(newKey, clientKey)}}, reloaded)
	if got := w.opens(t, newKey); got != http.StatusOK {
		t.Errorf("a right configuration after wrong ones: %d", got)
	}
}

func TestWhatNeedsARestartStays(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	port := harness.FreePort(t)
	restart := object{
		"api_url": "http://127.0.0.1:1/api/v1", "server": object{"port": port, "read_timeout_seconds": 1}, "store": object{"url": "redis://127.0.0.1:1"},
		"realtime_url": "http://127.0.0.1:1",
	}
	names := []string{"api_url", "server.port", "server.read_timeout_seconds", "store.url", "realtime_url"}
	event := w.reload(t, restart, needsRestart)
	changed(t, event, names...)
	if event.Text("level") != "warning" {
		t.Errorf("the event is %v", event)
	}
	if n := len(w.events(reloaded)); n != 0 {
		t.Errorf("%d events say that something took effect", n)
	}
	// Something that is live takes effect, what waits is named again.
	both := w.with(restart)
	both["allow_origins"] = []any{"https://app.example"}
	w.write(t, both)
	changed(t, w.hangup(t, reloaded), "allow_origins")
	w.eventually(t, "the rest is named again", func() bool { return len(w.events(needsRestart)) == 2 })
	changed(t, w.events(needsRestart)[1], names...)
	if got := w.flags(t, clientKey); got != http.StatusOK {
		t.Errorf("the proxy answers %d where it listened", got)
	}
	// Once it is taken back, nothing has changed.
	changed(t, w.reload(t, nil, reloaded), "allow_origins")
	w.hangup(t, unchanged)
	if n := len(w.events(needsRestart)); n != 2 {
		t.Errorf("%d events say that a restart is needed, want 2", n)
	}
}
