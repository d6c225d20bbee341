//go:build integration

package fleet_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const adminToken = "a_token_for_the_tests"

// operated is a fleet whose nodes have admin listeners.
type operated struct {
	*fleet
	admins []string
	states []map[string]any // settings of the nodes
}

// operate starts nodes that are not likely to poll while the test lasts.
func operate(t *testing.T, nodes int) *operated {
	t.Helper()
	o := &operated{fleet: newFleet(t, 1)}
	o.interval = 120 * second
	for range nodes {
		port := harness.FreePort(t)
		o.states = append(o.states, map[string]any{"admin": map[string]any{"port": port, "token": adminToken}})
		o.admins = append(o.admins, fmt.Sprintf("http://127.0.0.1:%d", port))
	}
	for node := range nodes {
		o.add(o.states[node]).WaitReady(t)
	}
	return o
}

// do sends a request to the admin listener of a node and returns the answer's body.
func (o *operated) do(node int, method, path, body string) string {
	o.t.Helper()
	return o.send(method, o.admins[node]+path, body, "Authorization", "Bearer "+adminToken, "X-Author", "ada")
}

func (o *operated) send(method, url, body string, headers ...string) string {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		o.t.Fatalf("%s %s: %d %s %v", method, url, answer.StatusCode, text, err)
	}
	return string(text)
}

// everywhere waits until all nodes serve a value, and returns how long that took.
func (o *operated) everywhere(value string) time.Duration {
	o.t.Helper()
	began := time.Now()
	wait.Until(o.t, patience, "all nodes serve "+value, func() bool {
		for node := range o.nodes {
			if o.value(node, o.keys[0]) != value {
				return false
			}
		}
		return true
	})
	return time.Since(began)
}

// A rollback and an override are in force on all nodes within a second, end on time, survive
// a restart, and are shown by every node to operators, in metrics and by OFREP.
func TestMeasuresOnAllNodes(t *testing.T) {
	o := operate(t, 2)
	key := o.keys[0]
	environment := "/environments/" + key
	soon := func(what string, took time.Duration) {
		t.Helper()
		t.Logf("%s: in force on all nodes after %s", what, took.Round(time.Millisecond))
		if took > time.Second+slack {
			t.Errorf("%s: in force on all nodes after %s only", what, took)
		}
	}
	o.everywhere("1")
	second := o.change(key)
	o.do(0, "POST", "/refresh", "")
	soon("a refresh", o.everywhere(second))
	wait.Until(t, patience, "a history", func() bool { return strings.Contains(o.do(1, "GET", environment+"/history", ""), `"version": 1`) })

	o.do(1, "POST", environment+"/rollback", `{"for":"1h","reason":"a drill"}`)
	soon("a rollback", o.everywhere("1"))
	for node := range o.nodes {
		if status := o.do(node, "GET", "/status.json", ""); !strings.Contains(status, `"author": "ada"`) || !strings.Contains(status, `"reason": "a drill"`) {
			t.Errorf("the status of node %d does not show the pin: %s", node, status)
		}
		if metrics := o.do(node, "GET", "/metrics", ""); !strings.Contains(metrics, `edge_proxy_document_pinned{environment="`+key+`"} 1`) {
			t.Errorf("the metrics of node %d do not show the pin", node)
		}
		if page := o.do(node, "GET", environment, ""); !strings.Contains(page, "a drill") {
			t.Errorf("the page of node %d does not show the pin: %s", node, page)
		}
	}
	if events := o.do(1, "GET", "/events", ""); !strings.Contains(events, "rollback: done, by ada: a drill") {
		t.Errorf("the events do not have the rollback: %s", events)
	}

	ofrep := func(node int) string {
		return o.send("POST", o.nodes[node].URL+"/ofrep/v1/evaluate/flags/revision", `{"context":{"targetingKey":"somebody"}}`, "X-Environment-Key", key, "Content-Type", "application/json")
	}
	const lasts = 4 * time.Second
	began := time.Now()
	o.do(0, "PUT", environment+"/overrides/revision", `{"enabled":true,"value":"emergency","for":"4s","reason":"orders fail"}`)
	soon("an override", o.everywhere("emergency"))
	for node := range o.nodes {
		if answer := ofrep(node); !strings.Contains(answer, `"reason":"OVERRIDE"`) || !strings.Contains(answer, `"value":"emergency"`) {
			t.Errorf("OFREP of node %d: %s", node, answer)
		}
	}
	o.everywhere("1")
	if took := time.Since(began); took < lasts || took > lasts+time.Second+slack {
		t.Errorf("an override for %s ended after %s", lasts, took)
	}
	o.do(0, "PUT", environment+"/overrides/revision", `{"enabled":false,"for":"1h","reason":"orders fail"}`)
	wait.Until(t, patience, "OFREP says that the flag is off", func() bool {
		for node := range o.nodes {
			answer := ofrep(node)
			if !strings.Contains(answer, `"reason":"DISABLED"`) || !strings.Contains(answer, `"reason":"OVERRIDE"`) {
				return false
			}
		}
		return true
	})
	o.do(1, "DELETE", environment+"/overrides/revision", "")

	o.nodes[1].Signal(t, syscall.SIGTERM)
	if code := o.nodes[1].Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	o.nodes = o.nodes[:1]
	o.add(o.states[1]).WaitReady(t)
	o.everywhere("1")
	o.do(1, "DELETE", environment+"/pin", "")
	soon("the end of the pin", o.everywhere(second))
}
