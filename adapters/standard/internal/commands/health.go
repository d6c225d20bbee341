package commands

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

const (
	livenessPath  = "/proxy/health/liveness"
	readinessPath = "/proxy/health/readiness"
	// healthBody bounds what is read of a health answer.
	healthBody = 4096
	// discoveryPatience is how long each listener of a running process may take to say
	// that it is alive.
	discoveryPatience = time.Second
)

func (p *Program) health() *cobra.Command {
	var configFile, address string
	var live, asJSON, skipVerify bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "ask a running proxy for its readiness; with --live, whether it is alive",
		Long:    "Asks a running proxy for its readiness, for health checks of containers.\nThe exit code is 0 when it is ready, and 1 when it is not.",
		Example: "edge-proxy health\nedge-proxy health --live --url http://127.0.0.1:8000",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := p.healthAddress(cmd.Context(), address, configFile)
			if err != nil {
				return err
			}
			base = strings.TrimSuffix(base, "/")
			path := readinessPath
			if live {
				path = livenessPath
			}
			status, body, err := get(cmd.Context(), base+path, timeout, address == "" || skipVerify)
			if err != nil {
				return err
			}
			answer := struct {
				Address string          `json:"address"`
				Status  int             `json:"status"` // of the answer
				OK      bool            `json:"ok"`
				Answer  json.RawMessage `json:"answer,omitempty"` // as the proxy sent it
			}{Address: base + path, Status: status, OK: status == http.StatusOK}
			if json.Valid([]byte(body)) {
				answer.Answer = json.RawMessage(body)
			}
			return p.report(asJSON, !answer.OK, answer, func(out io.Writer) error {
				_, err := fmt.Fprintf(out, "%d %s\n", status, body)
				return err
			})
		},
	}
	defineConfig(cmd, &configFile)
	defineJSON(cmd, &asJSON)
	cmd.Flags().BoolVar(&live, "live", false, "ask for liveness instead of readiness")
	cmd.Flags().StringVar(&address, "url", "", "`address` of the proxy, such as http://127.0.0.1:8000 (default: from server.host and server.port)")
	cmd.Flags().BoolVar(&skipVerify, "skip-verify", false, "accept any certificate of --url; without --url this is so")
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

// healthAddress returns where to ask: the given address, or where the configured
// listener is reached from this host. Without a usable configuration file it looks for
// the running process.
func (p *Program) healthAddress(ctx context.Context, given, configFile string) (string, error) {
	if given != "" {
		u, err := url.Parse(given)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "", usage("--url must be like http://127.0.0.1:8000")
		}
		return given, nil
	}
	src := p.source(configFile)
	server, _, err := config.LoadServer(src)
	path := p.path(config.Path(src))
	if _, gone := os.Stat(path); err != nil || gone != nil {
		// The process that runs does not depend on the file any more, so neither
		// does the answer whether it is well.
		src.ReadFile = nil
		if server, _, err = config.LoadServer(src); err != nil {
			return "", &ConfigurationError{Err: err}
		}
		if !p.sets("SERVER_PORT") {
			if address, ok := answering(ctx, listenersOfRunning(path)); ok {
				return address, nil
			}
		}
	}
	if server.Port == 0 {
		return "", usage("server.port is 0, so say where the proxy listens with --url")
	}
	scheme, port := "http", server.Port
	switch tls := server.TLS; {
	case server.HTTPPort.Chosen && server.HTTPPort.Number != 0:
		port = server.HTTPPort.Number
	case tls.CertFile != "" && tls.ClientAuth == "require":
		return "", usage("server.port requires client certificates, so set server.http_port, where health is asked for without one")
	case tls.CertFile != "":
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(reachableHost(server.Host), strconv.Itoa(port)), nil
}

// sets reports whether a variable is set, in any case.
func (p *Program) sets(variable string) bool {
	return slices.ContainsFunc(p.Environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return strings.EqualFold(name, variable) && value != ""
	})
}

// answering returns the address of the first listener that is alive by a health endpoint.
// A process may listen on other ports too, such as that of the admin listener, and with
// TLS or without; one that requires a client certificate is not found.
func answering(ctx context.Context, listeners []string) (address string, ok bool) {
	for _, listener := range listeners {
		for _, scheme := range []string{"http://", "https://"} {
			status, _, err := get(ctx, scheme+listener+livenessPath, discoveryPatience, true)
			if err == nil && status == http.StatusOK {
				return scheme + listener, true
			}
		}
	}
	return "", false
}

// get asks without any forward proxy: the one to be asked is on this host or near. anyCert
// accepts any certificate: one for the loopback interface has other names.
func get(ctx context.Context, address string, timeout time.Duration, anyCert bool) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: anyCert}}}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return 0, "", fmt.Errorf("nothing listens on %s: is the proxy running?", request.URL.Host)
	case errors.Is(err, context.DeadlineExceeded):
		return 0, "", fmt.Errorf("%s has not answered within %s", request.URL.Host, timeout)
	case err != nil:
		var failed *url.Error // names the address, with what may be a password
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return 0, "", fmt.Errorf("asking %s: %w", request.URL.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, healthBody))
	return response.StatusCode, strings.TrimSpace(string(text)), err
}
