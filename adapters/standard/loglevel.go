package standard

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

const (
	// usualLevelTime is how long an operator's log level applies unless it is said, and
	// longestLevelTime how long it may apply: one that was forgotten fills the disk.
	usualLevelTime, longestLevelTime = 10 * time.Minute, 24 * time.Hour
)

// temporaryLevel is a log level that an operator has set for a while.
type temporaryLevel struct {
	name  string // of the level, in upper case
	timer *time.Timer
}

// loggerNames returns the names of all loggers.
func loggerNames() []string {
	return []string{logServer, logApp, logStore, logNetwork, logAdmin, "edge_proxy.logging", "uvicorn.access"}
}

// loggingOptions returns the options of the log by the settings, with the levels that
// operators have set. The caller holds r.applying.
func (r *reloader) loggingOptions(s config.Settings) (logging.Options, error) {
	options, err := loggingOptions(s)
	if err != nil || len(r.levels) == 0 {
		return options, err
	}
	options.Levels = map[string]slog.Level{}
	for logger, level := range r.levels {
		if options.Levels[logger], err = logging.ParseLevel(level.name); err != nil {
			return options, err
		}
	}
	return options, nil
}

// setLevel has a logger, "" for all, log from a level on until limit has passed.
func (r *reloader) setLevel(logger, level string, limit time.Duration) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	former, again := r.levels[logger]
	mine := &temporaryLevel{name: level}
	mine.timer = time.AfterFunc(limit, func() { r.levelEnds(logger, mine) })
	r.levels[logger] = mine
	err := r.relevel()
	switch {
	case err == nil && again:
		former.timer.Stop()
	case err != nil:
		mine.timer.Stop()
		delete(r.levels, logger)
		if again {
			r.levels[logger] = former
		}
	}
	return err
}

// levelEnds ends a temporary level, unless another one has taken its place.
func (r *reloader) levelEnds(logger string, level *temporaryLevel) {
	r.applying.Lock()
	defer r.applying.Unlock()
	if r.levels[logger] != level {
		return
	}
	delete(r.levels, logger)
	if err := r.relevel(); err != nil { // cannot be: the same settings were applied before
		r.logger.Error("configuration_reload_failed", "trigger", "the end of a log level", "problem", err, "effect", "the log stays as it is")
		return
	}
	r.logger.Warn("log_level_ended", "log_logger", shownLogger(logger), "reason", "its time is over", "effect", "the configured level applies again")
}

// restoreLevels ends all temporary levels and reports whether there was one.
func (r *reloader) restoreLevels() (was bool, err error) {
	r.applying.Lock()
	defer r.applying.Unlock()
	if len(r.levels) == 0 {
		return false, nil
	}
	r.forgetLevels()
	return true, r.relevel()
}

// closeLevels stops the timers of temporary levels, which apply until the log is closed.
func (r *reloader) closeLevels() {
	r.applying.Lock()
	defer r.applying.Unlock()
	r.forgetLevels()
}

// forgetLevels removes all temporary levels. The caller holds r.applying.
func (r *reloader) forgetLevels() {
	for _, level := range r.levels {
		level.timer.Stop()
	}
	clear(r.levels)
}

// relevel applies the levels to the log. The caller holds r.applying.
func (r *reloader) relevel() error {
	settings := *r.applied.Load()
	options, err := r.loggingOptions(settings)
	if err != nil {
		return err
	}
	logs, err := r.loggers.Prepare(options)
	if err != nil {
		return err
	}
	if access := logs.AccessEnabled(); access != r.loggers.AccessEnabled() {
		api, err := newAPI(settings, r.proxy, r.loggers, r.measures, r.traces, access)
		if err != nil {
			logs.Discard()
			return err
		}
		r.handler.Replace(api)
	}
	logs.Commit()
	return nil
}

func shownLogger(name string) string {
	if name == "" {
		return "root"
	}
	return name
}

// leveled is the answer to a change of a log level and to its end.
type leveled struct {
	Logger string     `json:"logger,omitempty"` // "" is all
	Level  string     `json:"level,omitempty"`
	Until  *time.Time `json:"until,omitempty"` // when the configured level applies again
	Was    *bool      `json:"was,omitempty"`   // of an end: whether there was something to end
}

// levelActions returns the actions that change log levels.
func levelActions(r *reloader, now func() time.Time) []adminapi.Action {
	return []adminapi.Action{
		{Pattern: "POST /log-level", Name: "log_level", Do: func(_ context.Context, call *adminapi.Call) (any, error) { return changeLevel(r, call, now()) }},
		{Pattern: "DELETE /log-level", Name: "end_log_level", Do: func(_ context.Context, call *adminapi.Call) (any, error) {
			if err := call.Decode(&struct{}{}); err != nil {
				return nil, err
			}
			was, err := r.restoreLevels()
			return leveled{Was: &was}, err
		}},
	}
}

func changeLevel(r *reloader, call *adminapi.Call, now time.Time) (any, error) {
	var body struct{ Logger, Level, For string }
	if err := call.Decode(&body); err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return &adminapi.Refusal{Status: http.StatusBadRequest, Text: fmt.Sprintf(format, args...)}
	}
	level := strings.ToUpper(strings.TrimSpace(body.Level))
	if _, err := logging.ParseLevel(level); err != nil || level == "NOTSET" {
		return nil, wrong("level must be one of DEBUG, INFO, WARNING, ERROR and CRITICAL")
	}
	logger := body.Logger
	if logger == "root" {
		logger = ""
	}
	if known := loggerNames(); logger != "" && !slices.ContainsFunc(known, func(name string) bool { return name == logger || strings.HasPrefix(name, logger+".") }) {
		return nil, wrong("logger must be one of %s, what their names begin with up to a dot, or root", strings.Join(known, ", "))
	}
	limit, err := lasting(body.For, usualLevelTime, longestLevelTime)
	if err != nil {
		return nil, err
	}
	if err := r.setLevel(logger, level, limit); err != nil {
		return nil, err
	}
	until := now.Add(limit).UTC().Truncate(time.Second)
	return leveled{Logger: logger, Level: level, Until: &until}, nil
}

// lasting returns a time that the body of an action states, or the usual one for "". The
// error is a *adminapi.Refusal.
func lasting(text string, usual, longest time.Duration) (time.Duration, error) {
	if text == "" {
		return usual, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > longest {
		return 0, &adminapi.Refusal{Status: http.StatusBadRequest, Text: fmt.Sprintf("for must be a time such as 10m, above 0 and at most %gh", longest.Hours())}
	}
	return d, nil
}
