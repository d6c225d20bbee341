package deploy_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// entries are the entries of an operator's Secret, by name.
func entries() map[string]string {
	pairs := `[{"server_side_key":"ser.key_of_the_shop_4711","client_side_key":"client_key_of_the_shop"}]`
	return map[string]string{
		"environment_key_pairs": pairs,
		"shop":                  "ser.key_of_the_shop_4711\n",
		"blog":                  "ser.key_of_the_blog_0815\n",
		"store_url":             "rediss://edge-proxy:hidden_word_2342@redis.example.com:6379/0",
		"webhook_secret":        "hidden_word_4223\n",
		"proxy_key":             "hidden_word_1337\n",
		"admin_token":           "hidden_word_8001\n",
		"https_proxy":           "http://proxy.example.com:3128",
		"config.json":           `{"environment_key_pairs": ` + pairs + `}`,
	}
}

// files returns the files that are mounted into the container of a manifest, by
// path.
func (m manifest) files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	pod := m.workload(t).Spec.Template.Spec
	for _, mount := range pod.Containers[0].VolumeMounts {
		for _, v := range pod.Volumes {
			content := map[string]string{}
			switch {
			case v.Name != mount.Name:
			case v.Secret != nil && v.Secret.SecretName != "":
				content = entries()
				authority := certificates.NewAuthority(t, "test")
				pair := authority.Issue(t, certificates.Leaf{Names: []string{"edge-proxy"}})
				content["tls.crt"], content["tls.key"], content["ca.crt"] = string(pair.Cert), string(pair.Key), string(authority.PEM())
			case v.ConfigMap != nil:
				for _, o := range m.of("ConfigMap") {
					if o.Metadata.Name == v.ConfigMap.Name {
						content = o.Data
					}
				}
			}
			for name, text := range content {
				found[mount.MountPath+"/"+name] = text
			}
		}
	}
	return found
}

// load loads the settings as the proxy in the image does in a pod of the manifest.
func load(t *testing.T, m manifest) config.Settings {
	t.Helper()
	files := m.files(t)
	var environ []string
	for _, v := range m.workload(t).Spec.Template.Spec.Containers[0].Env {
		environ = append(environ, v.Name+"="+v.Value)
	}
	settings, warnings, err := config.Load(config.Source{
		Environ: environ, WorkingDir: "/app",
		ReadFile: func(name string) ([]byte, error) {
			text, mounted := files[name]
			if !mounted {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return []byte(text), nil
		},
	})
	if err != nil {
		t.Fatalf("the settings are refused: %v", err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings: %v", warnings)
	}
	return settings
}

// The proxy has every variable.
func TestVariablesAreSettings(t *testing.T) {
	known := map[string]bool{}
	for _, e := range config.Reference() {
		known[e.Variable], known[e.FileVariable] = true, true
	}
	for _, m := range manifests(t) {
		for _, v := range m.workload(t).Spec.Template.Spec.Containers[0].Env {
			if !known[v.Name] {
				t.Errorf("%s: %s is not a setting", m.name, v.Name)
			}
		}
	}
	for _, v := range readTask(t).ContainerDefinitions[0].Environment {
		if !known[v.Name] {
			t.Errorf("ECS: %s is not a setting", v.Name)
		}
	}
}

// "edge-proxy validate" accepts what is mounted.
func TestValidate(t *testing.T) {
	eachManifest(t, func(t *testing.T, m manifest) {
		root := t.TempDir()
		moved := func(text string) string {
			return strings.ReplaceAll(text, "/run/secrets/edge-proxy", root+"/run/secrets/edge-proxy")
		}
		for name, text := range m.files(t) {
			if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, name), []byte(moved(text)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		variables := map[string]string{}
		for _, v := range m.workload(t).Spec.Template.Spec.Containers[0].Env {
			variables[v.Name] = moved(v.Value)
		}
		dir := filepath.Join(root, "app")
		got := harness.Run(t, harness.Setup{Args: []string{"validate"}, Dir: dir, Env: variables})
		if got.Code != 0 || got.Stderr != "" || !strings.Contains(got.Stdout, "configuration valid") {
			t.Errorf("%+v", got)
		}
	})
}

// Secrets are neither in a ConfigMap nor in a variable.
func TestNoSecretsInManifests(t *testing.T) {
	confidential, secret := map[string]bool{}, map[string]bool{}
	for _, e := range config.Reference() {
		if e.Confidential {
			confidential[e.Variable] = true
			// A URL may be there, without a password.
			secret[e.Key] = e.Key != "" && !strings.HasSuffix(e.Key, "url")
		}
	}
	if len(confidential) < 2 {
		t.Fatalf("confidential: %v", slices.Sorted(maps.Keys(confidential)))
	}
	eachManifest(t, func(t *testing.T, m manifest) {
		for _, o := range m.of("ConfigMap") {
			for name, text := range o.Data {
				var settings map[string]any
				if err := json.Unmarshal([]byte(text), &settings); err != nil {
					t.Fatalf("%s of the ConfigMap: %v", name, err)
				}
				walk(settings, "", func(key string, value any) {
					text, isText := value.(string)
					if isText && (key == "environment_key_pairs.server_side_key" || secret[key] || strings.HasPrefix(text, "ser.") || strings.Contains(text, "@")) {
						t.Errorf("%s of the ConfigMap has %s in it", name, key)
					}
				})
			}
		}
		for _, v := range m.workload(t).Spec.Template.Spec.Containers[0].Env {
			if confidential[v.Name] {
				t.Errorf("the variable %s is a secret", v.Name)
			}
		}
	})
}

// walk visits the leaves of decoded JSON with their keys, in the form of settings.
func walk(value any, key string, visit func(key string, value any)) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			walk(inner, strings.TrimPrefix(key+"."+name, "."), visit)
		}
	case []any:
		for _, inner := range value {
			walk(inner, key, visit)
		}
	default:
		visit(key, value)
	}
}
