package doctor_test

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// fault is something that is wrong, and what the doctor is to say about it.
type fault struct {
	name string
	// stage sets the fault up and returns how to run the doctor.
	stage func(t *testing.T) (harness.Setup, []string)
	// id is the check that is to name it with a status and these texts.
	id, status string
	want       []string
}

// setting is a fault of a configuration that serves but for one key.
func setting(key string, value any) func(t *testing.T) (harness.Setup, []string) {
	return func(t *testing.T) (harness.Setup, []string) {
		_, config := serving(t)
		return harness.Setup{Config: with(config, key, value)}, nil
	}
}

// variable is a fault of one variable beside a configuration that serves.
func variable(name, value string) func(t *testing.T) (harness.Setup, []string) {
	return func(t *testing.T) (harness.Setup, []string) {
		_, config := serving(t)
		return harness.Setup{Config: config, Env: map[string]string{name: value}}, nil
	}
}

// serves is a fault of the document.
func serves(document []byte) func(t *testing.T) (harness.Setup, []string) {
	return func(t *testing.T) (harness.Setup, []string) {
		return harness.Setup{Config: harness.StartUpstream(t).Serve(t, shop(document))}, nil
	}
}

// failing is a fault of what upstream answers for a target.
func failing(target fakeflagsmith.Target, failure fakeflagsmith.Failure, more map[string]any) func(t *testing.T) (harness.Setup, []string) {
	return func(t *testing.T) (harness.Setup, []string) {
		upstream, config := serving(t)
		if err := upstream.Fail(t.Context(), target, failure); err != nil {
			t.Fatal(err)
		}
		for key, value := range more {
			config[key] = value
			if key == "realtime_url" {
				config[key] = upstream.URL
			}
		}
		return harness.Setup{Config: config}, nil
	}
}

// behind is a fault of a gateway before upstream.
func behind(request func(*http.Request), answer func(*http.Response)) func(t *testing.T) (harness.Setup, []string) {
	return func(t *testing.T) (harness.Setup, []string) {
		upstream, config := serving(t)
		return harness.Setup{Config: with(config, "api_url", front(t, upstream, request, answer).URL+"/api/v1")}, nil
	}
}

// certified is a fault of the certificate of upstream.
func certified(host string, valid time.Duration, trusted bool) func(t *testing.T) (harness.Setup, []string) {
	return func(t *testing.T) (harness.Setup, []string) {
		upstream, config := serving(t)
		server, authority := secured(t, upstream, host, time.Now().Add(valid))
		setup := harness.Setup{Config: with(config, "api_url", server.URL+"/api/v1")}
		if trusted {
			setup.Env = map[string]string{"SSL_CERT_FILE": authority}
		}
		return setup, nil
	}
}

// taken returns the port of a program that listens and is not a proxy.
func taken(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}

const day = 24 * time.Hour

