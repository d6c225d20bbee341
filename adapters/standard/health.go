package standard

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// healthBody bounds what is read of a health answer.
const healthBody = 4096

func (p *program) health(ctx context.Context, args []string) int {
	flags := newFlags("health")
	live := flags.Bool("live", false, "ask for liveness instead of readiness")
	address := flags.String("url", "", "address of the proxy, such as http://127.0.0.1:8000 (default: from server.host and server.port)")
	timeout := flags.Duration("timeout", 3*time.Second, "how long to wait for the answer")
	if code, ok := p.parse(flags, args, "Asks a running proxy for its readiness, for container health checks: exit code 0 when it is ready, 1 when it is not."); !ok {
		return code
	}
	base, ok := p.healthAddress(*address)
	if !ok {
		return exitUsage
	}
	path := "/proxy/health/readiness"
	if *live {
		path = "/proxy/health/liveness"
	}
	status, body, err := get(ctx, strings.TrimSuffix(base, "/")+path, *timeout)
	if err != nil {
		fmt.Fprintf(p.Stderr, "edge-proxy: health: %v\n", err)
		return exitFailure
	}
	fmt.Fprintf(p.Stdout, "%d %s\n", status, body)
	if status != http.StatusOK {
		return exitFailure
	}
	return exitOK
}

// healthAddress returns where to ask: the given address, or where the configured
// listener is reached from this host.
func (p *program) healthAddress(given string) (string, bool) {
	if given != "" {
		u, err := url.Parse(given)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			fmt.Fprintf(p.Stderr, "edge-proxy health: --url must be like http://127.0.0.1:8000\n")
			return "", false
		}
		return given, true
	}
	server, _, err := config.LoadServer(p.configSource(os.ReadFile))
	if err != nil {
		p.printProblems(err)
		return "", false
	}
	if server.Port == 0 {
		fmt.Fprintf(p.Stderr, "edge-proxy health: server.port is 0, so say where the proxy listens with --url\n")
		return "", false
	}
	host := server.Host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if host = "127.0.0.1"; ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(server.Port)), true
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
