package deploy_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// eachManifest runs a test for every manifest.
func eachManifest(t *testing.T, test func(t *testing.T, m manifest)) {
	for _, m := range manifests(t) {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

func TestPodsAreConfined(t *testing.T) {
	eachManifest(t, func(t *testing.T, m manifest) {
		pod := m.workload(t).Spec.Template.Spec
		container := pod.Containers[0]
		no := func(b *bool) bool { return b != nil && !*b }
		for what, holds := range map[string]bool{
			"runs as the image's user":            pod.SecurityContext.RunAsNonRoot && pod.SecurityContext.RunAsUser == 10001 && pod.SecurityContext.RunAsGroup == 10001,
			"can read secrets and volumes":        pod.SecurityContext.FSGroup == 10001,
			"has seccomp":                         pod.SecurityContext.SeccompProfile.Type == "RuntimeDefault",
			"gets no token":                       no(pod.AutomountServiceAccountToken),
			"gets no variables of services":       no(pod.EnableServiceLinks),
			"cannot gain privileges":              no(container.SecurityContext.AllowPrivilegeEscalation) && !container.SecurityContext.Privileged,
			"has no capabilities":                 slices.Equal(container.SecurityContext.Capabilities.Drop, []string{"ALL"}) && len(container.SecurityContext.Capabilities.Add) == 0,
			"cannot write to its file system":     container.SecurityContext.ReadOnlyRootFilesystem,
			"asks for CPU and memory":             container.Resources.Requests["cpu"] != nil && container.Resources.Requests["memory"] != nil,
			"has a limit of memory":               container.Resources.Limits["memory"] != nil,
			"is spread over hosts and zones":      len(pod.TopologySpreadConstraints) == 2,
			"is of a version":                     strings.Contains(path.Base(container.Image), ":") && !strings.HasSuffix(container.Image, ":latest"),
			"has an account of its own":           len(m.of("ServiceAccount")) == 1 && m.of("ServiceAccount")[0].Metadata.Name == pod.ServiceAccountName,
			"has an account without a token":      len(m.of("ServiceAccount")) == 1 && no(m.of("ServiceAccount")[0].AutomountServiceAccountToken),
			"comes without a Secret":              len(m.of("Secret")) == 0,
			"mounts directories, read-only":       readOnlyButForDocuments(container),
			"has probes in its first seconds":     container.StartupProbe.PeriodSeconds <= 5,
			"has half a minute and more to start": container.StartupProbe.PeriodSeconds*container.StartupProbe.FailureThreshold >= 30,
			"is not ended by a short pause":       container.LivenessProbe.PeriodSeconds*container.LivenessProbe.FailureThreshold >= 30,
		} {
			if !holds {
				t.Errorf("it does not hold that the pod %s", what)
			}
		}
	})
}

// The pod of "helm test" has no more rights than the proxy.
func TestTestPodsAreConfined(t *testing.T) {
	found := 0
	for _, m := range manifests(t) {
		for _, pod := range m.of("Pod") {
			found++
			s, c := pod.Spec, pod.Spec.Containers[0]
			switch {
			case len(s.Containers) != 1,
				!s.SecurityContext.RunAsNonRoot || s.SecurityContext.RunAsUser != 10001 || s.SecurityContext.SeccompProfile.Type != "RuntimeDefault",
				s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken,
				c.SecurityContext.AllowPrivilegeEscalation == nil || *c.SecurityContext.AllowPrivilegeEscalation || c.SecurityContext.Privileged,
				!slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) || len(c.SecurityContext.Capabilities.Add) > 0,
				!c.SecurityContext.ReadOnlyRootFilesystem, len(c.VolumeMounts) > 0, c.Resources.Limits["memory"] == nil:
				t.Errorf("%s: %+v", m.name, s)
			}
			if secured := m.name == "https"; slices.Contains(c.Command, "--skip-verify") != secured {
				t.Errorf("%s: the command is %q", m.name, c.Command)
			}
		}
	}
	if found < 4 {
		t.Errorf("only %d pods were found", found)
	}
}

func readOnlyButForDocuments(c container) bool {
	for _, mount := range c.VolumeMounts {
		if mount.SubPath != "" || mount.ReadOnly == (mount.Name == "documents") {
			return false
		}
	}
	return len(c.VolumeMounts) > 0
}

// Labels and names that refer to each other match.
func TestObjectsBelongTogether(t *testing.T) {
	eachManifest(t, func(t *testing.T, m manifest) {
		workload := m.workload(t)
		labels := workload.Spec.Template.Metadata.Labels
		selects := func(selector any) bool {
			wanted, _ := selector.(map[string]any)
			if inner, ok := wanted["matchLabels"].(map[string]any); ok {
				wanted = inner
			}
			for key, value := range wanted {
				if labels[key] != value {
					return false
				}
			}
			return len(wanted) > 0
		}
		for _, o := range m.objects {
			switch o.Kind {
			case "Service", "PodDisruptionBudget", "Deployment", "StatefulSet":
				if !selects(o.Spec.Selector) {
					t.Errorf("%s %s selects %v, the pods have %v", o.Kind, o.Metadata.Name, o.Spec.Selector, labels)
				}
			case "NetworkPolicy":
				if !selects(o.Spec.PodSelector) || !slices.Equal(o.Spec.PolicyTypes, []string{"Ingress", "Egress"}) {
					t.Errorf("the policy is for %v and %v", o.Spec.PodSelector, o.Spec.PolicyTypes)
				}
			case "HorizontalPodAutoscaler":
				if to := o.Spec.ScaleTargetRef; to.Kind != workload.Kind || to.Name != workload.Metadata.Name {
					t.Errorf("%v is scaled", to)
				}
			}
			for _, port := range o.Spec.Ports {
				if port.TargetPort != "http" {
					t.Errorf("%s %s leads to port %v", o.Kind, o.Metadata.Name, port.TargetPort)
				}
			}
		}
		for _, kind := range []string{"Service", "PodDisruptionBudget", "NetworkPolicy"} {
			if len(m.of(kind)) == 0 {
				t.Errorf("there is no %s", kind)
			}
		}
		if scaled := len(m.of("HorizontalPodAutoscaler")) > 0; scaled == (workload.Spec.Replicas != nil) {
			t.Errorf("autoscaler: %v, replicas: %v; either sees to them", scaled, workload.Spec.Replicas)
		}
		if stateful := workload.Kind == "StatefulSet"; stateful != (len(workload.Spec.VolumeClaimTemplates) == 1) {
			t.Errorf("a %s with %d volume claims", workload.Kind, len(workload.Spec.VolumeClaimTemplates))
		}
	})
}

// The proxy's settings are valid, agree with the rest of the manifest, and are
// complete together with the mounted files.
func TestSettingsFitTheManifest(t *testing.T) {
	eachManifest(t, func(t *testing.T, m manifest) {
		pod := m.workload(t).Spec.Template.Spec
		container := pod.Containers[0]
		settings := load(t, m)

		listens := map[string]int{"http": settings.Server.Port}
		if settings.Admin.Host != "127.0.0.1" {
			listens["admin"] = settings.Admin.Port.Number
		}
		if settings.Server.HTTPPort.Chosen {
			listens["plain"] = settings.Server.HTTPPort.Number
		}
		ports := map[string]int{}
		for _, port := range container.Ports {
			ports[port.Name] = port.ContainerPort
		}
		if !maps.Equal(ports, listens) {
			t.Errorf("ports %v, the proxy listens on %v", ports, listens)
		}
		if needed := timeToStop(settings); float64(pod.TerminationGracePeriodSeconds) < needed {
			t.Errorf("%d s to stop, %g s may be needed", pod.TerminationGracePeriodSeconds, needed)
		}
		if settings.Logging.LogFormat != "json" {
			t.Errorf("the log is %s", settings.Logging.LogFormat)
		}
		if file, isBolt := strings.CutPrefix(settings.Store.URL.Reveal(), "bolt://"); isBolt {
			mount := mountOf(container, file)
			if mount == "" || len(m.workload(t).Spec.VolumeClaimTemplates) != 1 || mount != m.workload(t).Spec.VolumeClaimTemplates[0].Metadata.Name {
				t.Errorf("%s is on the volume %q", file, mount)
			}
		}

		wanted := map[string]bool{"53/UDP": true, "53/TCP": true, "443/TCP": true}
		for _, u := range []config.URL{settings.APIURL, settings.RealtimeURL, settings.Store.URL} {
			if port := portOf(u.Reveal()); port != "" {
				wanted[port+"/TCP"] = true
			}
		}
		for _, policy := range m.of("NetworkPolicy") {
			allowed := map[string]bool{}
			for _, rule := range policy.Spec.Egress {
				for _, port := range rule.Ports {
					allowed[fmt.Sprintf("%v/%s", port.Port, port.Protocol)] = true
				}
			}
			for port := range wanted {
				if !allowed[port] {
					t.Errorf("no way out to port %s, only to %v", port, slices.Sorted(maps.Keys(allowed)))
				}
			}
			in := policy.Spec.Ingress
			if len(in) == 0 || len(in) > 2 || len(in[0].Ports) != 1 || in[0].Ports[0].Port != "http" {
				t.Errorf("ways in: %v", in)
			}
			// The admin port is for those alone who are named.
			if len(in) == 2 && (len(in[1].Ports) != 1 || in[1].Ports[0].Port != "admin" || len(in[1].From) == 0) {
				t.Errorf("ways in to the admin port: %v", in[1])
			}
		}
	})
}

// The measure of autoscaling by requests is a metric of the proxy.
func TestAutoscalingMeasureExists(t *testing.T) {
	var values struct {
		Autoscaling struct{ Requests struct{ Metric string } }
	}
	if err := yaml.Unmarshal([]byte(readFile(t, directory+"/helm/edge-proxy/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	if name := values.Autoscaling.Requests.Metric; name == "" || !strings.Contains(readFile(t, repository+"/docs/metrics.md"), "| `"+name+"` |") {
		t.Errorf("%q is not a metric of the proxy", name)
	}
}

// timeToStop returns the most seconds that the proxy takes to stop: the drain delay
// or the end of polling, then the last requests, then the store.
func timeToStop(s config.Settings) float64 {
	step := s.Server.ShutdownTimeout
	return (max(s.Server.DrainDelay, step) + 2*step).Seconds()
}

// mountOf returns the volume that has a file, or "".
func mountOf(c container, file string) string {
	for _, mount := range c.VolumeMounts {
		if strings.HasPrefix(file, mount.MountPath+"/") {
			return mount.Name
		}
	}
	return ""
}

// portOf returns the port of a URL of Flagsmith or Redis, or "".
func portOf(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	if at := strings.LastIndexByte(host, ':'); at >= 0 {
		if _, err := strconv.Atoi(host[at+1:]); err == nil {
			return host[at+1:]
		}
	}
	return map[string]string{"http": "80", "https": "443", "redis": "6379", "rediss": "6379"}[scheme]
}

// The chart rolls the pods for the settings that need a restart, and for no others.
func TestRestarts(t *testing.T) {
	text := readFile(t, directory+"/helm/edge-proxy/templates/_config.tpl")
	_, list, _ := strings.Cut(text, "range tuple ")
	list, _, _ = strings.Cut(list, " -}}")
	var got, want []string
	for _, key := range strings.Fields(list) {
		got = append(got, strings.Trim(key, `"`))
	}
	for _, entry := range config.Reference() {
		if entry.Key != "" && entry.Reload == config.Restart {
			want = append(want, entry.Key)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the chart has    %v\nthe settings have %v", got, want)
	}
}