// faults are all that are staged.
func faults() []fault {
	const failure, warning = "failure", "warning"
	pair := func(server, client string) map[string]any {
		return map[string]any{"server_side_key": server, "client_side_key": client}
	}
	badRule := `{"id":5,"name":"s","feature_states":[],"rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"REGEX","property_":"p","value":"("}]}]}`
	return []fault{
		{"the configuration file is a directory", func(t *testing.T) (harness.Setup, []string) {
			return harness.Setup{Env: map[string]string{"CONFIG_PATH": t.TempDir()}}, nil
		}, "C1", failure, []string{"is a directory"}},
		{"the configuration file is not JSON", func(*testing.T) (harness.Setup, []string) {
			return harness.Setup{ConfigText: `{"api_url": "http://localhost", `}, nil
		}, "C1", failure, []string{"config.json", "line 1"}},
		{"a setting is out of its range", setting("api_poll_frequency_seconds", -1), "C2", failure, []string{`api_poll_frequency_seconds is "-1"`}},
		{"the store has an unknown scheme", variable("STORE_URL", "floppy:a"), "C2", failure, []string{`unknown scheme "floppy"`, "variable STORE_URL"}},
		{"a key of the file is misspelt", setting("api_pol_frequency_seconds", 5), "C3", warning, []string{"did you mean api_poll_frequency_seconds"}},
		{"a variable is misspelt", variable("SERVER_PROT", "8000"), "C3", warning, []string{"SERVER_PROT"}},
		{"a client-side key in place of a server-side key", setting("environment_key_pairs", []any{pair("a_client_key", clientKey)}), "C4", failure, []string{"environment_key_pairs[0].server_side_key", `"ser."`}},
		{"one server-side key for two environments", setting("environment_key_pairs", []any{pair(serverKey, clientKey), pair(serverKey, "another")}), "C4", failure, []string{"belongs to one environment"}},
		{"nothing is configured", func(*testing.T) (harness.Setup, []string) { return harness.Setup{}, nil }, "C4", failure, []string{"environment_key_pairs"}},

		{"DNS does not know the API", setting("api_url", "http://no-such-host.invalid/api/v1"), "N1", failure, []string{"no-such-host.invalid has no address"}},
		{"the forward proxy is not there", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: config, Env: map[string]string{"HTTP_PROXY": "http://user:pa55word@" + free(t)}}, nil
		}, "N2", failure, []string{"does not take the request", "HTTP_PROXY"}},
		{"nobody listens", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: with(config, "api_url", "http://"+free(t)+"/api/v1")}, nil
		}, "N3", failure, []string{"is not reached", "refused"}},
		{"the authority is not trusted", certified("127.0.0.1", 365*day, false), "N4", failure, []string{"authority of the test", "not trusted here"}},
		{"the certificate is for another host", certified("api.example.com", 365*day, true), "N4", failure, []string{"for another host, api.example.com"}},
		{"the certificate has expired", certified("127.0.0.1", -day, true), "N4", failure, []string{"not valid at this time", "renew it"}},
		{"the certificate expires soon", certified("127.0.0.1", 10*day, true), "N4", warning, []string{"expires in 9 days"}},
		{"http to a port for https", func(t *testing.T) (harness.Setup, []string) {
			upstream, config := serving(t)
			server, _ := secured(t, upstream, "127.0.0.1", time.Now().Add(365*day))
			return harness.Setup{Config: with(config, "api_url", strings.Replace(server.URL, "https:", "http:", 1)+"/api/v1")}, nil
		}, "N5", failure, []string{"expects TLS"}},

		{"a key is refused", setting("environment_key_pairs", []any{pair(serverKey, clientKey), pair("ser.another_key_0815", clientKey)}), "A1", failure, []string{clientKey + " with ser.…0815", "403"}},
		{"api_url has another path", func(t *testing.T) (harness.Setup, []string) {
			upstream, config := serving(t)
			return harness.Setup{Config: with(config, "api_url", upstream.URL+"/elsewhere")}, nil
		}, "A1", failure, []string{"404", "/api/v1"}},
		{"the API hangs up", failing(fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailTruncatedBody}, nil), "A1", failure, []string{clientKey}},
		{"the pages lead in a circle", failing(fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailLink, Location: "/api/v1/environment-document/"}, nil), "A1", failure, []string{"circle"}},
		{"the keys are of two environments", serves(document("client_of_another", "")), "A2", failure, []string{"client_of_another", "different environments"}},
		{"a gateway removes If-Modified-Since", behind(func(r *http.Request) { r.Header.Del("If-Modified-Since") }, nil), "A3", warning, []string{"whole document"}},
		{"the proxy key is refused", failing(fakeflagsmith.ProxyConfig, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 403}, map[string]any{"proxy_key": "a_proxy_key_that_is_wrong"}), "A4", failure, []string{"proxy_key is wrong"}},
		{"the stream of events is refused", failing(fakeflagsmith.StreamOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 403}, map[string]any{"realtime_url": ""}), "A5", failure, []string{"does not open", "403"}},

		{"this clock is late by 10 minutes", behind(nil, func(r *http.Response) {
			r.Header.Set("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
		}), "T1", failure, []string{"behind that of the API"}},
		{"this clock is early by 10 seconds", behind(nil, func(r *http.Response) {
			r.Header.Set("Date", time.Now().Add(-10*time.Second).UTC().Format(http.TimeFormat))
		}), "T1", warning, []string{"ahead of that of the API"}},

		{"the store's directory is missing", setting("store", map[string]any{"url": "bolt:///nowhere/at/all/documents.db"}), "S1", failure, []string{"does not exist"}},
		{"the store's file is something else", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: with(config, "store", map[string]any{"url": "bolt://" + file(t, "notes.txt", "some notes")})}, nil
		}, "S1", failure, []string{"not a database of this program"}},
		{"the store's file is in use", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			config["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
			harness.StartProxy(t, harness.Setup{Config: config}).WaitReady(t)
			return harness.Setup{Config: config}, []string{"--url", "http://" + free(t)} // the proxy is another one
		}, "S1", failure, []string{"in use by another process"}},
		{"Redis is not there", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: with(config, "store", map[string]any{"url": "redis://:pa55word@" + free(t)})}, nil
		}, "S1", failure, []string{"nothing listens there"}},

		{"the document is not one", failing(fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: `{"api_key":"x"}`}, nil), "D1", failure, []string{clientKey}},
		{"a regular expression is not one", serves(document(clientKey, badRule)), "D2", warning, []string{"project.segments[0].rules[0].conditions[0]"}},
		{"a regular expression uses up the budget", serves(document(clientKey, strings.Replace(badRule, `"value":"("`, `"value":"(?=(a+)+$)x"`, 1))), "D2", warning, []string{"project.segments[0].rules[0].conditions[0]", "too many steps"}},
		{"the document is nearly too large", func(t *testing.T) (harness.Setup, []string) {
			long := document(clientKey, fmt.Sprintf(`{"id":5,"name":%q,"feature_states":[],"rules":[]}`, strings.Repeat("s", 400)))
			return harness.Setup{Config: with(harness.StartUpstream(t).Serve(t, shop(long)), "max_document_bytes", 1024)}, nil
		}, "D3", warning, []string{"of the 1024 that are accepted"}},
		{"the documents do not fit into memory", func(t *testing.T) (harness.Setup, []string) {
			large := document(clientKey, fmt.Sprintf(`{"id":5,"name":%q,"feature_states":[],"rules":[]}`, strings.Repeat("s", 3<<20)))
			return harness.Setup{Config: harness.StartUpstream(t).Serve(t, shop(large)), Env: map[string]string{"GOMEMLIMIT": "32MiB"}}, nil
		}, "D4", warning, []string{"48 MiB may be needed, and 32 MiB may be used"}},

		{"the port is taken", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: with(config, "server", map[string]any{"host": "127.0.0.1", "port": taken(t)})}, nil
		}, "P1", failure, []string{"server.port", "taken by another program"}},
		{"the admin port is taken", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: with(config, "admin", map[string]any{"port": taken(t)})}, nil
		}, "P1", failure, []string{"admin.port", "taken by another program"}},
		{"SSL_CERT_FILE names a file without certificates", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: config, Env: map[string]string{"SSL_CERT_FILE": file(t, "empty.pem", "nothing")}}, nil
		}, "P2", failure, []string{"no certificate in PEM form"}},
		{"the certificate of the proxy expires soon", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			pair := certificates.NewAuthority(t, "authority of the test").Issue(t, certificates.Leaf{Names: []string{"flags.example.com"}, NotAfter: time.Now().Add(10 * day)})
			cert, key := pair.Write(t, t.TempDir())
			return harness.Setup{Config: with(config, "server", map[string]any{"tls": map[string]any{"cert_file": cert, "key_file": key}})}, nil
		}, "P2", warning, []string{"server.tls: the certificate expires on"}},
		{"the key of the proxy is not that of its certificate", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			issuer := certificates.NewAuthority(t, "authority of the test")
			cert, _ := issuer.Issue(t, certificates.Leaf{}).Write(t, t.TempDir())
			_, key := issuer.Issue(t, certificates.Leaf{}).Write(t, t.TempDir())
			return harness.Setup{Config: with(config, "server", map[string]any{"tls": map[string]any{"cert_file": cert, "key_file": key}})}, nil
		}, "P2", failure, []string{"server.tls"}},
		{"few files may be opened", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: config, Binary: limited(t, 256)}, nil
		}, "P3", warning, []string{"256 files"}},
		{"more connections than open files", func(t *testing.T) (harness.Setup, []string) {
			_, config := serving(t)
			return harness.Setup{Config: with(config, "server", map[string]any{"max_connections": 10_000_000})}, nil
		}, "P3", failure, []string{"max_connections is 10000000"}},
		{"more processors than there are", variable("WEB_CONCURRENCY", "4096"), "P4", warning, []string{"WEB_CONCURRENCY is 4096"}},
		{"more threads than processors", variable("GOMAXPROCS", "4096"), "P4", warning, []string{"GOMAXPROCS is 4096, and "}},

		{"the running proxy has no document", func(t *testing.T) (harness.Setup, []string) {
			return running(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503}, false)
		}, "R1", failure, []string{"not ready"}},
		{"the running proxy says what is wrong", func(t *testing.T) (harness.Setup, []string) {
			return running(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503}, false)
		}, "R2", failure, []string{"Flagsmith"}},
		{"the running proxy has other settings", func(t *testing.T) (harness.Setup, []string) {
			setup, args := running(t, fakeflagsmith.Failure{}, true)
			setup.Config = with(setup.Config, "api_poll_frequency_seconds", 77)
			return setup, args
		}, "R3", warning, []string{"other settings"}},
	}
}

