package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// bill is a CycloneDX document, as far as it is needed here.
type bill struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp  string     `json:"timestamp,omitempty"`
	Component  component  `json:"component"`
	Properties []property `json:"properties"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Hashes  []hash `json:"hashes,omitempty"`
}

// hash of a module is that of go.sum: SHA-256 over the sums of its files.
type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// billOf makes the bill of a binary: its modules, and Go's standard library. What
// the binary cannot tell is an error, for a bill that leaves things out is worse
// than none.
func billOf(info *debug.BuildInfo) (*bill, error) {
	if info.Main.Path == "" {
		return nil, fmt.Errorf("it does not say which module it was built from")
	}
	main, err := componentOf("application", &info.Main)
	if err != nil {
		return nil, err
	}
	library, err := standardLibrary(info.GoVersion)
	if err != nil {
		return nil, err
	}
	b := &bill{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{Component: main}, Components: []component{library}}
	for _, module := range info.Deps {
		c, err := componentOf("library", module)
		if err != nil {
			return nil, err
		}
		if len(c.Hashes) == 0 {
			return nil, fmt.Errorf("the module %s has no checksum: it was replaced by a directory", c.Name)
		}
		b.Components = append(b.Components, c)
	}
	slices.SortFunc(b.Components, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })

	b.Metadata.Properties = []property{{"go.version", info.GoVersion}}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			b.Metadata.Timestamp = s.Value
		}
		b.Metadata.Properties = append(b.Metadata.Properties, property{"go.build." + s.Key, s.Value})
	}
	from := dependency{Ref: main.Ref}
	b.Dependencies = []dependency{{}}
	for _, c := range b.Components {
		from.DependsOn = append(from.DependsOn, c.Ref)
		b.Dependencies = append(b.Dependencies, dependency{Ref: c.Ref})
	}
	b.Dependencies[0] = from
	b.Serial = serial(info.String())
	return b, nil
}

func componentOf(kind string, m *debug.Module) (component, error) {
	if m.Replace != nil {
		m = m.Replace
	}
	c := component{Type: kind, Name: m.Path, Version: m.Version, PURL: packageURL(m.Path, m.Version)}
	c.Ref = c.PURL
	if m.Sum != "" {
		text, ok := strings.CutPrefix(m.Sum, "h1:")
		sum, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(sum) != sha256.Size {
			return c, fmt.Errorf("the module %s has the checksum %q, which is of no known form", m.Path, m.Sum)
		}
		c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
	}
	return c, nil
}

func standardLibrary(goVersion string) (component, error) {
	version, ok := strings.CutPrefix(goVersion, "go")
	if !ok {
		return component{}, fmt.Errorf("the Go version %q is not a release", goVersion)
	}
	version, _, _ = strings.Cut(version, " ")
	purl := packageURL("std", version)
	return component{Type: "library", Ref: purl, Name: "std", Version: version, PURL: purl}, nil
}

// packageURL is a module's package URL. Module paths need no escaping but for what
// versions may hold, such as "+incompatible".
func packageURL(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// serial is a UUID made of what text says (RFC 9562, version 8).
func serial(text string) string {
	sum := sha256.Sum256([]byte(text))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
