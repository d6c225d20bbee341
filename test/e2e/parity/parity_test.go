package parity_test

import (
	"io/fs"
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

// conclude tells how many cases ran, and fails the test for those that differ.
func conclude(t *testing.T, report *parity.Report, want int) {
	t.Helper()
	if report.Failed() > 0 {
		t.Errorf("%s", report.String())
	}
	if report.Cases() != want {
		t.Errorf("%d cases ran, want %d", report.Cases(), want)
	}
	t.Logf("%d recorded cases ran, %d failed", report.Cases(), report.Failed())
}

// All recorded evaluations, with their 400 documents as the environments of one proxy.
func TestRecordedEvaluations(t *testing.T) {
	recorded := documents(t)
	environments := make([]fakeflagsmith.Environment, len(recorded))
	for i, d := range recorded {
		key, err := d.ClientKey()
		if err != nil {
			t.Fatal(err)
		}
		environments[i] = fakeflagsmith.Environment{ClientKey: key, ServerKeys: []string{parity.ServerKey(key)}, Document: d.Text}
	}
	proxy := proxyFor(t, environments...)
	var report parity.Report
	if err := parity.Replay(t.Context(), proxy.URL, recorded, &report); err != nil {
		t.Fatal(err)
	}
	conclude(t, &report, parity.EvaluationCount)
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
