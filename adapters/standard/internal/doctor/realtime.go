package doctor

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// streamPatience is how long a stream of events may take to open.
const streamPatience = 5 * time.Second

// realtime checks that a stream of events opens.
func (e *examination) realtime(ctx context.Context) {
	e.check("A5", func(f *finding) {
		heard := &lastWarning{}
		origin, err := e.OpenOrigin(e.settings, slog.New(heard))
		if err != nil { // the files of api_tls; the rest was checked with the configuration
			f.fail("Correct what the text names.", "%v", err)
			return
		}
		defer origin.Close()
		list := e.settings.Environments()
		connected, keeps := origin.Notifier.(ports.Connected)
		switch {
		case origin.API == nil:
			f.skip("documents come from a directory")
			return
		case !keeps:
			f.skip("realtime_url is not set")
			return
		case len(list) == 0:
			f.skip("only discovered environments are served")
			return
		}
		key := list[0].Client
		if opens(ctx, origin.Notifier, connected, key, heard) {
			f.ok("the stream of %s opens", shown(key))
			return
		}
		f.fail("Check realtime_url, and that real-time updates are switched on for the project in Flagsmith.", "the stream of %s does not open: %s", shown(key), heard.text())
	})
}

// opens reports whether the stream of an environment opens before something is logged
// or patience ends.
func opens(ctx context.Context, notifier ports.Notifier, connected ports.Connected, key domain.EnvironmentKey, heard *lastWarning) bool {
	ctx, cancel := context.WithTimeout(ctx, streamPatience)
	var notifying sync.WaitGroup
	notifying.Go(func() {
		_ = notifier.Notify(ctx, []domain.EnvironmentKey{key}, func(domain.EnvironmentKey, time.Time) {})
	})
	defer notifying.Wait()
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		switch {
		case connected.Connected(key):
			return true
		case heard.last.Load() != nil:
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
	}
}

// lastWarning is a handler of logs that keeps the last error that was logged.
type lastWarning struct{ last atomic.Pointer[string] }

// Enabled implements slog.Handler.
func (w *lastWarning) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle implements slog.Handler.
func (w *lastWarning) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			text = a.Value.String()
		}
		return true
	})
	w.last.Store(&text)
	return nil
}

// WithAttrs implements slog.Handler.
func (w *lastWarning) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup implements slog.Handler.
func (w *lastWarning) WithGroup(string) slog.Handler { return w }

func (w *lastWarning) text() string {
	if last := w.last.Load(); last != nil {
		return *last
	}
	return "it has not opened within " + streamPatience.String()
}
