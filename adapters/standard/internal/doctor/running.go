package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// runningPatience bounds a request to the proxy that runs here.
	runningPatience = 3 * time.Second
	// mostAnswer bounds what is read of its answers.
	mostAnswer = 16 << 20
)

// errNothing means that no proxy answers at the address.
var errNothing = errors.New("no proxy answers there")

// running checks the proxy that runs here, if one does.
func (e *examination) running(ctx context.Context) {
	if e.check("R1", func(f *finding) { e.examineReadiness(ctx, f) }) == Skipped && e.options.Proxy != "" {
		e.skip("no proxy runs here", "R2", "R3")
		return
	}
	var status nodeStatus
	var err error
	e.check("R2", func(f *finding) {
		status, err = e.nodeStatus(ctx)
		if err != nil {
			f.skip("%v", err)
			return
		}
		judgeNode(f, status)
	})
	e.check("R3", func(f *finding) {
		if err != nil {
			f.skip("%v", err)
			return
		}
		e.judgeSameness(f, status)
	})
}

// isRunning reports whether a proxy answers at the configured address.
func (e *examination) isRunning(ctx context.Context) bool {
	status, body, err := e.get(ctx, e.options.Proxy, "/proxy/health/liveness", "")
	return err == nil && status == http.StatusOK && strings.Contains(string(body), `"status":"ok"`)
}

func (e *examination) examineReadiness(ctx context.Context, f *finding) {
	status, body, err := e.get(ctx, e.options.Proxy, "/proxy/health/readiness", "")
	var health struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
		Last   string `json:"last_successful_update"`
	}
	switch {
	case err != nil:
		f.skip("%v", err)
	case json.Unmarshal(body, &health) != nil || health.Status == "":
		f.warn("Name the address of the proxy with --url, if this is another program.", "what answers at %s is not this proxy", e.options.Proxy)
	case status != http.StatusOK:
		f.fail("See what keeps documents from being fetched: the checks of the API and its keys, or the log.", "it is not ready: %s", shown(health.Reason))
	default:
		f.ok("it is ready, and its documents were confirmed at %s", shown(health.Last))
	}
}

// nodeStatus is what is read of /status.json (docs/status.schema.json).
type nodeStatus struct {
	Version  string
	Summary  string
	Findings []struct{ Severity, What, Do string }
	Config   *struct {
		Hash          string
		RestartNeeded []string `json:"restart_needed"`
	}
}

// nodeStatus asks the admin listener. Its error is a sentence.
func (e *examination) nodeStatus(ctx context.Context) (s nodeStatus, err error) {
	status, body, err := e.get(ctx, e.options.Admin, "/status.json", e.options.AdminToken)
	switch {
	case err != nil:
		return s, fmt.Errorf("admin listener: %w", err)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return s, fmt.Errorf("the admin listener refuses with %d: set admin.token to the one that the proxy has", status)
	case status != http.StatusOK || json.Unmarshal(body, &s) != nil:
		return s, fmt.Errorf("what answers at %s is not an admin listener of this proxy", e.options.Admin)
	}
	return s, nil
}

func judgeNode(f *finding, s nodeStatus) {
	for _, found := range s.Findings {
		if found.Severity == "critical" {
			f.fail(found.Do, "%s", shown(found.What))
		} else {
			f.warn(found.Do, "%s", shown(found.What))
		}
	}
	if len(s.Findings) == 0 {
		f.ok("%s", shown(s.Summary))
	}
}

// judgeSameness compares what runs with what would run after a restart.
func (e *examination) judgeSameness(f *finding, s nodeStatus) {
	const restart = "Restart the proxy, or give the doctor the same file and variables."
	if s.Version != e.Version {
		f.warn(restart, "the running proxy has the version %s, and this program %s", shown(s.Version), e.Version)
	}
	if s.Config != nil && s.Config.Hash != e.effective.Hash {
		f.warn(restart, "the running proxy has other settings (hash %s) than those that are configured here (hash %s)", shown(s.Config.Hash), e.effective.Hash)
	}
	if s.Config != nil && len(s.Config.RestartNeeded) > 0 {
		f.warn(restart, "these settings take effect after a restart only: %s", shown(strings.Join(s.Config.RestartNeeded, ", ")))
	}
	if len(f.found) == 0 {
		f.ok("it has the version %s and the settings that are configured here", s.Version)
	}
}

// get asks the proxy that runs here, without any forward proxy. token, if not "", goes
// with the request. Errors are sentences without secrets.
func (e *examination) get(ctx context.Context, base, path, token string) (status int, body []byte, err error) {
	if base == "" {
		return 0, nil, errors.New("it is not known where a proxy would listen")
	}
	ctx, cancel := context.WithTimeout(ctx, runningPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return 0, nil, errors.New("the address is not valid")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return do(request, e.tlsOf(base))
}

// tlsOf returns how the proxy at a base address is asked by TLS; nil: as any other server.
func (e *examination) tlsOf(base string) *tls.Config {
	switch {
	case base == e.options.Admin:
		return e.options.AdminTLS
	case e.options.OwnCertificate:
		return &tls.Config{InsecureSkipVerify: true}
	default:
		return nil
	}
}

// do sends a request to the proxy that runs here; secure is as tlsOf returns it.
func do(request *http.Request, secure *tls.Config) (status int, body []byte, err error) {
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: secure}
	response, err := transport.RoundTrip(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return 0, nil, fmt.Errorf("%w (%s): %w", errNothing, request.URL.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	return response.StatusCode, body, err
}
