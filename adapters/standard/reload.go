package standard

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/logging"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app"
)

// reloader applies changes of the configuration to a running proxy. One goroutine runs
// it and owns its fields.
//
// Either every live setting takes effect or none does: whatever can fail is prepared
// first, beside the running parts.
type reloader struct {
	source       config.Source // where the configuration comes from; ReadFile is that of a reading
	logger       *slog.Logger
	loggers      *logging.Loggers
	origins      *origins
	certificates *certificates
	handler      *httpapi.Switch
	proxy        *app.App
	traces       traces
	measures     *metrics.Metrics // nil: off
	inForce      config.Settings
	reading      *config.Reading // of the configuration in force
	files        config.Files    // as last read or seen
	warnings     []config.Warning
	degraded     bool // the warning about it was logged

	// applying is held while parts of the proxy are replaced; it guards levels.
	applying sync.Mutex
	levels   map[string]*temporaryLevel // of loggers, as operators have set them

	// For other goroutines: inForce, and the same explained.
	applied   atomic.Pointer[config.Settings]
	effective atomic.Pointer[config.Effective]
	outcome   loadOutcome
}

// interrupted is called when a signal is about to end the run. Somebody who presses
// Ctrl-C in a terminal need not wait for load balancers.
func (r *reloader) interrupted(s os.Signal) {
	if s != os.Interrupt || !term.IsTerminal(int(os.Stdin.Fd())) {
		return
	}
	c := appConfig(*r.applied.Load())
	c.DrainDelay = 0
	r.proxy.Apply(c)
}

// settle is the quiet time that ends a change of the configuration, as docs/reloading.md
// says.
const settle = 200 * time.Millisecond

// run reloads after hangups and changes of files, until ctx ends.
func (r *reloader) run(ctx context.Context, hangups <-chan os.Signal) {
	r.files = r.reading.Files()
	for ctx.Err() == nil {
		seen, hangup := r.wait(ctx, hangups)
		switch {
		case ctx.Err() != nil:
		case hangup:
			r.certificates.readAgain()
			r.reload(ctx, "SIGHUP", r.reading.Again())
		default:
			r.files = r.files.Merge(seen)
			r.reload(ctx, "changed files", r.reading.Again(r.held()...))
		}
	}
}

// wait returns at a hangup, at the end of ctx, or with the watched files when they
// have changed.
func (r *reloader) wait(ctx context.Context, hangups <-chan os.Signal) (seen config.Files, hangup bool) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watched := r.files
	for _, name := range r.held() {
		watched = watched.Without(name)
	}
	changed := make(chan config.Files)
	go func() { // ends with ctx at the latest
		defer close(changed)
		files, err := watched.Watch(ctx, settle, func(err error) {
			if !r.degraded {
				r.degraded = true
				r.logger.WarnContext(ctx, "configuration_watch_degraded", "error", err, "effect", "files are looked at every few seconds")
			}
		})
		if err != nil {
			return
		}
		select {
		case changed <- files:
		case <-ctx.Done():
		}
	}()
	defer func() { stop(); <-changed }()
	select {
	case <-hangups:
		return nil, true
	case files := <-changed:
		return files, false
	}
}

// held returns the files whose changes apply only after a hangup. Files that hold
// secrets are not among them: other programs rotate these in place.
func (r *reloader) held() []string {
	if r.inForce.Server.Reload {
		return nil
	}
	return []string{r.inForce.ConfigPath}
}

// reload loads the configuration again and applies it.
func (r *reloader) reload(ctx context.Context, trigger string, reading *config.Reading) {
	src := r.source
	src.ReadFile = reading.ReadFile
	loaded, effective, warnings, err := config.LoadEffective(src)
	r.files = r.files.Merge(reading.Files())
	result := config.Reload(r.inForce, loaded)
	if err == nil {
		err = r.apply(result)
	}
	for _, w := range warnings {
		if !slices.Contains(r.warnings, w) {
			logConfigurationWarning(ctx, r.logger, w)
		}
	}
	r.warnings = warnings
	if err != nil {
		r.outcome.failed()
		r.refuse(ctx, trigger, err)
		return
	}
	r.outcome.succeeded(time.Now())
	r.inForce, r.reading, r.files = result.Settings, reading, reading.Files()
	effective = r.effective.Load().Reloaded(effective, result.Restart)
	r.effective.Store(&effective)
	r.report(ctx, trigger, result)
}

// report logs the outcome of a reload: keys without values, since many are secrets.
func (r *reloader) report(ctx context.Context, trigger string, result config.Reloaded) {
	if len(result.Live) > 0 {
		r.logger.InfoContext(ctx, "configuration_reloaded", "trigger", trigger, "changed", strings.Join(result.Live, ", "),
			"environments", len(result.Settings.Environments()), "server_side_keys", len(result.Settings.EnvironmentKeyPairs))
	}
	if len(result.Restart) > 0 {
		r.logger.WarnContext(ctx, "configuration_needs_restart", "trigger", trigger, "changed", strings.Join(result.Restart, ", "),
			"effect", "these stay as they were until the next start")
	}
	if len(result.Live)+len(result.Restart) == 0 {
		r.logger.DebugContext(ctx, "configuration_unchanged", "trigger", trigger)
	}
}

// refuse logs why nothing has changed, one line per problem.
func (r *reloader) refuse(ctx context.Context, trigger string, err error) {
	for problem := range strings.Lines(err.Error()) {
		r.logger.ErrorContext(ctx, "configuration_reload_failed", "trigger", trigger, "problem", strings.TrimSuffix(problem, "\n"),
			"effect", "nothing has changed: the configuration in force stays")
	}
}

// apply applies the settings of a reload, and makes them those that are applied. After an
// error nothing has changed.
func (r *reloader) apply(result config.Reloaded) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	var concerned parts
	table := partsOf()
	for _, key := range result.Live {
		if table[key] == 0 {
			return fmt.Errorf("%s is a live setting that no part of the proxy takes: please report it", key)
		}
		concerned |= table[key]
	}
	next := result.Settings
	var commit, discard []func()
	fail := func(err error) error {
		for _, f := range discard {
			f()
		}
		return err
	}
	access := r.loggers.AccessEnabled()
	if concerned&partLogs != 0 {
		options, err := r.loggingOptions(next)
		if err != nil {
			return fail(err)
		}
		logs, err := r.loggers.Prepare(options)
		if err != nil {
			return fail(err)
		}
		if logs.AccessEnabled() != access {
			access = logs.AccessEnabled()
			concerned |= partAPI
		}
		commit, discard = append(commit, logs.Commit), append(discard, logs.Discard)
	}
	if concerned&partOrigin != 0 {
		o, err := openOrigin(next, r.certificates, r.loggers.Logger(logNetwork), r.traces.propagate)
		if err != nil {
			return fail(err)
		}
		commit, discard = append(commit, func() { r.origins.replace(o) }), append(discard, o.close)
	}
	if concerned&partAPI != 0 {
		api, err := newAPI(next, r.proxy, r.loggers, r.measures, r.traces, access)
		if err != nil {
			return fail(err)
		}
		commit = append(commit, func() { r.handler.Replace(api) })
	}
	if concerned&partApplication != 0 {
		// Last, so that new environments are fetched with the new settings.
		commit = append(commit, func() { r.proxy.Apply(appConfig(next)) })
	}
	for _, f := range commit {
		f()
	}
	r.applied.Store(&next)
	return nil
}
