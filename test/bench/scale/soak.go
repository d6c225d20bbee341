package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// soak loads a proxy for a long time, while its document changes now and then,
// and shows that nothing grows. It runs the proxy with profiling, to read its
// goroutines and its heap.
func (l *laboratory) soak(ctx context.Context) error {
	binary, err := lab.Build(ctx, l.directory, "test/bench/profiled")
	if err != nil {
		return err
	}
	debugAddress, err := freeAddress()
	if err != nil {
		return err
	}
	document := profile.Document(profile.Default())
	l.upstream.Put(serverKey, document, epoch)
	p, err := lab.StartProxy(ctx, lab.Setup{
		Binary: binary, Directory: l.directory, Upstream: l.upstream, Keys: profileKeys, PollEvery: 1, Caches: true,
		Env: []string{"PROFILE_ADDRESS=" + debugAddress},
	})
	if err != nil {
		return err
	}
	defer p.Stop()
	if _, err := lab.WaitReady(ctx, p.Address); err != nil {
		return err
	}
	fmt.Printf("%8s %12s %12s %12s %8s %12s %10s\n", "after", "resident", "peak", "goroutines", "files", "requests", "failed")
	began, total, failed := time.Now(), int64(0), int64(0)
	row := func() error {
		// First wait until the connections of the load have ended.
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		used, err := p.Usage()
		if err != nil {
			return err
		}
		goroutines, err := countGoroutines(ctx, debugAddress)
		if err != nil {
			return err
		}
		fmt.Printf("%8s %12s %12s %12d %8d %12d %10d\n", time.Since(began).Round(time.Second), lab.MiB(used.Resident), lab.MiB(used.Peak), goroutines, used.Files, total, failed)
		return nil
	}
	if err := row(); err != nil {
		return err
	}
	each := min(5*time.Second, max(time.Second, l.duration/20))
	next := began.Add(l.duration / 10)
	for n := 0; time.Since(began) < l.duration; n++ {
		updated := epoch.Add(time.Duration(n+1) * time.Minute)
		l.upstream.Put(serverKey, lab.Dated(document, updated, profile.ClientKey, profile.ClientKey), updated)
		result, err := lab.Wrk(ctx, l.directory, "", p.Address, load()[n%len(load())], 25, each)
		if err != nil {
			return errors.Join(err, p.Alive())
		}
		total += result.Requests
		failed += result.Failed
		if time.Now().After(next) {
			next = time.Now().Add(l.duration / 10)
			if err := row(); err != nil {
				return err
			}
		}
	}
	if err := sleep(ctx, l.or(6*time.Second, time.Second)); err != nil {
		return err
	}
	return row()
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

// countGoroutines reads the count from the profiling endpoint.
func countGoroutines(ctx context.Context, address string) (n int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(strings.TrimSpace(line), "goroutine profile: total %d", &n)
	return n, err
}