// running starts a proxy whose upstream fails, if failure has a kind, and returns how to
// run the doctor beside it.
func running(t *testing.T, failure fakeflagsmith.Failure, ready bool) (harness.Setup, []string) {
	t.Helper()
	upstream, config := serving(t)
	if failure.Kind != "" {
		if err := upstream.Fail(t.Context(), fakeflagsmith.DocumentOf(clientKey), failure); err != nil {
			t.Fatal(err)
		}
	}
	config["admin"] = map[string]any{"port": harness.FreePort(t)}
	config["server"] = map[string]any{"host": "127.0.0.1", "port": harness.FreePort(t)}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	if ready {
		proxy.WaitReady(t)
	} else {
		proxy.WaitEvent(t, 10*time.Second, "error_fetching_document")
	}
	return harness.Setup{Config: config}, nil
}

// Each fault is named by the check that is about it, with what to do, and the exit code
// says that something is wrong. The harness looks for secrets in what is printed.
func TestFaults(t *testing.T) {
	t.Parallel()
	all := faults()
	if len(all) < 25 {
		t.Fatalf("only %d faults", len(all))
	}
	for _, fault := range all {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			setup, args := fault.stage(t)
			r, code := examine(t, setup, args...)
			got := r.result(fault.id)
			if got.Status != fault.status || got.Why == "" || got.Fix == "" || !strings.HasPrefix(got.Link, "https://") {
				t.Errorf("got %+v, want status %s", got, fault.status)
			}
			for _, want := range fault.want {
				if !slices.ContainsFunc(got.Found, func(found string) bool { return strings.Contains(found, want) }) {
					t.Errorf("no %q in %q", want, got.Found)
				}
			}
			wantCode := map[string]int{"warning": 0, "failure": 1}[fault.status]
			if strings.HasPrefix(fault.id, "C") && fault.status == "failure" {
				wantCode = 2
			}
			if code != wantCode || r.Configuration != (code != 2) || r.Status != fault.status {
				t.Errorf("exit code %d, want %d; status %s; %+v", code, wantCode, r.Status, r.Results)
			}
		})
	}
}

