package lab

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
)

// KeyPair is an environment's entry in the proxy's configuration.
type KeyPair struct {
	Server string `json:"server_side_key"`
	Client string `json:"client_side_key"`
}

// Setup describes how to start a proxy.
type Setup struct {
	Binary     string
	Directory  string // for its configuration and its files
	Upstream   *Upstream
	Keys       []KeyPair
	PollEvery  float64 // seconds; 0 is the proxy's default
	AccessLog  bool    // as JSON to a file
	Caches     bool    // of both endpoints
	NoMetrics  bool
	Store      string // store.url; "" is the proxy's default
	Cores      string
	Processors int
	Env        []string
}

// StartProxy starts a proxy.
func StartProxy(ctx context.Context, s Setup) (*Process, error) {
	settings := map[string]any{
		"api_url": s.Upstream.URL, "environment_key_pairs": s.Keys, "api_poll_timeout_seconds": 60,
		"server":             map[string]any{"host": "127.0.0.1", "port": 0, "drain_delay_seconds": 0},
		"logging":            map[string]any{"log_format": "json"},
		"max_document_bytes": 1 << 30,
	}
	if s.PollEvery > 0 {
		settings["api_poll_frequency_seconds"] = s.PollEvery
	}
	if s.AccessLog {
		settings["logging"] = map[string]any{"log_format": "json", "override": map[string]any{
			"handlers": map[string]any{"file": map[string]any{"class": "logging.FileHandler", "filename": filepath.Join(s.Directory, "access.log"), "formatter": "json"}},
			"loggers":  map[string]any{"uvicorn.access": map[string]any{"level": "INFO", "handlers": []string{"file"}, "propagate": false}},
		}}
	}
	if s.NoMetrics {
		settings["metrics"] = map[string]any{"enabled": false}
	}
	if s.Store != "" {
		settings["store"] = map[string]any{"url": s.Store}
	}
	if s.Caches {
		cache := map[string]any{"use_cache": true}
		settings["endpoint_caches"] = map[string]any{"flags": cache, "identities": cache}
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.Directory, "config.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	return Start(ctx, Command{
		Path: s.Binary, Cores: s.Cores, Processors: s.Processors, Env: append([]string{"CONFIG_PATH=" + file}, s.Env...),
	})
}
