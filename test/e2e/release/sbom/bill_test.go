package main

import (
	"encoding/json"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

const sum = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

func info() *debug.BuildInfo {
	return &debug.BuildInfo{
		GoVersion: "go1.26.8 X:experiment",
		Main:      debug.Module{Path: "example.com/shop", Version: "v1.2.3"},
		Deps: []*debug.Module{
			{Path: "example.com/z", Version: "v2.0.0+incompatible", Sum: sum},
			{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/new", Version: "v1.0.1", Sum: sum}},
		},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}},
	}
}

func TestBill(t *testing.T) {
	b, err := billOf(info())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"bomFormat":"CycloneDX","specVersion":"1.6"`, `"timestamp":"2026-01-02T03:04:05Z"`,
		`"type":"application","bom-ref":"pkg:golang/example.com/shop@v1.2.3"`,
		`"name":"std","version":"1.26.8","purl":"pkg:golang/std@1.26.8"`,
		`"purl":"pkg:golang/example.com/z@v2.0.0%2Bincompatible"`,
		`"purl":"pkg:golang/example.com/new@v1.0.1","hashes":[{"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]`,
		`{"name":"go.build.vcs.revision","value":"abc"}`,
		`"dependsOn":["pkg:golang/example.com/new@v1.0.1","pkg:golang/example.com/z@v2.0.0%2Bincompatible","pkg:golang/std@1.26.8"]`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(b.Serial) {
		t.Errorf("serial number %s", b.Serial)
	}
	again, err := billOf(info())
	if err != nil || again.Serial != b.Serial {
		t.Errorf("the same binary has the serial numbers %s and %s, %v", b.Serial, again.Serial, err)
	}
}

func TestBillIsCompleteOrNone(t *testing.T) {
	for name, change := range map[string]func(*debug.BuildInfo){
		"no main module":      func(i *debug.BuildInfo) { i.Main.Path = "" },
		"no release of Go":    func(i *debug.BuildInfo) { i.GoVersion = "devel +abc" },
		"a local replacement": func(i *debug.BuildInfo) { i.Deps[1].Replace = &debug.Module{Path: "../new"} },
		"a strange checksum":  func(i *debug.BuildInfo) { i.Deps[0].Sum = "h2:abc" },
	} {
		i := info()
		change(i)
		if b, err := billOf(i); err == nil {
			t.Errorf("%s: got %+v", name, b)
		}
	}
}
