package parity_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/data"
	"github.com/edge-proxy/edge-proxy/test/e2e/parity"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// proxyFor starts a ready proxy for environments of a fake Flagsmith API.
func proxyFor(t *testing.T, environments ...fakeflagsmith.Environment) *harness.Proxy {
	t.Helper()
	upstream := harness.StartUpstream(t)
	proxy := harness.StartProxy(t, harness.Setup{Config: upstream.Serve(t, environments...)})
	proxy.WaitReady(t)
	return proxy
}

// conclude fails the test for cases that differ. It leaves the number of cases in
// bin/parity, where "make test" shows it.
func conclude(t *testing.T, report *parity.Report, want int) {
	t.Helper()
	if report.Failed() > 0 {
		t.Errorf("%s", report.String())
	}
	if report.Cases() != want {
		t.Errorf("%d cases ran, want %d", report.Cases(), want)
	}
	summary := fmt.Sprintf("%s: %d recorded cases ran, %d failed\n", t.Name(), report.Cases(), report.Failed())
	directory := filepath.Join("..", "..", "..", "bin", "parity")
	if err := errors.Join(os.MkdirAll(directory, 0o755), os.WriteFile(filepath.Join(directory, t.Name()+".txt"), []byte(summary), 0o644)); err != nil {
		t.Error(err)
	}
}

// All recorded evaluations, with their documents as the environments of one proxy. It reads
// them from files: what is under test are the answers.
func TestRecordedEvaluations(t *testing.T) { replay(t, documents(t), parity.EvaluationCount) }

func TestRecordedEvaluationsOfEngine11(t *testing.T) {
	replay(t, documents11(t), parity.EvaluationCount11)
}

func replay(t *testing.T, recorded []parity.Document, count int) {
	t.Helper()
	directory, pairs := t.TempDir(), make([]map[string]any, len(recorded))
	for i, d := range recorded {
		key, err := d.ClientKey()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, key+".json"), d.Text, 0o600); err != nil {
			t.Fatal(err)
		}
		pairs[i] = map[string]any{"client_side_key": key, "server_side_key": parity.ServerKey(key)}
	}
	proxy := harness.StartProxy(t, harness.Setup{Config: map[string]any{"api_url": "file://" + directory, "environment_key_pairs": pairs, "api_poll_frequency_seconds": 3600}})
	proxy.WaitReady(t)
	var report parity.Report
	if err := parity.Replay(t.Context(), proxy.URL, recorded, &report); err != nil {
		t.Fatal(err)
	}
	conclude(t, &report, count)
}

// All recorded HTTP exchanges, against the two environments they were recorded with.
func TestRecordedExchanges(t *testing.T) {
	proxy := proxyFor(t, recordedEnvironments(t)...)
	var report parity.Report
	for _, exchange := range exchanges(t) {
		report.Add(exchange.Name, exchange.Check(proxy.Address))
	}
	conclude(t, &report, parity.ExchangeCount)
}

// recordedEnvironments are the environments of the recorded exchanges.
func recordedEnvironments(t *testing.T) []fakeflagsmith.Environment {
	t.Helper()
	var environments []fakeflagsmith.Environment
	for _, name := range []string{"a", "b"} {
		environments = append(environments, fakeflagsmith.Environment{
			ClientKey: "client_" + name, ServerKeys: []string{"ser." + name}, Document: recordedDocument(t, name),
		})
	}
	return environments
}

// recordedDocument is the document of the environment called name.
func recordedDocument(t *testing.T, name string) []byte {
	t.Helper()
	text, err := fs.ReadFile(data.Files, "environment_"+name+".json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}
