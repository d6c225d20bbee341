// Command pack writes the Helm chart as the archive of a version:
//
//	go run ./pack VERSION DIRECTORY
//
// The archive's chart and application have that version, so that it runs the image of
// the same release.
package main

import (
	"fmt"
	"os"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

// source is the chart, from the directory of the module.
const source = "../../../../docs/deploy/helm/edge-proxy"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pack VERSION DIRECTORY")
		os.Exit(2)
	}
	path, err := pack(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

// pack returns the path of the archive that it writes.
func pack(version, directory string) (string, error) {
	chart, err := loader.Load(source)
	if err != nil {
		return "", err
	}
	chart.Metadata.Version, chart.Metadata.AppVersion = version, version
	if err := chart.Validate(); err != nil {
		return "", err
	}
	return chartutil.Save(chart, directory)
}
