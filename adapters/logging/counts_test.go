package logging_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestCounts(t *testing.T) {
	var out output
	l := open(t, logging.Options{Stdout: &out, EnableAccessLog: true, Override: override(t, `{
		"handlers": {"second": {"class": "logging.StreamHandler"}},
		"root": {"handlers": ["default", "second"]},
		"loggers": {"silent": {"handlers": [], "propagate": false}, "loud": {"level": "DEBUG"}}}`), Stderr: &output{}})
	log := l.Logger("a")
	for _, level := range []slog.Level{logging.LevelCritical, slog.LevelError, slog.LevelError + 1, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug, ports.LevelAlways} {
		log.Log(context.Background(), level, "e") // DEBUG is below the level
	}
	l.Logger("loud").Debug("e")
	l.Logger("silent").Error("e")
	l.Access(request)
	want := []logging.LevelCount{{Level: "critical", Lines: 1}, {Level: "error", Lines: 2}, {Level: "warning", Lines: 1}, {Level: "info", Lines: 3}, {Level: "debug", Lines: 1}}
	if got := l.Counts(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
