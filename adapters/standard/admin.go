package standard

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/ports"
)

// logAdmin is the logger of the admin listener.
const logAdmin = "edge_proxy.admin"

// openAdmin opens the admin listener. It returns nil without an error if the listener is
// off, or if the port that nobody has chosen cannot be opened: the proxy serves without
// it then. tls is nil for plain HTTP.
func openAdmin(ctx context.Context, s config.Admin, tls *tls.Config, logger *slog.Logger) (*adminapi.Server, error) {
	if s.Port.Number == 0 {
		return nil, nil
	}
	server, err := adminapi.Listen(ctx, s.Host, s.Port.Number, tls, logger)
	switch {
	case err == nil:
		return server, nil
	case !s.Port.Chosen:
		logger.WarnContext(ctx, "admin_listener_missing", "error", err,
			"effect", "the proxy serves without its admin listener", "do", "set admin.port to a free port, or to 0 for no admin listener")
		return nil, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("admin.port %d is taken on %s: set it to a free port, or to 0 for no admin listener: %w", s.Port.Number, s.Host, err)
	default:
		return nil, fmt.Errorf("admin.host and admin.port cannot be listened on: %w", err)
	}
}

// serveAdmin has the admin listener answer. m are the metrics it serves; nil: none.
func serveAdmin(ctx context.Context, server *adminapi.Server, s config.Settings, proxy *app.App, reloads *reloader, node *inspect.Node, store ports.Reader, m *metrics.Metrics, traffic func() adminapi.Traffic, logger *slog.Logger) error {
	build := commands.ReadBuild()
	upstream := "Flagsmith"
	if inDirectory(s) {
		upstream = "the directory"
	}
	api, err := adminapi.New(adminapi.Options{
		Application: proxy, Loopback: server.Loopback(), Host: s.Admin.Host,
		Policy: func() adminapi.Policy {
			a := reloads.applied.Load().Admin
			return adminapi.Policy{Token: a.Token.Reveal(), ReadOnly: a.ReadOnly, Profiles: a.Pprof}
		},
		Node: adminapi.Node{
			Version: build.Version, Commit: build.Commit, Date: build.Date,
			Upstream: s.APIURL.String(), UpstreamName: upstream, Store: s.Store.URL.String(),
		},
		Configuration: func() adminapi.Configuration {
			e := reloads.effective.Load()
			return adminapi.Configuration{Hash: e.Hash, Warnings: e.Warnings, Ignored: e.Ignored, Settings: settingsOf(e), NeedRestart: e.RestartNeeded, Details: e}
		},
		Traffic: traffic,
		Acted:   actedOf(m),
		Metrics: metricsHandler(m), Actions: slices.Concat(adminapi.Questions(node), actions(proxy, time.Now), levelActions(reloads, time.Now), adminapi.Measures(proxy)), History: proxy, Store: store, Logger: logger, Now: time.Now,
	})
	if err != nil {
		return err
	}
	server.Serve(api)
	list := []any{"address", server.Address()}
	if !server.Loopback() && s.Admin.Token.IsZero() {
		list = append(list, "effect", "only /metrics, /healthz and /readyz are answered, because admin.token is not set")
	}
	logger.InfoContext(ctx, "admin_listening", list...)
	return nil
}

// settingsOf returns the settings that differ from their defaults, for people.
func settingsOf(e *config.Effective) []adminapi.Setting {
	var list []adminapi.Setting
	for _, s := range e.Settings {
		if s.Source == config.SourceDefault {
			continue
		}
		value, isText := s.Value.(string)
		if !isText {
			text, err := json.Marshal(s.Value)
			if err != nil { // it is a value of JSON: cannot be
				continue
			}
			value = string(text)
		}
		list = append(list, adminapi.Setting{Key: s.Key, Value: value, Source: s.Source})
	}
	return list
}
