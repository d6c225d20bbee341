package warmstart_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// A proxy that starts while upstream is away serves everything it had within 200 ms.
// That is about a released binary on a machine that does nothing else, so the median of
// several starts is shown, and only a multiple of it fails the test. Here the proxy is
// built as the tests are, so that nothing is compiled for it alone; TestReleaseServesFromTheStart
// times it as it is released.
func TestServesFromTheStart(t *testing.T) { servesFromTheStart(t, harness.Binary(t)) }

func servesFromTheStart(t *testing.T, binary string) {
	t.Helper()
	const (
		starts = 7
		bound  = 10 * 200 * time.Millisecond
	)
	o, client, path := origin.Start(t), origin.NewClient(t), newFile(t)
	keys := []string{profile.ClientKey, "env-a", "env-b"}
	o.Serve(t, keys[0], profile.Document(profile.Default()))
	for _, key := range keys[1:] {
		o.Serve(t, key, origin.Document(key, time.Now(), "kept", ""))
	}
	setup := harness.Setup{Binary: binary, Config: withStore(o.Config(0, keys...), path, 0.5)}
	p := harness.StartProxy(t, setup)
	p.WaitReady(t)
	want := map[string][]byte{}
	for _, key := range keys {
		for _, answer := range everything(t, client, p.URL, key) {
			want[answer.what] = answer.body
		}
	}
	stop(t, p)
	o.Stop(t)

	var took []time.Duration
	for range starts {
		began := time.Now()
		p = harness.StartProxy(t, setup)
		var got []answer
		for _, key := range keys {
			got = append(got, everything(t, client, p.URL, key)...)
		}
		took = append(took, time.Since(began))
		for _, a := range got {
			if !bytes.Equal(a.body, want[a.what]) {
				t.Errorf("%s differs from before the restart: %.200s", a.what, a.body)
			}
		}
		stop(t, p)
	}
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("from process start to flags, identities and documents of %d environments: median %s, fastest %s, slowest %s (of %d starts)",
		len(keys), median.Round(time.Millisecond), took[0].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), starts)
	if median > bound {
		t.Errorf("the median is %s, want at most %s even on a busy machine", median, bound)
	}
}

type answer struct {
	what string
	body []byte
}

// everything asks for all that there is of an environment, until it is there: a
// proxy listens before it is done with reading its store when that takes it more
// than a second.
func everything(t *testing.T, client *origin.Client, url, key string) []answer {
	t.Helper()
	var all []answer
	await := func(what string, ask func() (int, []byte, error)) {
		t.Helper()
		what += " of " + key
		wait.Until(t, patience, what+" can be had", func() bool {
			status, body, err := ask()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if status != http.StatusOK {
				return false
			}
			all = append(all, answer{what, body})
			return true
		})
	}
	await("flags", func() (int, []byte, error) { return client.Flags(url, key) })
	await("identity", func() (int, []byte, error) { return client.Identity(url, key, "user_1") })
	await("document", func() (int, []byte, error) { return client.Document(url, key) })
	return all
}

// The time upstream last confirmed the documents survives the restart, and
// readiness follows the grace period from then.
func TestReadinessAfterRestart(t *testing.T) {
	t.Parallel()
	const interval = 0.2
	o, client, path := origin.Start(t), origin.NewClient(t), newFile(t)
	keys := []string{"env-a", "env-b"}
	for _, key := range keys {
		o.Serve(t, key, origin.Document(key, time.Now(), "kept", ""))
	}
	config := func(grace any) harness.Setup {
		c := withStore(o.Config(0, keys...), path, interval)
		c["health_check"] = map[string]any{"environment_update_grace_period_seconds": grace}
		return harness.Setup{Config: c, Env: map[string]string{"LOGGING_LOG_LEVEL": "DEBUG"}} // each failed poll is logged
	}
	p := harness.StartProxy(t, config(30))
	p.WaitReady(t)
	o.Stop(t)
	awaitFailedPolls(t, p, keys)
	confirmed := client.Readiness(t, p.URL).LastUpdate
	stop(t, p)
	if confirmed.IsZero() {
		t.Fatal("nothing was confirmed before the restart")
	}

	const short = 0.5
	total := time.Duration((interval + float64(len(keys))*short) * float64(time.Second))
	<-time.After(time.Until(confirmed.Add(total + 50*time.Millisecond)))
	for name, tt := range map[string]struct {
		grace  any
		status int
		reason string
	}{
		"within":  {3600, http.StatusOK, ""},
		"over":    {short, http.StatusServiceUnavailable, "environment document(s) stale."},
		"without": {nil, http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := harness.StartProxy(t, config(tt.grace))
			for _, key := range keys {
				everything(t, client, p.URL, key) // stale or not
			}
			got := client.Readiness(t, p.URL)
			if got.Status != tt.status || got.Reason != tt.reason {
				t.Errorf("readiness %d %q, want %d %q", got.Status, got.Reason, tt.status, tt.reason)
			}
			// Stores keep microseconds.
			if !got.LastUpdate.Equal(confirmed.Truncate(time.Microsecond)) {
				t.Errorf("last confirmed at %s, want %s as before the restart", got.LastUpdate, confirmed)
			}
			stop(t, p)
		})
	}
}

// awaitFailedPolls waits until a poll of each environment failed: what was under way
// when upstream went has come to an end.
func awaitFailedPolls(t *testing.T, p *harness.Proxy, keys []string) {
	t.Helper()
	for _, key := range keys {
		p.WaitEvent(t, patience, "error_fetching_document", func(e harness.Event) bool { return e.Text("client_side_key") == key })
	}
}

// After a restart the first poll that upstream answers is conditional.
func TestFirstPollAfterRestart(t *testing.T) {
	t.Parallel()
	o, client, path := origin.Start(t), origin.NewClient(t), newFile(t)
	updated := time.Now().Truncate(time.Second)
	o.Serve(t, "env-a", origin.Document("env-a", updated, "kept", ""))
	setup := harness.Setup{Config: withStore(o.Config(0, "env-a"), path, 0.2)}
	p := harness.StartProxy(t, setup)
	p.WaitReady(t)
	stop(t, p)
	o.Stop(t)

	p = harness.StartProxy(t, setup)
	everything(t, client, p.URL, "env-a")
	before := client.Readiness(t, p.URL).LastUpdate
	target := fakeflagsmith.DocumentOf("env-a")
	asked := len(o.Requests(target))
	o.Resume(t)
	wait.Until(t, patience, "the confirmation moves on", func() bool { return client.Readiness(t, p.URL).LastUpdate.After(before) })
	first := o.Requests(target)[asked]
	if got, want := fmt.Sprint(first.Header["If-Modified-Since"], first.Status), fmt.Sprint([]string{updated.UTC().Format(http.TimeFormat)}, 304); got != want {
		t.Errorf("the first poll and its answer: %s, want %s", got, want)
	}
}
