package parity

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// replayWorkers is how many evaluations are asked for at one time.
	replayWorkers = 8
	// replayTimeout bounds one of them.
	replayTimeout = 15 * time.Second
)

// ServerKey is the server-side key under which a replay expects the environment
// of a client-side key.
func ServerKey(clientKey string) string { return "ser.parity-" + clientKey + "-4f2a9c0e71" }

// Replay asks a proxy at base ("http://host:port") for every recorded
// evaluation, over as many connections as it has workers, and adds each to the
// report. It ends early when ctx does; then not all cases are in the report.
func Replay(ctx context.Context, base string, documents []Document, report *Report) error {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: replayWorkers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: replayTimeout}

	type task struct {
		name, clientKey string
		evaluation      Evaluation
	}
	tasks := make(chan task)
	var workers sync.WaitGroup
	for range replayWorkers {
		workers.Go(func() {
			for t := range tasks {
				report.Add(t.name, t.evaluation.check(ctx, client, base, t.clientKey))
			}
		})
	}
	defer workers.Wait()
	defer close(tasks)

	for i, document := range documents {
		clientKey, err := document.ClientKey()
		if err != nil {
			return err
		}
		for j, evaluation := range document.Evaluations {
			name := fmt.Sprintf("document %d (%s), request %d: %s", i, clientKey, j, evaluation.describe())
			select {
			case tasks <- task{name, clientKey, evaluation}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// describe says what is asked, in one line.
func (e Evaluation) describe() string {
	what := "all flags"
	switch {
	case !e.anonymous():
		what = "identity " + string(e.Identity)
	case e.Feature != nil:
		what = fmt.Sprintf("flag %q", *e.Feature)
	}
	return fmt.Sprintf("%s key, %s", e.Key, what)
}

// anonymous says that flags are asked for without an identity.
func (e Evaluation) anonymous() bool {
	return len(e.Identity) == 0 || string(e.Identity) == "null"
}

// request is the evaluation as an HTTP request.
func (e Evaluation) request(ctx context.Context, base, clientKey string) (*http.Request, error) {
	method, address := http.MethodGet, base+"/api/v1/flags/"
	var body io.Reader
	switch {
	case !e.anonymous():
		method, address, body = http.MethodPost, base+"/api/v1/identities/", bytes.NewReader(e.Identity)
	case e.Feature != nil:
		address += "?feature=" + url.QueryEscape(*e.Feature)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	switch e.Key {
	case "client":
		request.Header.Set("X-Environment-Key", clientKey)
	case "server":
		request.Header.Set("X-Environment-Key", ServerKey(clientKey))
	default:
		return nil, fmt.Errorf("recorded with a key of kind %q", e.Key)
	}
	return request, nil
}

// check asks and returns how the answer differs from the recorded one.
func (e Evaluation) check(ctx context.Context, client *http.Client, base, clientKey string) []string {
	request, err := e.request(ctx, base, clientKey)
	if err != nil {
		return []string{err.Error()}
	}
	response, err := client.Do(request)
	if err != nil {
		return []string{err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return []string{"body: " + err.Error()}
	}
	var differences []string
	if response.StatusCode != e.Status {
		differences = append(differences, fmt.Sprintf("status: want %d, got %d", e.Status, response.StatusCode))
	}
	if got := response.Header.Get("Content-Type"); got != "application/json" {
		differences = append(differences, fmt.Sprintf("Content-Type: want application/json, got %q", got))
	}
	return append(differences, e.differences(body)...)
}
