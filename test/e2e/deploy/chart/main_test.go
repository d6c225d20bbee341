package chart_test

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/engine"
)

const (
	directory = "../../../../docs/deploy/helm/edge-proxy"
	manifest  = "../../../../docs/deploy/kubernetes.yaml"
)

var update = flag.Bool("update", false, "write the golden files again")

func TestMain(m *testing.M) {
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // Helm also logs to it what it returns to linters
	os.Exit(m.Run())
}

func load(t *testing.T) *helmchart.Chart {
	t.Helper()
	loaded, err := loader.Load(directory)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// cases are the names of the sets of values.
func cases(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d sets of values were found, %v", len(paths), err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".yaml"))
	}
	return names
}

func valuesOf(t *testing.T, name string) common.Values {
	t.Helper()
	values, err := common.ReadValuesFile(filepath.Join("testdata/values", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// template does what "helm template flags" does, in the namespace shop.
func template(t *testing.T, values common.Values) (manifests, notes string, err error) {
	t.Helper()
	loaded := load(t)
	options := common.ReleaseOptions{Name: "flags", Namespace: "shop", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, values, options, nil)
	if err != nil {
		return "", "", err
	}
	files, err := engine.Engine{}.RenderWithContext(context.Background(), loaded, all)
	if err != nil {
		return "", "", err
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch content := strings.TrimSpace(files[name]); {
		case filepath.Base(name) == "NOTES.txt":
			notes = files[name]
		case content != "":
			text.WriteString("---\n# " + name + "\n" + content + "\n")
		}
	}
	return text.String(), notes, nil
}
