package chart

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Kubernetes is the version of the schemas: the newest that the module has. What
// the manifests use has not changed since.
const Kubernetes = "1.30"

// Schemas are the OpenAPI schemas that Kubernetes publishes, made strict: fields
// that they do not have are refused.
type Schemas struct {
	compiler *jsonschema.Compiler
	places   map[kind]string
}

// kind is the kind and version of an object.
type kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// LoadSchemas reads the schemas from the module sigs.k8s.io/kubectl-validate, in
// go.mod's version.
func LoadSchemas() (*Schemas, error) {
	directory, err := moduleDirectory("sigs.k8s.io/kubectl-validate")
	if err != nil {
		return nil, err
	}
	s := &Schemas{compiler: jsonschema.NewCompiler(), places: map[kind]string{}}
	s.compiler.DefaultDraft(jsonschema.Draft4) // OpenAPI 3.0 is nearest to it
	root := filepath.Join(directory, "pkg/openapiclient/builtins", Kubernetes)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return s.add(path)
	})
	if err != nil {
		return nil, fmt.Errorf("schemas of Kubernetes %s: %w", Kubernetes, err)
	}
	return s, nil
}

// moduleDirectory returns the directory of a required module and downloads the
// module if necessary.
func moduleDirectory(path string) (string, error) {
	output, err := exec.Command("go", "mod", "download", "-json", path).Output()
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w: %s", path, err, output)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(output, &module); err != nil {
		return "", fmt.Errorf("go mod download %s: %w", path, err)
	}
	return module.Dir, nil
}

// add adds the schemas of one API group and version.
func (s *Schemas) add(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document struct {
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	resource := "file://" + filepath.ToSlash(path)
	schemas := map[string]any{}
	for name, schema := range document.Components.Schemas {
		closeObjects(schema)
		schemas[name] = schema
		kinds, err := json.Marshal(schema["x-kubernetes-group-version-kind"])
		if err != nil {
			return err
		}
		var is []kind
		if err := json.Unmarshal(kinds, &is); err != nil {
			return fmt.Errorf("%s: %s: %w", path, name, err)
		}
		for _, k := range is {
			s.places[k] = resource + "#/components/schemas/" + name
		}
	}
	return s.compiler.AddResource(resource, map[string]any{"components": map[string]any{"schemas": schemas}})
}

// closeObjects makes a schema with properties refuse all others.
func closeObjects(schema map[string]any) {
	if _, has := schema["properties"]; has {
		if _, open := schema["additionalProperties"]; !open {
			schema["additionalProperties"] = false
		}
	}
	for _, value := range schema {
		closeWithin(value)
	}
}

func closeWithin(value any) {
	switch value := value.(type) {
	case map[string]any:
		closeObjects(value)
	case []any:
		for _, element := range value {
			closeWithin(element)
		}
	}
}

// Validate returns what is wrong with an object, given as decoded JSON.
func (s *Schemas) Validate(object map[string]any) error {
	apiVersion, _ := object["apiVersion"].(string)
	group, version, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		group, version = "", apiVersion
	}
	name, _ := object["kind"].(string)
	place, known := s.places[kind{group, version, name}]
	if !known {
		return fmt.Errorf("Kubernetes %s has no %s %s", Kubernetes, apiVersion, name)
	}
	schema, err := s.compiler.Compile(place)
	if err != nil {
		return err
	}
	return schema.Validate(object)
}
