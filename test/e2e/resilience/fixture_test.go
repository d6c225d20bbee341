package resilience_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	clientKey = "client_resilience"
	serverKey = "ser.resilience-secret-0001"

	interval    = 50 * time.Millisecond
	grace       = 350 * time.Millisecond
	timeout     = 400 * time.Millisecond // of a request
	maxDocument = 64 << 10
	// patience is how long a test waits. It is long, since machines are slow at
	// times, and only a failing test waits that long.
	patience = time.Minute
)

// document is an environment document of the given time whose only flag has this
// name, with a few identity overrides and padding in bytes.
func document(at time.Time, flag string, padding int) []byte {
	feature := fmt.Sprintf(`{"django_id":1,"enabled":true,"feature":{"id":1,"name":%q,"type":"STANDARD"},"feature_state_value":null}`, flag)
	var overrides []string
	for i := range 6 {
		overrides = append(overrides, fmt.Sprintf(`{"identifier":"user-%d","identity_features":[%s]}`, i, feature))
	}
	return fmt.Appendf(nil, `{"updated_at":%q,"api_key":%q,"name":"Test","project":{"segments":[]},"feature_states":[%s],"identity_overrides":[%s],"padding":%q}`,
		at.UTC().Format(time.RFC3339Nano), clientKey, feature, strings.Join(overrides, ","), strings.Repeat("x", padding))
}

// world is an application and its upstream.
type world struct {
	*app.App
	fake    *fakeflagsmith.Server
	address string
	log     *journal
	offset  atomic.Int64 // of the application's clock
	base    time.Time    // of the documents' times, a whole second
	// How upstream serves its documents; see fakeflagsmith.Environment.
	pageSize int
	links    fakeflagsmith.LinkForm
}

// newWorld makes a world in which nothing runs yet.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{fake: fakeflagsmith.New(), log: &journal{}, base: time.Now().Truncate(time.Second)}
	// The address is kept for upstream to come up at.
	l := listen(t, "127.0.0.1:0")
	w.address = l.Addr().String()
	_ = l.Close()
	return w
}

func listen(t *testing.T, address string) (l net.Listener) {
	t.Helper()
	var err error
	wait.Until(t, patience, "listening on "+address, func() bool {
		l, err = net.Listen("tcp", address)
		return err == nil
	})
	return l
}

// startUpstream makes upstream answer until the end of the test.
func (w *world) startUpstream(t *testing.T) {
	t.Helper()
	w.serveUpstream(t, w.address, w.fake)
}

func (w *world) serveUpstream(t *testing.T, address string, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	l := listen(t, address)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		w.fake.Close()
		_ = server.Close()
		<-served
	})
}

// put makes upstream serve a document, so much newer than the base.
func (w *world) put(t *testing.T, newer time.Duration, flag string) {
	t.Helper()
	err := w.fake.PutEnvironment(fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document(w.base.Add(newer), flag, 0),
		PageSize: w.pageSize, Links: w.links,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fail makes upstream fail from now on; without steps it is well again.
func (w *world) fail(t *testing.T, steps ...fakeflagsmith.Failure) {
	t.Helper()
	if err := w.fake.Fail(fakeflagsmith.EveryDocument, steps...); err != nil {
		t.Fatal(err)
	}
}

// startApp runs the application until the end of the test.
func (w *world) startApp(t *testing.T) {
	t.Helper()
	w.runApp(t, interval, grace, timeout, domain.EnvironmentKeys{
		Client: clientKey, Server: []domain.Credential{domain.NewCredential(domain.NewServerKey(serverKey), time.Time{})},
	})
}

func (w *world) runApp(t *testing.T, interval, grace, timeout time.Duration, environments ...domain.EnvironmentKeys) {
	t.Helper()
	client, err := flagsmith.New(flagsmith.Options{
		APIURL: &url.URL{Scheme: "http", Host: w.address, Path: "/api/v1"}, Timeout: timeout, MaxDocumentBytes: maxDocument, UserAgent: "edge-proxy/test",
	})
	if err != nil {
		t.Fatal(err)
	}
	store, err := memory.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.App = app.New(app.Config{
		Environments: environments, Freshness: domain.Freshness{PollInterval: interval, Grace: &grace}, PollConcurrency: 16,
		Lease: 2 * interval, Node: "node", ShutdownTimeout: 10 * time.Second,
	}, app.Deps{
		Upstream: client, Store: store, Presenter: nothing{},
		Logger: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time {
			offset := time.Duration(w.offset.Load())
			if offset == 0 {
				return time.Now()
			}
			return time.Now().Round(0).Add(offset)
		},
		Random: rand.Float64,
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, &input{make(chan struct{})}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		client.Close()
		for line := range strings.Lines(w.log.text()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("a line of the log is not JSON: %s", line)
			}
		}
		if key := wholeKey.FindString(w.log.text()); key != "" {
			t.Errorf("the log shows a server-side key that begins with %q", key[:6])
		}
		if t.Failed() {
			t.Logf("the log ends with:\n%s", w.log.tail())
		}
	})
}

// flag returns the name of the served document's flag, "" without a document.
func (w *world) flag() string {
	e := w.Snapshot().Environment(clientKey)
	if e == nil {
		return ""
	}
	return e.Program.Outcomes()[e.Program.Flags()[0]].Feature.Name
}

// state returns the state of readiness.
func (w *world) state() domain.State { return w.Readiness().State }

// waitFor waits until holds does, during which only documents with one of these
// flags may be served.
func (w *world) waitFor(t *testing.T, what string, holds func() bool, flags ...string) {
	t.Helper()
	wait.Until(t, patience, what, func() bool {
		// In this order: what holds may be that a document came.
		held := holds()
		if flag := w.flag(); !contains(flags, flag) {
			t.Fatalf("waiting for %s: flag %q is served, want one of %q", what, flag, flags)
		}
		return held
	})
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// nothing prepares nothing.
type nothing struct{}

func (nothing) Present(*app.Environment) app.Presentation { return nil }

// input is a way in that nobody comes through.
type input struct{ ended chan struct{} }

func (*input) Listen(context.Context) (string, error) { return "127.0.0.1:1", nil }
func (i *input) Serve() error                         { <-i.ended; return nil }
func (*input) Drain()                                 {}
func (*input) Undrain()                               {}
func (i *input) Shutdown(context.Context) error       { close(i.ended); return nil }

// journal takes a log of JSON lines.
type journal struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.data.Write(p)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.data.String()
}

func (j *journal) tail() string {
	text := j.text()
	return text[max(0, len(text)-4<<10):]
}

// named returns what was logged of an event.
func (j *journal) named(t *testing.T, event string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(j.text()) {
		if !strings.Contains(line, event) { // which is much cheaper to see than what the line says
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(errors.Join(errors.New("a line of the log is not JSON"), err))
		}
		if fields["msg"] == event {
			found = append(found, fields)
		}
	}
	return found
}
