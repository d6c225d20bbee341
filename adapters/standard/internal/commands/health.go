package commands

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// healthBody bounds what is read of a health answer.
const healthBody = 4096

func (p *Program) health() *cobra.Command {
	var configFile, address string
	var live bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "ask a running proxy for its readiness; with --live, whether it is alive",
		Long:    "Asks a running proxy for its readiness, for health checks of containers.\nThe exit code is 0 when it is ready, and 1 when it is not.",
		Example: "edge-proxy health\nedge-proxy health --live --url http://127.0.0.1:8000",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := p.healthAddress(address, configFile)
			if err != nil {
				return err
			}
			path := "/proxy/health/readiness"
			if live {
				path = "/proxy/health/liveness"
			}
			status, body, err := get(cmd.Context(), strings.TrimSuffix(base, "/")+path, timeout)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.Stdout, "%d %s\n", status, body)
			if status != http.StatusOK {
				return ErrReported
			}
			return nil
		},
	}
	defineConfig(cmd, &configFile)
	cmd.Flags().BoolVar(&live, "live", false, "ask for liveness instead of readiness")
	cmd.Flags().StringVar(&address, "url", "", "`address` of the proxy, such as http://127.0.0.1:8000 (default: from server.host and server.port)")
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

// healthAddress returns where to ask: the given address, or where the configured
// listener is reached from this host.
func (p *Program) healthAddress(given, configFile string) (string, error) {
	if given != "" {
		u, err := url.Parse(given)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "", usage("--url must be like http://127.0.0.1:8000")
		}
		return given, nil
	}
	server, _, err := config.LoadServer(p.source(configFile))
	if err != nil {
		return "", &ConfigurationError{err}
	}
	if server.Port == 0 {
		return "", usage("server.port is 0, so say where the proxy listens with --url")
	}
	host := server.Host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if host = "127.0.0.1"; ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(server.Port)), nil
}

// get asks without any proxy: the one to be asked is on this host.
func get(ctx context.Context, address string, timeout time.Duration) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, healthBody))
	return response.StatusCode, strings.TrimSpace(string(text)), err
}
