package flagsmith_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/ports"
)

// newTLSServer starts a server of HTTP/2 that is closed with the test.
func newTLSServer(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tested
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status     int
		retryAfter string
		cause      []string
	}{
		{201, "", nil},
		{300, "", []string{"api_url"}},
		{400, "", nil},
		{401, "", []string{"server-side key", "login"}},
		{403, "", []string{"wrong, expired", "not a server-side key", "api_url"}},
		{404, "", []string{"api_url", "/api/v1"}},
		{405, "", []string{"api_url"}},
		{410, "", []string{"api_url"}},
		{418, "", nil},
		{429, "", []string{"fewer requests: ", "api_poll_frequency_seconds"}},
		{429, "120", []string{"asks to wait 120 s"}},
		{429, "Thu, 29 Feb 2024 23:02:03 GMT", []string{"asks to wait until 2024-02-29T23:02:03Z"}},
		{429, serverKey, []string{"fewer requests: "}},
		{500, "", []string{"the API has failed"}},
		{502, "", []string{"not available"}},
		{503, "7", []string{"not available", "wait 7 s"}},
		{504, "", []string{"not available"}},
		{599, "", []string{"the API has failed"}},
	} {
		t.Run(fmt.Sprint(tt.status, tt.retryAfter), func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.retryAfter != "" {
					w.Header().Set("Retry-After", tt.retryAfter)
				}
				w.WriteHeader(tt.status)
				_, _ = fmt.Fprintf(w, `{"detail": "unknown key %s"}`, r.Header.Get("X-Environment-Key"))
			})
			failed := failing(t, client(t, s.URL))
			if failed.Status != tt.status {
				t.Errorf("status %d", failed.Status)
			}
			after, _ := time.ParseDuration(tt.retryAfter + "s")
			if failed.After != after {
				t.Errorf("asked to wait %v, want %v", failed.After, after)
			}
			contains(t, failed.Error(), fmt.Sprintf("upstream answered %d", tt.status))
			contains(t, failed.Cause, tt.cause...)
			if tt.cause == nil && failed.Cause != "" {
				t.Errorf("the cause is %q", failed.Cause)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	gone := serve(t, nil)
	gone.Close()
	closing := serve(t, func(w http.ResponseWriter, _ *http.Request) { raw(w, "") })
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })
	quiet := newTLSServer(t, plain.Config.Handler)
	oldTLS := httptest.NewUnstartedServer(plain.Config.Handler)
	oldTLS.Config.ErrorLog = quiet.Config.ErrorLog
	oldTLS.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	oldTLS.StartTLS()
	t.Cleanup(oldTLS.Close)
	withLogin := func(address string) string {
		return strings.Replace(address, "://", "://user:"+password+"@", 1)
	}
	for name, tt := range map[string]struct {
		address string
		change  func(*flagsmith.Options)
		want    []string
		outcome ports.Outcome
	}{
		"refused":           {address: gone.URL, want: []string{"asking " + gone.URL, "nothing listens there"}, outcome: ports.OutcomeRefused},
		"name":              {address: "http://flagsmith.invalid", want: []string{"cannot be resolved", "api_url"}, outcome: ports.OutcomeDNS},
		"closed":            {address: closing.URL, want: []string{"closed before there was an answer"}, outcome: ports.OutcomeRefused},
		"unknown authority": {address: quiet.URL, want: []string{"not trusted", "api_tls.ca_file"}, outcome: ports.OutcomeTLS},
		"another name": {
			address: strings.Replace(quiet.URL, "127.0.0.1", "localhost", 1), change: trust(quiet), want: []string{"certificate is for another host"}, outcome: ports.OutcomeTLS,
		},
		"expired": {
			address: quiet.URL, want: []string{"not valid at this time", "clock"}, outcome: ports.OutcomeTLS,
			change: func(o *flagsmith.Options) {
				trust(quiet)(o)
				settings := o.TLS().Clone()
				o.TLS = func() *tls.Config { return settings }
				settings.Time = func() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }
			},
		},
		"no TLS there": {address: strings.Replace(plain.URL, "http:", "https:", 1), want: []string{"does not speak TLS", "http://"}, outcome: ports.OutcomeTLS},
		"TLS versions": {
			address: oldTLS.URL, want: []string{"cannot agree on a TLS connection"}, outcome: ports.OutcomeTLS,
			change: func(o *flagsmith.Options) {
				trust(oldTLS)(o)
				settings := o.TLS().Clone()
				o.TLS = func() *tls.Config { return settings }
				settings.MinVersion = tls.VersionTLS13
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := tt.change
			if change == nil {
				change = func(*flagsmith.Options) {}
			}
			failed := failing(t, client(t, withLogin(tt.address), change))
			if got := ports.OutcomeOf(failed); failed.Status != 0 || got != tt.outcome {
				t.Errorf("status %d, outcome %q, want %q", failed.Status, got, tt.outcome)
			}
			contains(t, failed.Error(), tt.want...)
			if strings.Contains(failed.Error(), "user:") {
				t.Errorf("a login is in %q", failed)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for name, h := range map[string]http.HandlerFunc{
		"slow headers": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"body that drips": func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				<-tick.C
			}
		},
		"body that stops, gzip": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(compress(t, document)[:12])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"no HTTP at all": nil,
		"no TLS at all":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			addresses := []string{"http://" + silent.Addr().String()}
			change := func(*flagsmith.Options) {}
			switch {
			case h != nil:
				second := newTLSServer(t, h)
				addresses, change = []string{serve(t, h).URL, second.URL}, trust(second)
			case name == "no TLS at all":
				addresses = []string{"https://" + silent.Addr().String()}
			}
			for _, address := range addresses {
				failed := failing(t, client(t, address, change, func(o *flagsmith.Options) { o.Timeout = 200 * time.Millisecond }))
				contains(t, failed.Error(), "no complete answer", "within 200ms", "api_poll_timeout_seconds")
				if got := ports.OutcomeOf(failed); got != ports.OutcomeTimeout {
					t.Errorf("the outcome is %q", got)
				}
				if errors.Is(failed, context.DeadlineExceeded) {
					t.Error("it looks as if the caller's context had ended")
				}
			}
		})
	}
}

// The status counts even where the rest of an answer never comes.
func TestStatusBeforeABodyThatStops(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	failed := failing(t, client(t, s.URL, func(o *flagsmith.Options) { o.Timeout = 100 * time.Millisecond }))
	contains(t, failed.Error(), "upstream answered 403")
}

func TestContext(t *testing.T) {
	t.Parallel()
	headers, bodies := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/headers/environment-document/", func(_ http.ResponseWriter, r *http.Request) {
		headers <- struct{}{}
		<-r.Context().Done()
	})
	mux.HandleFunc("/body/environment-document/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		bodies <- struct{}{}
		<-r.Context().Done()
	})
	s := serve(t, mux.ServeHTTP)
	for path, arrived := range map[string]chan struct{}{"/headers": headers, "/body": bodies} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		if _, err := client(t, s.URL+path).FetchDocument(ctx, documentRequest()); err != context.Canceled {
			t.Errorf("%s: %v, want the context's error", path, err)
		}
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if _, err := client(t, s.URL).FetchDocument(ctx, documentRequest()); err != context.DeadlineExceeded {
		t.Errorf("%v, want the context's error", err)
	}
}
