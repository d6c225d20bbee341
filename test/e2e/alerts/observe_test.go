package alerts_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	repository    = "../../../"
	observeConfig = docs + "deploy/observe/prometheus.yaml"
)

// readYAML reads a file of YAML.
func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// The services of the profile observe mount files that exist, and ask each other at their
// names.
func TestTheProfileObserveFitsTogether(t *testing.T) {
	var project struct {
		Services map[string]struct {
			Profiles    []string
			Image       string
			Environment map[string]string
			Volumes     []struct{ Source, Target string }
		}
	}
	readYAML(t, repository+"compose.yaml", &project)
	targets := map[string]string{} // by the path in a container, what is mounted there
	for _, name := range []string{"prometheus", "grafana", "tempo"} {
		s, is := project.Services[name]
		if !is || !slices.Equal(s.Profiles, []string{"observe"}) {
			t.Errorf("%s is in the profiles %v", name, s.Profiles)
		}
		if _, tag, _ := strings.Cut(s.Image, ":"); tag == "" || tag == "latest" {
			t.Errorf("%s has the image %s, without a version", name, s.Image)
		}
		if len(s.Volumes) == 0 {
			t.Errorf("%s mounts nothing", name)
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(filepath.Join(repository, v.Source)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			targets[v.Target] = v.Source
		}
	}
	if p := project.Services["edge-proxy"]; len(p.Profiles) != 0 || p.Environment["ADMIN_HOST"] != "0.0.0.0" {
		t.Errorf("the proxy is in the profiles %v, with the environment %v", p.Profiles, p.Environment)
	}

	var prometheus struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string                       `yaml:"job_name"`
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, observeConfig, &prometheus)
	for _, file := range prometheus.RuleFiles {
		if targets[file] == "" {
			t.Errorf("nothing is mounted at %s", file)
		}
	}
	if c := prometheus.ScrapeConfigs; len(c) != 1 || c[0].JobName != "edge-proxy" || !slices.Equal(c[0].StaticConfigs[0].Targets, []string{"edge-proxy:8001"}) {
		t.Errorf("it scrapes %+v", c)
	}
	var sources struct{ Datasources []struct{ Type, URL string } }
	readYAML(t, docs+"deploy/observe/datasources.yaml", &sources)
	for _, s := range sources.Datasources {
		if _, is := project.Services[s.Type]; !is || !strings.HasPrefix(s.URL, "http://"+s.Type+":") {
			t.Errorf("%s is asked at %s", s.Type, s.URL)
		}
	}
	var dashboards struct {
		Providers []struct{ Options struct{ Path string } }
	}
	readYAML(t, docs+"deploy/observe/dashboards.yaml", &dashboards)
	for _, p := range dashboards.Providers {
		if source := targets[p.Options.Path]; filepath.Join(repository, source) != filepath.Dir(dashboardFile) {
			t.Errorf("%q is mounted at %s", source, p.Options.Path)
		}
	}
}
