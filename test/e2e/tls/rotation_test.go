package tls_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// rounds returns how often the certificate is replaced: EDGE_PROXY_TLS_ROUNDS, which
// "make test-full" sets to 200.
func rounds(t *testing.T) int {
	text := os.Getenv("EDGE_PROXY_TLS_ROUNDS")
	if text == "" {
		return 15
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A replaced certificate is served soon, and no handshake and no request fails meanwhile,
// on connections that are kept and on new ones, over HTTP/1.1 and HTTP/2.
func TestReplacedUnderLoad(t *testing.T) {
	w := start(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	var asked atomic.Int64
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		kept, fresh := w.client(t, protocol), w.client(t, protocol)
		for _, client := range []*http.Client{kept, fresh} {
			load.Go(func() {
				for ctx.Err() == nil {
					if status, _, err := ask(client, w.secure+flags, shopKey); err != nil || status != http.StatusOK {
						t.Errorf("%s: %d, %v", protocol, status, err)
						return
					}
					asked.Add(1)
					if client == fresh {
						client.CloseIdleConnections()
					}
				}
			})
		}
	}
	var slowest time.Duration
	total := rounds(t)
	for range total {
		before := w.serial(t)
		w.mount.put(t, w.issue(t))
		replaced := time.Now()
		wait.ForSuccess(t, patience, "another certificate", func() error { // seldom: each is a handshake
			if w.serial(t) == before {
				return errors.New("the former one is served")
			}
			return nil
		})
		slowest = max(slowest, time.Since(replaced))
		if t.Failed() {
			break
		}
	}
	t.Logf("%d certificates, the slowest served after %s; %d requests", total, slowest.Round(time.Millisecond), asked.Load())
	if asked.Load() < int64(total) {
		t.Errorf("only %d requests in %d rounds", asked.Load(), total)
	}
	w.waitCount(t, "tls_reloaded", total)
	if n := w.count("tls_reload_failed"); n > 0 {
		t.Errorf("%d reloads failed", n)
	}
}

// Broken pairs change nothing, and the next good one is served.
func TestBrokenPairs(t *testing.T) {
	w := start(t, nil)
	good := w.issue(t)
	before := w.serial(t)
	for i, p := range []certificates.Pair{
		{Cert: good.Cert, Key: w.issue(t).Key},
		w.authority.Issue(t, certificates.Leaf{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}),
		{Cert: good.Cert[:len(good.Cert)/2], Key: good.Key},
		{Cert: []byte("nonsense"), Key: []byte("nonsense")},
	} {
		w.mount.put(t, p)
		w.waitCount(t, "tls_reload_failed", i+1)
		if now := w.serial(t); now != before {
			t.Errorf("pair %d is served", i)
		}
	}
	w.mount.put(t, good)
	w.waitCount(t, "tls_reloaded", 1)
	if w.serial(t) == before {
		t.Error("the good certificate is not served")
	}
}

// A hangup has the files read again, changed or not, and says what came of it.
func TestHangupReadsCertificatesAgain(t *testing.T) {
	w := start(t, nil)
	w.Signal(t, syscall.SIGHUP)
	w.waitCount(t, "tls_reloaded", 1)
	good := w.issue(t)
	w.mount.put(t, certificates.Pair{Cert: good.Cert, Key: w.issue(t).Key})
	w.waitCount(t, "tls_reload_failed", 1)
	w.Signal(t, syscall.SIGHUP)
	w.waitCount(t, "tls_reload_failed", 2)
	before := w.serial(t)
	w.mount.put(t, good)
	w.Signal(t, syscall.SIGHUP)
	w.waitCount(t, "tls_reloaded", 2)
	if w.serial(t) == before {
		t.Error("the good certificate is not served")
	}
}

// Sessions are resumed after a reload.
func TestResumptionOverAReload(t *testing.T) {
	w := start(t, nil)
	client := w.client(t, "HTTP/1.1")
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	resumed := func() bool {
		t.Helper()
		response, err := client.Get(w.secure + "/proxy/health/liveness")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		client.CloseIdleConnections()
		return response.TLS.DidResume
	}
	if resumed() || !resumed() {
		t.Error("sessions are not resumed without a reload either")
	}
	w.mount.put(t, w.issue(t))
	w.waitCount(t, "tls_reloaded", 1)
	if !resumed() {
		t.Error("the session was not resumed")
	}
}
