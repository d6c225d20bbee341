package reload_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// clients ask all the while until stop is called. Whatever is not answered 200 is
// an error.
func (w *world) clients(t *testing.T) (asked *atomic.Int64, stop func()) {
	t.Helper()
	asked = new(atomic.Int64)
	done := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		client := newClient(t)
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var response *http.Response
				var err error
				if i%2 == 0 {
					response, _, err = ask(t.Context(), client, http.MethodGet, w.URL+"/api/v1/flags/", "", "X-Environment-Key: "+clientKey)
				} else {
					response, _, err = ask(t.Context(), client, http.MethodPost, w.URL+"/api/v1/identities/", `{"identifier":"someone"}`,
						"X-Environment-Key: "+clientKey, "Content-Type: application/json")
				}
				if err == nil && response.StatusCode != http.StatusOK {
					err = fmt.Errorf("status %d", response.StatusCode)
				}
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	var once sync.Once
	stop = func() { once.Do(func() { close(done); all.Wait() }) }
	t.Cleanup(stop)
	return asked, stop
}

// during waits for a few more answers.
func (w *world) during(t *testing.T, asked *atomic.Int64) {
	t.Helper()
	enough := asked.Load() + 50
	w.eventually(t, "requests go on", func() bool { return t.Failed() || asked.Load() >= enough })
}

func TestKeysRotateWithOverlap(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	asked, stop := w.clients(t)
	before := w.polls(t, clientKey)
	if got := w.opens(t, newKey); got != http.StatusUnauthorized {
		t.Errorf("the new key is answered %d before it is there", got)
	}

	// Both are valid, the new one fetches.
	changed(t, w.reload(t, object{"environment_key_pairs": []any{pair(newKey, clientKey), pair(serverKey, clientKey)}}, reloaded), "environment_key_pairs")
	w.during(t, asked)
	for _, key := range []string{serverKey, newKey} {
		if got := w.opens(t, key); got != http.StatusOK {
			t.Errorf("during the overlap the key that ends in %s is answered %d", key[len(key)-4:], got)
		}
	}
	// The old one is gone.
	event := w.reload(t, object{"environment_key_pairs": []any{pair(newKey, clientKey)}}, reloaded)
	changed(t, event, "environment_key_pairs")
	if event["environments"] != 1.0 || event["server_side_keys"] != 1.0 {
		t.Errorf("the event counts wrongly: %v", event)
	}
	w.during(t, asked)
	if old, recent := w.opens(t, serverKey), w.opens(t, newKey); old != http.StatusUnauthorized || recent != http.StatusOK {
		t.Errorf("after the rotation the old key is answered %d, the new one %d", old, recent)
	}
	stop()
	if after := w.polls(t, clientKey); after != before {
		t.Errorf("the document was fetched %d times more", after-before)
	}
}

func TestEnvironmentsComeAndGo(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	asked, stop := w.clients(t)
	before := w.polls(t, clientKey)
	for round := range 3 {
		if got := w.flags(t, otherKey); got != http.StatusUnauthorized {
			t.Errorf("round %d: an environment that is not there is answered %d", round, got)
		}
		w.reload(t, object{"environment_key_pairs": []any{pair(serverKey, clientKey), pair(otherSer, otherKey)}}, reloaded)
		w.eventually(t, "the new environment is served", func() bool {
			got := w.flags(t, otherKey)
			if got != http.StatusOK && got != http.StatusServiceUnavailable {
				t.Fatalf("round %d: the new environment is answered %d", round, got)
			}
			return got == http.StatusOK
		})
		w.during(t, asked)
		w.reload(t, nil, reloaded)
		if client, server := w.flags(t, otherKey), w.opens(t, otherSer); client != http.StatusUnauthorized || server != http.StatusUnauthorized {
			t.Errorf("round %d: the removed environment is answered %d and %d", round, client, server)
		}
	}
	stop()
	if after := w.polls(t, clientKey); after != before {
		t.Errorf("the document of the environment that stayed was fetched %d times more", after-before)
	}
}

// A variable takes precedence over the file, after a reload as before.
func TestVariablesStillWin(t *testing.T) {
	t.Parallel()
	w := start(t, nil, map[string]string{"LOGGING_LOG_LEVEL": "DEBUG"})
	w.reload(t, object{"logging": object{"log_level": "ERROR"}}, unchanged)
}
