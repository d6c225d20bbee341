//go:build deploy

package alerts_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// faster is how many times faster than in the rules time passes in the fault run.
const faster = 100

// longestFor bounds how long a condition has to last in the fault run. One late scrape on a
// busy machine, and that time begins again.
const longestFor = 15 * time.Second

// patience is how long a test waits for an alert. Only a failing test waits that long.
const patience = 4 * time.Minute

// monitor is a Prometheus with the rules, in which their durations are shorter.
type monitor struct {
	url, targets string

	mu    sync.Mutex
	fired map[string]bool // alerts that fired and cleared
}

var (
	length   = regexp.MustCompile(`(for: |\[|offset )(\d+)([mh])`)
	minutes  = map[string]int{"m": 1, "h": 60}
	settings = `
global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: edge-proxy
    file_sd_configs: [{files: [targets/*.json], refresh_interval: 1s}]
`
)

// hasten returns rules in which time passes faster.
func hasten(rules string) string {
	return length.ReplaceAllStringFunc(rules, func(text string) string {
		m := length.FindStringSubmatch(text)
		var n int
		_, _ = fmt.Sscan(m[2], &n) // the expression lets only digits through
		d := time.Duration(n*minutes[m[3]]) * time.Minute / faster
		if m[1] == "for: " {
			d = min(d, longestFor)
		}
		return fmt.Sprintf("%s%dms", m[1], d.Milliseconds())
	})
}

// startMonitor starts a Prometheus, which ends with the test.
func startMonitor(t *testing.T) *monitor {
	t.Helper()
	dir := t.TempDir()
	content, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	m := &monitor{url: fmt.Sprintf("http://127.0.0.1:%d", harness.FreePort(t)), targets: filepath.Join(dir, "targets"), fired: map[string]bool{}}
	if err := os.Mkdir(m.targets, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"prometheus.yaml": settings, "rules.yaml": hasten(string(content))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+strings.TrimPrefix(m.url, "http://"), "--log.level=warn")
	wait.ForSuccess(t, patience, "start of Prometheus", func() error {
		answer, err := http.Get(m.url + "/-/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", answer.Status)
		}
		return nil
	})
	return m
}

// run starts a program of the system, which ends with the test.
func run(t *testing.T, name string, arguments ...string) *os.Process {
	t.Helper()
	var output strings.Builder
	cmd := exec.Command(name, arguments...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (test/e2e/deploy/tools installs it on Debian)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have been killed by its test
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, output.String())
		}
	})
	return cmd.Process
}

// watch has the nodes scraped as a job until the test ends.
func (m *monitor) watch(t *testing.T, job string, nodes ...*node) {
	t.Helper()
	var addresses []string
	for _, n := range nodes {
		addresses = append(addresses, strings.TrimPrefix(n.admin, "http://"))
	}
	content, err := json.Marshal([]map[string]any{{"targets": addresses, "labels": map[string]string{"job": job}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(m.targets, job+".json")
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file) })
	wait.Until(t, patience, "the first scrape of "+job, func() bool { return m.scraped(t, job) >= len(nodes) })
}

// scraped returns how many nodes of a job are scraped.
func (m *monitor) scraped(t *testing.T, job string) int {
	t.Helper()
	var answer struct {
		Data struct {
			ActiveTargets []struct {
				Labels map[string]string
				Health string
			}
		}
	}
	m.ask(t, "/api/v1/targets?state=active", &answer)
	up := 0
	for _, target := range answer.Data.ActiveTargets {
		if target.Labels["job"] == job && target.Health == "up" {
			up++
		}
	}
	return up
}

// alert is an alert as Prometheus has it.
type alert struct {
	Labels, Annotations map[string]string
	State               string
}

// firing returns the alerts of a job that fire, by name and severity.
func (m *monitor) firing(t *testing.T, job string) map[string]alert {
	t.Helper()
	var answer struct{ Data struct{ Alerts []alert } }
	m.ask(t, "/api/v1/alerts", &answer)
	found := map[string]alert{}
	for _, a := range answer.Data.Alerts {
		if a.Labels["job"] == job && a.State == "firing" {
			found[a.Labels["alertname"]+"/"+a.Labels["severity"]] = a
		}
	}
	return found
}

func (m *monitor) ask(t *testing.T, path string, into any) {
	t.Helper()
	answer, err := http.Get(m.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// fire waits until alerts of a job, each as name/severity, fire, with texts that are complete.
func (m *monitor) fire(t *testing.T, job string, names ...string) {
	t.Helper()
	for _, name := range names {
		wait.ForSuccess(t, patience, "alert "+name, func() error {
			now := m.firing(t, job)
			a, fires := now[name]
			if !fires {
				return fmt.Errorf("these fire: %v", now)
			}
			for _, text := range a.Annotations {
				if text == "" || strings.Contains(text, "<no value>") || strings.Contains(text, "<error") {
					t.Errorf("%s says %q", name, a.Annotations)
				}
			}
			return nil
		})
	}
}

// clear waits until alerts of a job, each as name/severity, do not fire any more.
func (m *monitor) clear(t *testing.T, job string, names ...string) {
	t.Helper()
	for _, name := range names {
		wait.ForSuccess(t, patience, "end of alert "+name, func() error {
			if a, fires := m.firing(t, job)[name]; fires {
				return fmt.Errorf("%v", a)
			}
			return nil
		})
		m.mu.Lock()
		m.fired[name] = true
		m.mu.Unlock()
	}
}
