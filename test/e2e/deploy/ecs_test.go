package deploy_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// task has the fields of an ECS task definition that ours uses. Other fields are
// refused, so that a typing error is noticed.
type task struct {
	Family                  string           `json:"family"`
	RequiresCompatibilities []string         `json:"requiresCompatibilities"`
	NetworkMode             string           `json:"networkMode"`
	CPU                     string           `json:"cpu"`
	Memory                  string           `json:"memory"`
	RuntimePlatform         *runtimePlatform `json:"runtimePlatform"`
	ExecutionRoleARN        string           `json:"executionRoleArn"`
	ContainerDefinitions    []taskContainer  `json:"containerDefinitions"`
}

type runtimePlatform struct {
	CPUArchitecture       string `json:"cpuArchitecture"`
	OperatingSystemFamily string `json:"operatingSystemFamily"`
}

type taskContainer struct {
	Name                   string           `json:"name"`
	Image                  string           `json:"image"`
	Essential              bool             `json:"essential"`
	User                   string           `json:"user"`
	ReadonlyRootFilesystem bool             `json:"readonlyRootFilesystem"`
	PortMappings           []taskPort       `json:"portMappings"`
	Environment            []nameValue      `json:"environment"`
	Secrets                []nameSecret     `json:"secrets"`
	HealthCheck            taskCheck        `json:"healthCheck"`
	StopTimeout            int              `json:"stopTimeout"`
	LinuxParameters        *linuxParameters `json:"linuxParameters"`
	LogConfiguration       *taskLog         `json:"logConfiguration"`
}

type taskPort struct {
	Name          string `json:"name"`
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

type (
	nameValue  struct{ Name, Value string }
	nameSecret struct{ Name, ValueFrom string }
	taskLog    struct {
		LogDriver string            `json:"logDriver"`
		Options   map[string]string `json:"options"`
	}
	linuxParameters struct {
		Capabilities struct {
			Drop []string `json:"drop"`
		} `json:"capabilities"`
		InitProcessEnabled bool `json:"initProcessEnabled"`
	}
)

type taskCheck struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval"`
	Timeout     int      `json:"timeout"`
	Retries     int      `json:"retries"`
	StartPeriod int      `json:"startPeriod"`
}

func readTask(t *testing.T) task {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(readFile(t, directory+"/ecs-task-definition.json"))))
	decoder.DisallowUnknownFields()
	var read task
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	if len(read.ContainerDefinitions) != 1 {
		t.Fatalf("%d containers", len(read.ContainerDefinitions))
	}
	return read
}

func TestTaskDefinition(t *testing.T) {
	task := readTask(t)
	container := task.ContainerDefinitions[0]
	var environ []string
	for _, v := range container.Environment {
		environ = append(environ, v.Name+"="+v.Value)
	}
	secret := regexp.MustCompile(`^arn:aws:(secretsmanager|ssm):[a-z0-9-]+:[0-9]{12}:(secret:|parameter/)[\w/-]+$`)
	for _, s := range container.Secrets {
		if !secret.MatchString(s.ValueFrom) {
			t.Errorf("%s comes from %q", s.Name, s.ValueFrom)
		}
		environ = append(environ, s.Name+"="+entries()["environment_key_pairs"])
	}
	settings, warnings, err := config.Load(config.Source{Environ: environ})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	if len(container.Secrets) != 1 || container.Secrets[0].Name != "ENVIRONMENT_KEY_PAIRS" || len(settings.EnvironmentKeyPairs) != 1 {
		t.Errorf("secrets: %v", container.Secrets)
	}

	check := container.HealthCheck
	for what, holds := range map[string]bool{
		"it has a name, an image and a role":         task.Family != "" && container.Name != "" && container.Image != "" && task.ExecutionRoleARN != "",
		"it is for Fargate":                          len(task.RequiresCompatibilities) == 1 && task.RequiresCompatibilities[0] == "FARGATE" && task.NetworkMode == "awsvpc",
		"CPU and memory are a pair that Fargate has": task.CPU == "512" && (task.Memory == "1024" || task.Memory == "2048"),
		"the task ends with the container":           container.Essential,
		"it runs as the image's user":                container.User == "10001:10001",
		"its file system is read-only":               container.ReadonlyRootFilesystem,
		"it has no capabilities":                     container.LinuxParameters != nil && len(container.LinuxParameters.Capabilities.Drop) == 1 && container.LinuxParameters.Capabilities.Drop[0] == "ALL",
		"the port is the proxy's":                    len(container.PortMappings) == 1 && container.PortMappings[0].ContainerPort == settings.Server.Port,
		"the check is within ECS' limits":            check.Interval >= 5 && check.Interval <= 300 && check.Timeout >= 2 && check.Timeout <= 60 && check.Retries >= 1 && check.Retries <= 10 && check.StartPeriod <= 300,
		"the check waits for the first documents":    check.StartPeriod >= 30,
		"it has the time to stop that it needs":      float64(container.StopTimeout) >= timeToStop(settings) && container.StopTimeout <= 120,
		"an ALB closes idle connections first":       settings.Server.TimeoutKeepAlive.Seconds() > 60,
		"clients' addresses come from the ALB":       settings.Server.ProxyHeaders && !settings.ForwardedAllowIPs.All,
		"the log is JSON and goes to CloudWatch":     settings.Logging.LogFormat == "json" && container.LogConfiguration != nil && container.LogConfiguration.LogDriver == "awslogs",
	} {
		if !holds {
			t.Errorf("it does not hold that %s", what)
		}
	}
}
