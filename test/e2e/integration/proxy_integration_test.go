//go:build integration

package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"

	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	// patience bounds each wait; only a failing test waits that long.
	patience = time.Minute
	// pollInterval is how often the proxies poll.
	pollInterval = 500 * time.Millisecond
)

// proxy is a container of the image. It is on the host's network, as the Redis
// servers and the API are.
type proxy struct {
	container *testcontainers.DockerContainer
	secrets   []string
	starts    int
	url       string
	http      *http.Client
}

// startProxy starts a container, hardened as far as can be, and returns when the
// proxy listens. It is removed with the test, which fails for what no proxy may
// print.
func startProxy(t *testing.T, image string, s storage, apiURL string) *proxy {
	t.Helper()
	env := map[string]string{
		"ENVIRONMENT_KEY_PAIRS":      fmt.Sprintf(`[{"server_side_key":%q,"client_side_key":%q}]`, serverKey, clientKey),
		"API_URL":                    apiURL,
		"API_POLL_FREQUENCY_SECONDS": fmt.Sprint(pollInterval.Seconds()),
		"API_POLL_TIMEOUT_SECONDS":   "2",
		"SERVER_HOST":                "127.0.0.1",
		"SERVER_PORT":                "0",
		"SERVER_DRAIN_DELAY_SECONDS": "0",
		"LOGGING_LOG_FORMAT":         "json",
		"LOGGING_LOG_LEVEL":          "DEBUG",
		"HEALTH_CHECK":               `{"environment_update_grace_period_seconds": 300}`,
	}
	maps.Copy(env, s.env)
	var files []testcontainers.ContainerFile
	for path, content := range s.files {
		files = append(files, testcontainers.ContainerFile{Reader: strings.NewReader(content), ContainerFilePath: path, FileMode: 0o644})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	started, err := testcontainers.Run(ctx, image,
		testcontainers.WithEnv(env),
		testcontainers.WithFiles(files...),
		testcontainers.WithMounts(s.mounts...),
		testcontainers.WithConfigModifier(func(config *container.Config) {
			// It asks the configured port, and the port is not known before.
			config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
		}),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
			host.NetworkMode = "host"
			host.CapDrop = []string{"ALL"}
			host.SecurityOpt = []string{"no-new-privileges"}
			host.ReadonlyRootfs = len(files) == 0 // else nothing can be put in
		}),
	)
	p := &proxy{container: started, secrets: []string{serverKey}, http: &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second}}
	if s.secret != "" {
		p.secrets = append(p.secrets, s.secret)
	}
	testcontainers.CleanupContainer(t, started, testcontainers.StopTimeout(0))
	if err != nil {
		t.Fatalf("start %s: %v", image, err)
	}
	t.Cleanup(func() { p.judge(t) })
	p.awaitListening(t)
	return p
}

// awaitListening waits until the proxy said so once more, and learns its address.
func (p *proxy) awaitListening(t *testing.T) {
	t.Helper()
	p.starts++
	wait.ForSuccess(t, patience, "proxy to listen", func() error {
		heard := p.events("listening")
		if len(heard) < p.starts {
			if !p.state(t).Running {
				t.Fatalf("the proxy has ended, exit code %d", p.state(t).ExitCode)
			}
			return fmt.Errorf("it listened %d times", len(heard))
		}
		p.url = fmt.Sprint("http://", heard[p.starts-1]["address"])
		return nil
	})
}

// events returns the lines of the log that have this name.
func (p *proxy) events(name string) []map[string]any {
	var found []map[string]any
	for line := range bytes.Lines([]byte(p.log())) {
		var event map[string]any
		if json.Unmarshal(line, &event) == nil && event["message"] == name {
			found = append(found, event)
		}
	}
	return found
}

// source is where the proxy says that it last got a revision from: "upstream",
// "store", or "" if it never had it.
func (p *proxy) source(r revision) string {
	source := ""
	for _, event := range p.events("environment_updated") {
		if event["updated_at"] == r.updatedAt().Format(time.RFC3339) {
			source = fmt.Sprint(event["source"])
		}
	}
	return source
}

// log is what the container printed, as far as that can be had.
func (p *proxy) log() string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	printed, err := p.container.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer printed.Close()
	text, err := io.ReadAll(printed)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (p *proxy) state(t *testing.T) *container.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state, err := p.container.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// judge fails the test for what no proxy may print, and shows a failed test the
// end of the log.
func (p *proxy) judge(t *testing.T) {
	p.http.CloseIdleConnections()
	log := p.log()
	for _, sign := range []string{"panic: ", "fatal error: ", `"store_error"`} {
		if strings.Contains(log, sign) {
			t.Errorf("the proxy printed %s", sign)
		}
	}
	for _, secret := range p.secrets {
		if strings.Contains(log, secret) {
			t.Errorf("the proxy printed the secret that ends in %q", secret[len(secret)-4:])
		}
	}
	if t.Failed() {
		t.Logf("the proxy printed:\n…%s", log[max(0, len(log)-16<<10):])
	}
}

// restart stops the container in good order and starts it again.
func (p *proxy) restart(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	grace := patience / 2
	if err := p.container.Stop(ctx, &grace); err != nil {
		t.Fatalf("stop: %v", err)
	}
	if state := p.state(t); state.ExitCode != 0 || len(p.events("stopped")) != p.starts {
		t.Errorf("stopped with exit code %d", state.ExitCode)
	}
	p.http.CloseIdleConnections()
	if err := p.container.Start(ctx); err != nil {
		t.Fatalf("start again: %v", err)
	}
	p.awaitListening(t)
}

// kill ends the proxy at once.
func (p *proxy) kill(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	if _, err := docker.ContainerKill(ctx, p.container.GetContainerID(), client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		t.Fatalf("kill: %v", err)
	}
	wait.ForSuccess(t, patience, "end of the proxy", func() error {
		if p.state(t).Running {
			return errors.New("it runs")
		}
		return nil
	})
}

// stored returns the document in the store, as the image's command shows it.
func (p *proxy) stored() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code, output, err := p.container.Exec(ctx, []string{"/edge-proxy", "store", "get", clientKey}, exec.Multiplexed())
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(output)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, text)
	}
	return string(text), err
}

// answer is what the proxy answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; that there is no answer fails the test.
func (p *proxy) ask(t *testing.T, method, path, key, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", key)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := p.http.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}
