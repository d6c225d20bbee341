package standard

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/logging"
	"github.com/edge-proxy/edge-proxy/domain"
)

// load reads the configuration. When it reports false, what is wrong has been
// printed, one line per problem.
func (p *program) load() (config.Settings, []config.Warning, bool) {
	return p.loadWith(os.ReadFile)
}

func (p *program) loadWith(readFile func(string) ([]byte, error)) (config.Settings, []config.Warning, bool) {
	settings, warnings, err := config.Load(p.configSource(readFile))
	if err != nil {
		p.printProblems(err)
		return settings, warnings, false
	}
	return settings, warnings, true
}

func (p *program) configSource(readFile func(string) ([]byte, error)) config.Source {
	return config.Source{Environ: p.Environ, ReadFile: readFile, WorkingDir: p.WorkingDir, Checks: p.settingChecks()}
}

// printProblems prints an error of several lines, each of which is a problem.
func (p *program) printProblems(err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(p.Stderr, "edge-proxy: configuration: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// loggers opens the log. When it reports false, what is wrong has been printed.
func (p *program) loggers(s config.Settings) (*logging.Loggers, bool) {
	options, err := loggingOptions(s)
	if err == nil {
		options.Stdout, options.Stderr = p.Stdout, p.Stderr
		var l *logging.Loggers
		if l, err = logging.New(options); err == nil {
			return l, true
		}
	}
	p.printProblems(err)
	return nil, false
}

func loggingOptions(s config.Settings) (logging.Options, error) {
	override, err := loggingOverride(s)
	if err != nil {
		return logging.Options{}, err
	}
	return logging.Options{
		Level: s.Logging.LogLevel, Format: s.Logging.LogFormat, EventFieldName: s.Logging.LogEventFieldName,
		Colours: s.Logging.Colours, EnableAccessLog: s.Logging.EnableAccessLog, Override: override,
	}, nil
}

func loggingOverride(s config.Settings) (override map[string]any, err error) {
	if err := json.Unmarshal(s.Logging.Override, &override); err != nil {
		return nil, fmt.Errorf("logging.override: %w", err)
	}
	return override, nil
}

// environments groups the configured key pairs by environment, in their order.
func environments(s config.Settings) []domain.EnvironmentKeys {
	var list []domain.EnvironmentKeys
	at := map[domain.EnvironmentKey]int{}
	for _, pair := range s.EnvironmentKeyPairs {
		i, known := at[pair.ClientSideKey]
		if !known {
			i = len(list)
			at[pair.ClientSideKey] = i
			list = append(list, domain.EnvironmentKeys{Client: pair.ClientSideKey})
		}
		list[i].Server = append(list[i].Server, domain.NewCredential(pair.ServerSideKey, noExpiry))
	}
	return list
}
