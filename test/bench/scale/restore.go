package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// restore measures a start with a bbolt file of many environments on one processor:
// how long liveness takes to answer from the opening of the port on, and when the
// first environment is served.
func (l *laboratory) restore(ctx context.Context) error {
	document := profile.Document(profile.Size{Features: 20, Segments: 5, Conditions: 5})
	keys := l.manyKeys(document, l.environments)
	setup := lab.Setup{
		Binary: l.binary, Directory: l.directory, Upstream: l.upstream, Keys: keys, PollEvery: pollInterval.Seconds(),
		Store: "bolt://" + filepath.Join(l.directory, "restore.db"),
	}
	first, err := lab.StartProxy(ctx, setup)
	if err != nil {
		return err
	}
	if _, err := lab.WaitReady(ctx, first.Address); err != nil {
		first.Stop()
		return err
	}
	first.Stop()

	setup.Cores, setup.Processors = "0", 1
	p, err := lab.StartProxy(ctx, setup) // returns when the port is open
	if err != nil {
		return err
	}
	defer p.Stop()
	opened := time.Now()
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	get := func(path, key string) (status int, err error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+path, nil)
		if err != nil {
			return 0, err
		}
		request.Header.Set("X-Environment-Key", key)
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	var slowest, served time.Duration
	for n, ready := 0, false; !ready; n++ {
		began := time.Now()
		if status, err := get("/proxy/health/liveness", ""); err != nil || status != http.StatusOK {
			return fmt.Errorf("liveness: %d, %w", status, err)
		}
		slowest = max(slowest, time.Since(began))
		if served == 0 {
			status, err := get("/api/v1/flags/", keys[n%len(keys)].Client) // any that is there
			if err != nil {
				return err
			}
			if status == http.StatusOK {
				served = time.Since(opened)
			}
		}
		status, err := get("/proxy/health/readiness", "")
		if err != nil {
			return err
		}
		ready = status == http.StatusOK
		if err := sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	fmt.Printf("%d environments from bbolt on one processor, from the opening of the port: slowest liveness %s, first environment served after %s, ready after %s\n",
		len(keys), slowest.Round(100*time.Microsecond), served.Round(time.Millisecond), time.Since(opened).Round(time.Millisecond))
	return nil
}

// manyKeys gives upstream a document for each of n environments.
func (l *laboratory) manyKeys(document []byte, n int) []lab.KeyPair {
	keys := make([]lab.KeyPair, n)
	for i := range keys {
		keys[i] = lab.KeyPair{Server: fmt.Sprintf("ser.bench-%06d", i), Client: fmt.Sprintf("bench_%06d", i)}
		l.upstream.Put(keys[i].Server, lab.Dated(document, epoch, profile.ClientKey, keys[i].Client), epoch)
	}
	return keys
}
