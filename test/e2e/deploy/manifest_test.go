package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	repository = "../../.."
	directory  = repository + "/docs/deploy"
)

// manifest is a file of objects for Kubernetes.
type manifest struct {
	name    string
	objects []object
}

// object has the fields of Kubernetes' objects that the tests use.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	// Of a ConfigMap.
	Data map[string]string
	// Of a ServiceAccount.
	AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
	Spec                         struct {
		podSpec  `yaml:",inline"` // of a Pod
		Replicas *int
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
		VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
		// A plain map in a Service; with matchLabels elsewhere.
		Selector       any
		PodSelector    any                         `yaml:"podSelector"`
		ScaleTargetRef struct{ Kind, Name string } `yaml:"scaleTargetRef"`
		PolicyTypes    []string                    `yaml:"policyTypes"`
		Ingress        []rule
		Egress         []rule
		Ports          []struct {
			TargetPort any `yaml:"targetPort"`
		}
	}
}

type rule struct {
	From  []any
	Ports []struct {
		Port     any
		Protocol string
	}
}

type podSpec struct {
	AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"`
	EnableServiceLinks            *bool  `yaml:"enableServiceLinks"`
	ServiceAccountName            string `yaml:"serviceAccountName"`
	TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
		RunAsUser      int                   `yaml:"runAsUser"`
		RunAsGroup     int                   `yaml:"runAsGroup"`
		FSGroup        int                   `yaml:"fsGroup"`
		SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers                []container
	Volumes                   []volume
	TopologySpreadConstraints []struct {
		TopologyKey   string `yaml:"topologyKey"`
		LabelSelector any    `yaml:"labelSelector"`
	} `yaml:"topologySpreadConstraints"`
}

type container struct {
	Image   string
	Command []string
	Ports   []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	Env             []struct{ Name, Value string }
	StartupProbe    probe `yaml:"startupProbe"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	ReadinessProbe  probe `yaml:"readinessProbe"`
	Resources       struct{ Requests, Limits map[string]any }
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Privileged               bool
		Capabilities             struct{ Add, Drop []string }
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		SubPath   string `yaml:"subPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet          struct{ Path, Port string } `yaml:"httpGet"`
	PeriodSeconds    int                         `yaml:"periodSeconds"`
	TimeoutSeconds   int                         `yaml:"timeoutSeconds"`
	FailureThreshold int                         `yaml:"failureThreshold"`
}

type volume struct {
	Name   string
	Secret *struct {
		SecretName string `yaml:"secretName"`
	}
	ConfigMap *struct{ Name string } `yaml:"configMap"`
}

// manifests returns what the chart renders for each set of values, and the
// handwritten manifest.
func manifests(t *testing.T) []manifest {
	t.Helper()
	paths, err := filepath.Glob("chart/testdata/golden/*.yaml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d golden files were found, %v", len(paths), err)
	}
	var found []manifest
	for _, path := range append(paths, directory+"/kubernetes.yaml") {
		found = append(found, readManifest(t, path))
	}
	return found
}

func readManifest(t *testing.T, path string) manifest {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := manifest{name: strings.TrimSuffix(filepath.Base(path), ".yaml")}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var o object
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return m
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		m.objects = append(m.objects, o)
	}
}

// workload returns the manifest's only Deployment or StatefulSet.
func (m manifest) workload(t *testing.T) object {
	t.Helper()
	found := append(m.of("Deployment"), m.of("StatefulSet")...)
	if len(found) != 1 || len(found[0].Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%s: %d workloads, or not one container", m.name, len(found))
	}
	return found[0]
}

func (m manifest) of(kind string) []object {
	var found []object
	for _, o := range m.objects {
		if o.Kind == kind {
			found = append(found, o)
		}
	}
	return found
}
