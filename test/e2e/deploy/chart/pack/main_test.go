package main

import (
	"path/filepath"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

func TestPack(t *testing.T) {
	t.Chdir("..") // where the command is run
	dir := t.TempDir()
	path, err := pack("1.2.3-rc.1", dir)
	if err != nil || path != filepath.Join(dir, "edge-proxy-1.2.3-rc.1.tgz") {
		t.Fatalf("%q, %v", path, err)
	}
	chart, err := loader.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if chart.Metadata.Version != "1.2.3-rc.1" || chart.Metadata.AppVersion != "1.2.3-rc.1" || len(chart.Templates) < 10 || len(chart.Schema) == 0 {
		t.Errorf("%+v with %d templates", chart.Metadata, len(chart.Templates))
	}
	for _, version := range []string{"", "latest", "1.2.3/x"} {
		if path, err := pack(version, dir); err == nil {
			t.Errorf("version %q: %s", version, path)
		}
	}
}