// Nothing is wrong where nothing is: a check that finds faults everywhere is of no help.
func TestAllIsWell(t *testing.T) {
	t.Parallel()
	upstream, config := serving(t)
	server, authority := secured(t, upstream, "127.0.0.1", time.Now().Add(365*day))
	config["api_url"], config["realtime_url"] = server.URL+"/api/v1", server.URL
	config["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
	config["admin"] = map[string]any{"port": harness.FreePort(t)}
	config["server"] = map[string]any{"host": "127.0.0.1", "port": harness.FreePort(t)}
	setup := harness.Setup{Config: config, Env: map[string]string{"SSL_CERT_FILE": authority}}
	well := func(skipped ...string) {
		t.Helper()
		r, code := examine(t, setup)
		for _, result := range r.Results {
			want := "ok"
			if slices.Contains(skipped, result.ID) {
				want = "skipped"
			}
			if result.Status != want || len(result.Found) == 0 {
				t.Errorf("want %s: %+v", want, result)
			}
		}
		if code != 0 || r.Status != "ok" {
			t.Errorf("exit code %d, status %s", code, r.Status)
		}
	}
	well("A4", "R1", "R2", "R3")
	harness.StartProxy(t, setup).WaitReady(t)
	well("A4", "S2", "S3", "S4") // the proxy has the file

	setup.Args = []string{"doctor"}
	got := harness.Run(t, setup)
	for _, want := range []string{"ok       C1  configuration file: ", "skipped  A4  discovery: proxy_key is not set", " 0 warnings, 0 failures, "} {
		if !strings.Contains(got.Stdout, want) || got.Code != 0 {
			t.Errorf("exit code %d, no %q in\n%s", got.Code, want, got.Stdout)
		}
	}
}
